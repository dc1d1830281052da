"""LOG: records that are complete, and that their own keeper cannot rewrite."""
