"""One file for each family of types. Dropping a file in is all: it ends in `SHAPES`."""
