"""Placeholder."""

def rain_clouds(stage, rng, intensity): return None
def lightning(stage, rng, intensity): return None
def wind_on_ground(stage, rng, intensity): return None
def rain(stage, rng, intensity): return None
def blown_leaves(stage, rng, intensity): return None
