"""IR: rebuilding, restoring, revoking, and having practised it."""
