"""Convex hulls, one module a source: bundled (offline), official (downloaded)."""
