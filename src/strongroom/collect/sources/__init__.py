"""One file per source of facts, each ending in `COLLECTOR`."""
