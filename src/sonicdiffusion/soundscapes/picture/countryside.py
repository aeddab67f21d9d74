"""Places where things grow: forest and meadow."""

import numpy as np

from sonicdiffusion.soundscapes.picture.canvas import mix
from sonicdiffusion.soundscapes.picture.stage import Stage
from sonicdiffusion.soundscapes.picture.terrain import (
    paint_broadleaf,
    paint_conifer,
    paint_grass,
    paint_ground,
    paint_hill,
)


def forest(stage: Stage) -> None:
    """Paint rows of trees, hazier behind, with tall near trunks and a path between them."""
    canvas, rng = stage.canvas, stage.random("place")
    green = mix((0.16, 0.38, 0.20), (0.30, 0.42, 0.14), rng.random())
    autumn = rng.random() < 0.2
    conifers = rng.random() < 0.55
    for depth, top in ((0.55, 0.34), (0.38, 0.40)):
        y = stage.horizon + 0.03 * (0.6 - depth)
        for x in np.linspace(-0.05, 1.05, 13) + rng.uniform(-0.03, 0.03, 13):
            height = (top + rng.uniform(-0.08, 0.06)) * (1.0 + 0.3 * (0.55 - depth))
            _tree(stage, rng, (x * canvas.aspect, y), height, green, depth, conifers, autumn)
    paint_ground(stage, rng, 0.35)
    _path(stage, rng)
    paint_grass(stage, rng, 30, np.asarray(stage.ground) * 1.25, 0.06)
    count = int(rng.integers(5, 9))
    ys = np.sort(stage.horizon + rng.uniform(0.01, 0.22, count))
    for y in ys:
        x = rng.uniform(-0.05, 1.05)
        size = (0.55 + 0.9 * (y - stage.horizon)) * rng.uniform(0.9, 1.2)
        depth = 0.25 * (1 - (y - stage.horizon) / 0.22)
        _tree(stage, rng, (x * canvas.aspect, y), size, green, depth, conifers, autumn)


def _tree(
    stage: Stage,
    rng: np.random.Generator,
    foot: tuple[float, float],
    height: float,
    green: np.ndarray,
    depth: float,
    conifers: bool,
    autumn: bool,
) -> None:
    colour = green * rng.uniform(0.8, 1.2)
    if autumn and not conifers:
        colour = mix((0.72, 0.36, 0.12), (0.80, 0.58, 0.16), rng.random())
    if conifers:
        paint_conifer(stage.canvas, foot, height, colour, depth)
    else:
        paint_broadleaf(stage.canvas, rng, foot, height, colour, depth)


def _path(stage: Stage, rng: np.random.Generator) -> None:
    canvas = stage.canvas
    t = np.linspace(0.0, 1.0, 12)
    y = stage.horizon + (1.02 - stage.horizon) * t
    bend = rng.uniform(-0.25, 0.25) * np.sin(np.pi * t * rng.uniform(0.6, 1.2))
    centre = canvas.aspect * (0.5 + rng.uniform(-0.2, 0.2)) + bend
    half = 0.02 + 0.16 * t**1.3
    ribbon = np.concatenate([np.stack([centre - half, y], 1), np.stack([centre + half, y], 1)[::-1]])
    canvas.polygon(ribbon, (0.52, 0.42, 0.29))


def meadow(stage: Stage) -> None:
    """Paint rolling green hills, a field of flowers, and a lone tree."""
    canvas, rng = stage.canvas, stage.random("place")
    paint_hill(stage, rng, stage.horizon - 0.02, 0.12, (0.36, 0.56, 0.32), 0.5)
    far = paint_hill(stage, rng, stage.horizon + 0.02, 0.10, (0.44, 0.64, 0.28), 0.25)
    if rng.random() < 0.8:
        at = rng.uniform(0.1, 0.9)
        y = float(far[int(at * (len(far) - 1))]) + 0.01
        paint_broadleaf(canvas, rng, (at * canvas.aspect, y), rng.uniform(0.14, 0.30), (0.26, 0.48, 0.20), 0.1)
    paint_ground(stage, rng, 0.16)
    paint_grass(stage, rng, 35, np.asarray(stage.ground) * 0.85, 0.07)
    _flowers(stage, rng)


def _flowers(stage: Stage, rng: np.random.Generator) -> None:
    palette = (
        (0.93, 0.22, 0.20),
        (0.98, 0.85, 0.20),
        (0.97, 0.96, 0.95),
        (0.62, 0.35, 0.80),
        (0.95, 0.50, 0.65),
    )
    chosen = rng.choice(len(palette), size=2, replace=False)
    count = int(rng.integers(45, 90))
    for y in np.sort(stage.horizon + (1.0 - stage.horizon) * rng.uniform(0.05, 1.0, count) ** 0.8):
        radius = 0.016 * stage.size_at(float(y))
        x = rng.uniform(0, stage.canvas.aspect)
        stage.canvas.ellipse((x, float(y)), (radius, 0.8 * radius), palette[chosen[int(rng.random() < 0.35)]])
