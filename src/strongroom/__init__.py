"""Strongroom: the control plane for the hardware and infrastructure under AI."""

__version__ = "0.1.0"
