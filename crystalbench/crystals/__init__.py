"""What a sample is: protostructures, and how a crystal becomes one."""
