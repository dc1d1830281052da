"""The catalogue: one folder per area, one file per control, each ending in CONTROL."""
