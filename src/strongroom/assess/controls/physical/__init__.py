"""PHY: the racks, and the parts that are in them."""
