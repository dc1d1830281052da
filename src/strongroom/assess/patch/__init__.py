"""Patch state: what is to be made of an installed version, by what vendors said and others know."""
