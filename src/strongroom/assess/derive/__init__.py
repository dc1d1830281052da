"""Facts computed from other facts, one file each, ending in `DERIVE`."""
