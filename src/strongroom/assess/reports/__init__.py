"""The formats that an assessment can be written in: one file each, ending in REPORT."""
