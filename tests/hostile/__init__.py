"""Faults and hostile input: what a run does with a full disk, a cache that lies, a process that is killed."""
