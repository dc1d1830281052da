"""INV: knowing what there is, what it is worth, and what could reach it."""
