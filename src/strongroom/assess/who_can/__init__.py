"""Who can do what to an asset: one file for each provider."""
