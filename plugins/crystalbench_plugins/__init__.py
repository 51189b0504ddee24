"""The plugins that come with crystalbench; one module is one feature."""
