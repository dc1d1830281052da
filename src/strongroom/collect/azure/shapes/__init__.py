"""Types of Azure Resource Manager in the form of the tables, one file for each field, ending in `SHAPES`."""
