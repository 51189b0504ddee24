"""The formats of the table: one format, one module."""
