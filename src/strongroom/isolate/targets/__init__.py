"""One file an engine that enforces the rule: what it is given is generated from the rule, and nothing else."""
