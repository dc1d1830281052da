"""NET and SEG: what can reach AI compute, what it can reach, and what its nodes may say to each other."""
