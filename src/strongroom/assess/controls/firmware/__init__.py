"""FW: what runs before the operating system, and beside it."""
