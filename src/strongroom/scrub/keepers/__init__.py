"""Schedulers that keep jobs away from a node, one file each, ending with KEEPER."""
