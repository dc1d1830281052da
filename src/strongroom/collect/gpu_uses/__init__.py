"""What uses the GPUs of a node: the driver's word on processes, the kernel's on whose they are, the schedulers' on who got what."""
