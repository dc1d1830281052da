"""Hands that read the world into assets, facts and gaps. They pass no verdicts."""
