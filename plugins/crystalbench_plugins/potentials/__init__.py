"""Interatomic potentials: one module, one library."""
