"""END: what watches a GPU server from the inside."""
