"""The judge of posture: facts in, findings out. It opens nothing and asks nobody."""
