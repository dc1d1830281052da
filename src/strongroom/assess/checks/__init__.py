"""One file per subject, each ending in `CHECKS`."""
