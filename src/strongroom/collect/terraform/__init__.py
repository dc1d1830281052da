"""Terraform: its configuration language, evaluated in a fenced child, and its plans; both in one neutral form."""
