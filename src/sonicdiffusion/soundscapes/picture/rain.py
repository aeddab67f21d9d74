"""Rain: a dark cloud, slanted sheets of streaks under it, and rings on the puddles."""

from dataclasses import dataclass

import numpy as np

from sonicdiffusion.soundscapes.picture.billow import billow
from sonicdiffusion.soundscapes.picture.canvas import Field, mix, smoothstep
from sonicdiffusion.soundscapes.picture.stage import Stage

_CLOUDS = ((0.30, 0.33, 0.40), (0.38, 0.38, 0.40), (0.26, 0.28, 0.36), (0.42, 0.38, 0.38), (0.34, 0.40, 0.44))


@dataclass(frozen=True)
class _Shower:
    """Where it rains: the middle and width of a shower, the level of its cloud's base, its slant."""

    middle: float
    width: float
    base: float
    slant: float
    cloud: tuple[float, float, float]


def _shower(stage: Stage, intensity: float) -> _Shower:
    rng = stage.random("event", "raining", "shower")
    aspect = stage.canvas.aspect
    # Trees and houses hide the cloud, so there the shower itself is wider.
    hidden = {"forest": 1.3, "city": 1.1}.get(stage.scene.place, 1.0)
    width = aspect * hidden * (0.07 + 0.83 * intensity) * rng.uniform(0.95, 1.05)
    margin = min(0.4 * width, 0.5 * aspect)
    return _Shower(
        middle=float(rng.uniform(margin, aspect - margin)),
        width=float(width),
        base=float(rng.uniform(0.17, 0.30)),
        slant=float(0.8 * stage.wind + rng.uniform(-0.12, 0.12)),
        cloud=_CLOUDS[rng.integers(len(_CLOUDS))],
    )


def rain_clouds(stage: Stage, rng: np.random.Generator, intensity: float) -> None:
    """Hang a dark cloud over the part of the view that it rains on."""
    canvas, light, shower = stage.canvas, stage.light, _shower(stage, intensity)
    count = 10 + round(12 * shower.width)
    across = rng.uniform(-0.5, 0.5, count)
    radius = (0.07 + 0.05 * shower.width) * rng.uniform(0.7, 1.3, count) * (1.1 - 0.6 * np.abs(across))
    level = shower.base - rng.uniform(0.0, 0.16, count) * (1.2 - np.abs(across)) - 0.2 * radius
    puffs = np.stack([shower.middle + across * shower.width * 1.1, level, radius], 1)
    ruffle = canvas.noise(rng, 7.0, octaves=3)
    body = billow(canvas, puffs, ruffle, ruffle_size=0.035, edge=0.4)
    under = smoothstep(shower.base + 0.06, shower.base - 0.03, canvas.y + 0.08 * (ruffle - 0.5))
    lit = body.lit_from((0.6 * float(np.sign(stage.sun[0] - shower.middle)), -0.8))
    tone = mix(shower.cloud, light.horizon, 0.22) * np.float32(0.62 + 0.32 * light.brightness**0.6)
    shade = 0.50 + 0.95 * lit - 0.25 * smoothstep(shower.base - 0.14, shower.base, canvas.y)
    canvas.blend(0.97 * body.cover * under, (0, 0, 0), glow=shade[..., None] * tone)


def rain(stage: Stage, rng: np.random.Generator, intensity: float) -> None:
    """Draw sheets of rain in two depths before everything, and puddles where they fall."""
    canvas, light, shower = stage.canvas, stage.light, _shower(stage, intensity)
    sheet = _sheets(stage, rng, shower)
    _paint_puddles(stage, rng, shower, intensity)
    air = mix(shower.cloud, light.horizon, 0.20) * np.float32(0.84)
    strength = 0.34 + 0.16 * intensity + 0.16 * (1.0 - light.brightness) ** 2
    canvas.blend(strength * sheet, air * 0.3, glow=air * 0.75)
    drop = mix((0.86, 0.92, 1.0), light.horizon, 0.2) * np.float32(0.92 + 0.08 * light.brightness)
    for density, length, thick, opacity in ((100, 0.08, 0.008, 0.50), (60, 0.16, 0.0105, 0.75)):
        count = round(density * (0.55 + 0.45 * intensity) * shower.width / canvas.aspect) + 4
        y = rng.uniform(shower.base - 0.02, 0.96, count)
        x = shower.middle + shower.width * rng.uniform(-0.5, 0.5, count) - shower.slant * (y - shower.base)
        long = length * rng.uniform(0.7, 1.3, count)[:, None]
        starts = np.stack([x, y], 1)
        ends = starts + np.array([[-shower.slant, 1.0]]) * long
        field = canvas.strokes(list(np.stack([starts, ends], 1)), thick)
        canvas.blend(opacity * field, drop * 0.3, glow=drop * 0.68)


def _sheets(stage: Stage, rng: np.random.Generator, shower: _Shower) -> Field:
    """Return where rain hangs in the air: slanted bands from the cloud's base downwards."""
    canvas = stage.canvas
    knots = rng.uniform(0.25, 1.0, 14)
    fine = np.interp(np.linspace(0, 13, 400), np.arange(14), knots)
    across = np.linspace(-1.0, 1.0, 400)
    fine *= np.clip((1.0 - np.abs(across)) / 0.25, 0.0, 1.0)
    place = (canvas.x - shower.middle + shower.slant * (canvas.y - shower.base)) / (0.56 * shower.width)
    index = np.clip((place + 1.0) * 199.5, 0, 399).astype(np.int32)
    return fine.astype(np.float32)[index] * smoothstep(shower.base - 0.08, shower.base + 0.05, canvas.y)


def _paint_puddles(stage: Stage, rng: np.random.Generator, shower: _Shower, intensity: float) -> None:
    """Leave puddles that mirror the sky, with rings and leaping drops."""
    canvas, light = stage.canvas, stage.light
    mirror = mix(light.horizon, light.zenith, 0.35) * np.float32(0.62)
    ring = np.minimum(mix(light.horizon, (1, 1, 1), 0.5) * 0.95 + 0.05, 1.0)
    for level in np.sort(rng.uniform(stage.horizon + 0.08, 0.97, 2 + round(7 * intensity))):
        y = float(level)
        size = float((0.05 + 0.13 * stage.size_at(y)) * rng.uniform(0.6, 1.1))
        fall = shower.middle - shower.slant * (y - shower.base)
        x = float(fall + shower.width * rng.uniform(-0.45, 0.45))
        canvas.ellipse((x, y), (size, 0.24 * size), np.asarray(stage.ground) * 0.3, glow=mirror * 0.85)
        canvas.ellipse((x + 0.3 * size, y + 0.08 * size), (0.6 * size, 0.2 * size), mirror * 0.2, glow=mirror * 0.85)
        for _ in range(1):
            at = (x + float(rng.uniform(-0.5, 0.5)) * size, y + float(rng.uniform(-0.05, 0.05)) * size)
            wide = 0.5 * size * rng.uniform(0.7, 1.2)
            canvas.ellipse(at, (wide, 0.30 * wide), mirror * 0.1, glow=ring * 0.8)
            canvas.ellipse(at, (0.62 * wide, 0.16 * wide), mirror * 0.2, glow=mirror * 0.7)
            for side in (-1, 1):
                tip = (at[0] + side * 0.35 * wide, at[1] - (0.75 - 0.2 * abs(side)) * wide)
                canvas.line([at, tip], 0.008, ring * 0.2, glow=ring * 0.75)
