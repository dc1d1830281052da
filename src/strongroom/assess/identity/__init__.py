"""Effective permissions: who can do what to an asset, by his own rights or by way of others."""
