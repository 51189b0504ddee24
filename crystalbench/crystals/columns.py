"""Names of CSV columns that hold crystals, for everything that reads one."""

CIF_COLUMN = "cif"
LABEL_COLUMNS = ("protostructure", "wyckoff_spglib", "aflow_label", "label")
CRYSTAL_COLUMNS = (CIF_COLUMN, *LABEL_COLUMNS)
"""Columns that are understood without being told: CIF texts, or AFLOW labels."""
