"""Providers: each file ends in `PROVIDER`, which renders a rule in a provider's own words and lints what is there."""
