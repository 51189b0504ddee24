"""Realisers: from a protostructure to a proposed crystal structure."""
