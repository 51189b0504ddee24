"""Datasets, one module a source: bundled (offline), official (downloaded), custom (the user's own)."""
