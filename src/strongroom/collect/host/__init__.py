"""A machine seen from inside: the collector's text, `nvidia-smi -q -x` and NVML turned into assets."""
