"""A page and a table of many runs, in which only what compares is ranked together."""
