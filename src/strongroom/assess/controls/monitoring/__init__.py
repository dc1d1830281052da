"""MON: alerts on the three things that theft and abuse rarely avoid: bytes, changes and cost."""
