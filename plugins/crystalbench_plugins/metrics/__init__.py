"""The columns of the table: one metric, one module; what several of them share begins with an underscore."""
