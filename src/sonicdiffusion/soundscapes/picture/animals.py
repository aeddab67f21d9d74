"""Placeholder."""

def birds(stage, rng, intensity): return None
def crickets(stage, rng, intensity): return None
