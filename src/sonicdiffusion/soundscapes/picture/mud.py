"""Placeholder."""

def mud(stage, rng, intensity): return None
