"""What all water has in common: its own colour, the sky that it mirrors, and its foam."""

import numpy as np

from sonicdiffusion.soundscapes.picture.canvas import Colour, Field, mix
from sonicdiffusion.soundscapes.picture.stage import Stage

_TONES = (
    (0.07, 0.30, 0.50),
    (0.08, 0.40, 0.44),
    (0.12, 0.34, 0.27),
    (0.27, 0.34, 0.37),
    (0.35, 0.28, 0.17),
    (0.05, 0.19, 0.35),
)
FOAM = np.asarray((0.93, 0.96, 0.98), np.float32)


def draw_tone(rng: np.random.Generator) -> Field:
    """Draw the colour of some water, from blue over green and grey to brown; RGB, shape (3,)."""
    first, second = rng.choice(len(_TONES), 2, replace=False)
    return mix(_TONES[first], _TONES[second], rng.uniform(0.0, 0.5)) * np.float32(rng.uniform(0.85, 1.2))


def foam_glow(stage: Stage) -> Field:
    """Return the light of the sky that foam scatters on top of what falls on it; RGB, shape (3,)."""
    light = stage.light
    scattered = mix(mix(light.horizon, light.ambient, 0.5), (0.9, 0.95, 1.0), 0.4)
    return scattered * np.float32(0.14 + 0.16 * (1.0 - light.brightness))


def mirrored_sky(stage: Stage) -> Field:
    """Return the sky as a level mirror shows it, shape (height, 1, 3): the horizon far off, the zenith near."""
    near = np.clip((stage.canvas.y[:, :1] - stage.horizon) / (1.0 - stage.horizon), 0.0, 1.0)[..., None]
    light = stage.light
    moon = np.asarray(light.sun, np.float32) * np.float32(0.12 * max(0.0, 0.5 - light.brightness))
    far = mix(light.horizon, light.zenith, 0.15)
    sky = far * (1 - near) + np.asarray(light.zenith, np.float32) * (0.25 + 0.75 * near) + moon
    return np.asarray(sky, np.float32)


def lay_water(stage: Stage, rng: np.random.Generator, cover: Field, tone: Colour, cells: float = 14.0) -> None:
    """Lay still or rippled water of colour `tone` over `cover`, shape (height, width) in [0, 1]."""
    canvas = stage.canvas
    ripple = canvas.noise(rng, cells, octaves=2, stretch=5.0)[..., None]
    sky = mirrored_sky(stage)
    canvas.blend(cover, np.asarray(tone, np.float32) * (0.6 + 0.5 * ripple), glow=sky * (0.14 + 0.42 * ripple))
