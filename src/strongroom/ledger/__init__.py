"""The hand that keeps the log: sequences entries, signs checkpoints, stores tiles, asks witnesses and is one."""
