"""Squelching mud: a wet brown patch with puddles, and boots that tread in it."""

import numpy as np

from sonicdiffusion.soundscapes.picture.canvas import Canvas, Colour, Field, mix, ridge, smoothstep
from sonicdiffusion.soundscapes.picture.stage import Stage
from sonicdiffusion.soundscapes.picture.water import mirrored_sky

_BOOTS = ((0.80, 0.16, 0.14), (0.93, 0.76, 0.12), (0.16, 0.42, 0.24), (0.14, 0.25, 0.55), (0.15, 0.14, 0.16))


def mud(stage: Stage, rng: np.random.Generator, intensity: float) -> None:
    """Paint a muddy patch with boots in it; the patch, the boots and the flecks grow with the intensity."""
    canvas = stage.canvas
    brown = mix((0.30, 0.20, 0.12), (0.42, 0.29, 0.18), rng.random()) * np.float32(rng.uniform(0.8, 1.1))
    half = (0.15 + 0.36 * intensity) * rng.uniform(0.9, 1.1)
    depth = min(half * rng.uniform(0.36, 0.5), 0.48 * (1.0 - stage.horizon))
    centre = (
        float(rng.uniform(0.28, 0.72) * canvas.aspect),
        float(rng.uniform(stage.horizon + depth + 0.02, max(stage.horizon + depth + 0.03, 1.0 - 0.6 * depth))),
    )
    cover = _patch(stage, rng, centre, half, depth)
    lumps = canvas.noise(rng, 15.0, octaves=3, stretch=2.0)
    canvas.blend(cover, brown * (0.65 + 0.7 * lumps[..., None]))
    wet = smoothstep(0.60, 0.68, canvas.noise(rng, 8.0, octaves=2, stretch=3.0)) * cover
    canvas.blend(wet * 0.85, brown * 0.5, glow=mirrored_sky(stage) * 0.55)
    _paint_footprints(stage, rng, centre, half, depth, brown, 2 + round(5 * intensity))
    size = (0.16 + 0.24 * intensity) * rng.uniform(0.9, 1.1)
    at = (centre[0] + rng.uniform(-0.3, 0.3) * half, centre[1] + rng.uniform(0.0, 0.35) * depth)
    _paint_flecks(canvas, rng, at, size, brown, 5 + round(14 * intensity))
    colour, side = _BOOTS[int(rng.integers(len(_BOOTS)))], float(rng.choice((-1.0, 1.0)))
    _paint_boot(canvas, (at[0] - side * 0.42 * size, at[1] - 0.10 * size), size * 0.92, side, colour, brown)
    _paint_boot(canvas, at, size, side, colour, brown)


def _patch(stage: Stage, rng: np.random.Generator, centre: tuple[float, float], half: float, depth: float) -> Field:
    """Return where the mud lies: a blot with a lobed edge."""
    turn = np.linspace(0.0, 2 * np.pi, 48, endpoint=False)
    radius = 0.8 + 0.4 * ridge(rng, 48, 6.0, octaves=2)
    radius[-5:] = np.linspace(radius[-5], radius[0], 5)
    edge = np.stack([centre[0] + half * radius * np.cos(turn), centre[1] + depth * radius * np.sin(turn)], 1)
    return stage.canvas.cover(edge, blur=0.004)


def _paint_footprints(
    stage: Stage,
    rng: np.random.Generator,
    centre: tuple[float, float],
    half: float,
    depth: float,
    brown: Field,
    count: int,
) -> None:
    canvas = stage.canvas
    for _ in range(count):
        angle, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.75)
        x, y = centre[0] + half * reach * np.cos(angle), centre[1] + depth * reach * np.sin(angle)
        size = 0.05 * stage.size_at(y) + 0.015
        canvas.ellipse((x, y), (size, 0.45 * size), brown * 1.25)
        glint = mix(stage.light.horizon, stage.light.zenith, 0.3) * 0.45
        canvas.ellipse((x, y + 0.12 * size), (0.8 * size, 0.32 * size), brown * 0.4, glow=glint)


def _paint_flecks(
    canvas: Canvas, rng: np.random.Generator, at: tuple[float, float], size: float, brown: Field, count: int
) -> None:
    """Throw mud up and outwards from the boots."""
    for angle, reach in zip(rng.uniform(-np.pi, 0, count), rng.uniform(0.45, 1.15, count), strict=True):
        x, y = at[0] + size * reach * np.cos(angle), at[1] + 0.55 * size * reach * np.sin(angle)
        radius = max(0.008, size * rng.uniform(0.025, 0.06))
        canvas.ellipse((x, y), (radius, 1.3 * radius), brown * 0.8)
    crown = [(at[0] + size * 0.6 * np.cos(a), at[1] - size * (0.08 + 0.16 * (i % 2)))
             for i, a in enumerate(np.linspace(np.pi, 0.0, 11))]  # fmt: skip
    canvas.polygon(
        [*crown, (at[0] + 0.6 * size, at[1] + 0.05 * size), (at[0] - 0.6 * size, at[1] + 0.05 * size)], brown
    )


def _paint_boot(
    canvas: Canvas, foot: tuple[float, float], size: float, side: float, colour: Colour, brown: Field
) -> None:
    """Draw a rubber boot that points to `side`, sunk a little into the mud."""
    outline_ = np.asarray(
        [(-0.17, -1.0), (0.17, -1.0), (0.17, -0.36), (0.44, -0.26), (0.50, -0.08), (0.46, 0.0), (-0.19, 0.0)]
    )
    at = np.asarray(foot)
    shape = at + outline_ * (side * size, size)
    canvas.polygon(shape, colour)
    shade = at + np.asarray([(-0.17, -1.0), (-0.04, -1.0), (-0.04, 0.0), (-0.19, 0.0)]) * (side * size, size)
    canvas.polygon(shade, np.asarray(colour) * 0.65)
    rim = at + np.asarray([(-0.19, -1.0), (0.19, -1.0), (0.19, -0.9), (-0.19, -0.9)]) * (side * size, size)
    canvas.polygon(rim, np.minimum(np.asarray(colour) * 1.3 + 0.06, 1.0))
    shine = at + np.asarray([(0.06, -0.85), (0.12, -0.85), (0.12, -0.42), (0.06, -0.42)]) * (
        side * size,
        size,
    )
    canvas.polygon(shine, np.minimum(np.asarray(colour) * 1.5 + 0.12, 1.0))
    canvas.ellipse((foot[0] + 0.14 * side * size, foot[1] + 0.02 * size), (0.42 * size, 0.08 * size), brown)
