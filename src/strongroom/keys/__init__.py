"""Keys: hands. Each file is a back end that opens what it holds for a receipt of the log, and for nothing else."""
