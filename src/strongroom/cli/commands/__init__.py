"""One file per command, each ending in `COMMAND`; imported when it is called, listed from its first line."""
