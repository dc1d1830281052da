"""The roles; each file ends in `ROUTES`, a `strongroom.serve.role.Role`."""
