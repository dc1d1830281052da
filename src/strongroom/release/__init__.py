"""Release: a judge. It decides whether a key may leave, and never touches one."""
