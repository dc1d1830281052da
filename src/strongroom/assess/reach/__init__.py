"""What reaches what, one file for each provider, ending in `REACH`."""
