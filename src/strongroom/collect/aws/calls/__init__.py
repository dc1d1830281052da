"""What is asked of an account, one file for each family of services. Dropping a file in is all: it ends in `LISTINGS`."""
