"""TEE: workloads in verified trust boundaries, and keys that open for nothing else."""
