"""The sky at an hour of the day: its gradient, sun or moon, stars and fair-weather clouds."""

import numpy as np

from sonicdiffusion.soundscapes.picture.canvas import mix, smoothstep
from sonicdiffusion.soundscapes.picture.stage import Stage


def paint_sky(stage: Stage) -> None:
    """Fill the whole canvas with the sky; it shines by itself, so that no light falls on it."""
    canvas, light = stage.canvas, stage.light
    rng = stage.random("sky")
    height = np.clip(canvas.y / stage.horizon, 0.0, 1.0)[..., None] ** rng.uniform(0.7, 1.5)
    shift = rng.uniform(0.9, 1.1, 3)
    gradient = mix(light.zenith, light.zenith, 0) * shift * (1 - height) + np.asarray(light.horizon) * height
    canvas.emission[:] = gradient
    _paint_stars(stage, rng)
    _paint_sun(stage)
    _paint_clouds(stage, rng)


def _paint_stars(stage: Stage, rng: np.random.Generator) -> None:
    if stage.light.brightness > 0.2:
        return
    canvas = stage.canvas
    for _ in range(int(rng.integers(15, 45))):
        x, y = rng.uniform(0, canvas.aspect), rng.uniform(0, stage.horizon)
        shade = rng.uniform(0.3, 0.95)
        canvas.ellipse((x, y), (0.0045, 0.0045), (0, 0, 0), glow=(shade, shade, shade))


def _paint_sun(stage: Stage) -> None:
    canvas, light = stage.canvas, stage.light
    night = light.brightness < 0.2
    radius = 0.035 if night else 0.045
    strength = 0.25 if night else 0.45 * (1.3 - light.brightness)
    canvas.halo(stage.sun, 0.16, np.asarray(light.sun) * strength)
    if not night:
        canvas.halo(stage.sun, 0.45, np.asarray(light.sun) * strength * 0.5)
    canvas.ellipse(stage.sun, (radius, radius), (0, 0, 0), glow=np.asarray(light.sun) * 1.5)


def _paint_clouds(stage: Stage, rng: np.random.Generator) -> None:
    canvas, light = stage.canvas, stage.light
    amount = rng.uniform(0.0, 0.75)
    if amount < 0.15:
        return
    noise = canvas.noise(rng, rng.uniform(2.5, 5.0), octaves=5, stretch=rng.uniform(1.5, 3.5))
    cover = smoothstep(0.72 - 0.3 * amount, 0.9 - 0.2 * amount, noise)
    cover *= 1.0 - smoothstep(0.6, 1.05, canvas.y / stage.horizon)
    bright = mix(np.asarray(light.ambient) * 1.05, light.sun, 0.35) * (0.35 + 0.65 * light.brightness**0.5)
    shade = canvas.noise(rng, 4.0, octaves=3, stretch=2.0)[..., None] * 0.35 + 0.75
    canvas.blend(cover * 0.85, (0, 0, 0), glow=shade * bright)
