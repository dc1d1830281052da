"""Kinds of devices, one file each, ending with DEVICE."""
