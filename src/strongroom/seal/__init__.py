"""Seal: the hands on sealed and signed model artifacts: files, memory, threads and tokens; no verdicts."""
