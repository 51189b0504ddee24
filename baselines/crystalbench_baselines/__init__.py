"""Adapters for the files of other crystal generators; one module is one format."""
