"""Asset types of Cloud Asset Inventory in the form of the tables, one file for each field, ending in `SHAPES`."""
