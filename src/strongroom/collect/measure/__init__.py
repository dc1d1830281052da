"""Measure: read the files that a confidential workload starts from, for what its hardware will say of them."""
