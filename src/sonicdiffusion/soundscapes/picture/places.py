"""The places of Soundscapes: which painter draws each, and what ground it stands on."""

import numpy as np

from sonicdiffusion.soundscapes.picture import countryside, settlements, wilds

PAINTERS = {
    "mountains": wilds.mountains,
    "forest": countryside.forest,
    "desert": wilds.desert,
    "city": settlements.city,
    "village": settlements.village,
    "meadow": countryside.meadow,
    "coast": wilds.coast,
    "arctic": wilds.arctic,
}

_GROUND = {
    "mountains": (0.40, 0.47, 0.30),
    "forest": (0.27, 0.36, 0.18),
    "desert": (0.87, 0.68, 0.42),
    "city": (0.43, 0.45, 0.46),
    "village": (0.50, 0.62, 0.31),
    "meadow": (0.44, 0.66, 0.26),
    "coast": (0.88, 0.80, 0.60),
    "arctic": (0.90, 0.94, 0.98),
}


def ground_colour(place: str, rng: np.random.Generator) -> tuple[float, float, float]:
    """Return the colour of a place's ground, a little different in every scene."""
    varied = np.asarray(_GROUND[place]) * rng.uniform(0.88, 1.08) * rng.uniform(0.94, 1.06, 3)
    red, green, blue = (float(c) for c in np.clip(varied, 0.0, 1.0))
    return red, green, blue
