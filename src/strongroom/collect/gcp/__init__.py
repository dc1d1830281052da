"""Google Cloud as it is: what Cloud Asset Inventory exports."""
