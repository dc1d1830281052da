"""Judges of placement: what may run on which GPU, beside whom, and by which road it was asked for."""
