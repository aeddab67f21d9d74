"""Places where people live: city and village."""

import numpy as np

from sonicdiffusion.soundscapes.picture.canvas import mix
from sonicdiffusion.soundscapes.picture.stage import Stage
from sonicdiffusion.soundscapes.picture.terrain import paint_broadleaf, paint_grass, paint_ground, paint_hill

_LAMPLIGHT = (1.0, 0.80, 0.42)


def city(stage: Stage) -> None:
    """Paint three rows of towers with windows, a street with kerbs, and trees along it."""
    canvas, rng = stage.canvas, stage.random("place")
    for depth, reach in ((0.55, 0.55), (0.32, 0.45), (0.08, 0.36)):
        x = rng.uniform(-0.1, 0.0)
        while x < canvas.aspect:
            width = rng.uniform(0.09, 0.19)
            top = stage.horizon - reach * rng.uniform(0.35, 1.0)
            _tower(stage, rng, x, width, top, depth)
            x += width * rng.uniform(0.9, 1.25)
    paint_ground(stage, rng, 0.10)
    _street(stage, rng)
    for _ in range(int(rng.integers(1, 4))):
        y = stage.horizon + rng.uniform(0.01, 0.06)
        foot = (rng.uniform(0, canvas.aspect), y)
        paint_broadleaf(canvas, rng, foot, rng.uniform(0.10, 0.16), (0.28, 0.46, 0.24), 0.0)


def _tower(stage: Stage, rng: np.random.Generator, x: float, width: float, top: float, depth: float) -> None:
    canvas = stage.canvas
    wall = mix((0.50, 0.55, 0.62), (0.72, 0.60, 0.50), rng.random()) * rng.uniform(0.6, 1.1)
    base, right = stage.horizon + 0.03, x + width
    canvas.polygon([(x, base), (x, top), (right, top), (right, base)], wall, depth)
    shade = x + 0.72 * width
    canvas.polygon([(shade, base), (shade, top), (right, top), (right, base)], wall * 0.7, depth)
    if rng.random() < 0.3:
        canvas.line([(x + width / 2, top), (x + width / 2, top - 0.06)], 0.008, wall * 0.6, depth)
    lit_share = 0.65 - 0.55 * stage.light.brightness
    rows, columns = int((base - top) / 0.045), int(rng.integers(2, 5))
    pitch = width / (columns + 0.5)
    for row in range(rows):
        y = top + 0.02 + row * 0.045
        for column in range(columns):
            left = x + pitch * (column + 0.35)
            pane = [(left, y), (left + 0.6 * pitch, y), (left + 0.6 * pitch, y + 0.024), (left, y + 0.024)]
            lit = rng.random() < lit_share
            glow = np.asarray(_LAMPLIGHT) * rng.uniform(0.6, 1.0) if lit else None
            canvas.polygon(pane, (0.0, 0.0, 0.0) if lit else wall * 0.45, depth * 0.8, glow)


def _street(stage: Stage, rng: np.random.Generator) -> None:
    canvas = stage.canvas
    middle, vanish = rng.uniform(0.3, 0.7) * canvas.aspect, rng.uniform(0.35, 0.65) * canvas.aspect
    top = stage.horizon + 0.01
    pavement = np.asarray((0.70, 0.69, 0.66))
    for spread, colour in ((0.62, pavement), (0.50, np.asarray((0.27, 0.28, 0.30)))):
        road = [(vanish - 0.05 * spread, top), (vanish + 0.05 * spread, top), (middle + spread, 1.02)]
        canvas.polygon([*road, (middle - spread, 1.02)], colour)
    for start in np.arange(0.08, 1.0, 0.22):
        near, far = start + 0.12, start
        y = [top + (1.02 - top) * t**1.5 for t in (far, near)]
        x = [vanish + (middle - vanish) * t**1.5 for t in (far, near)]
        half = [0.02 * t + 0.002 for t in (far, near)]
        dash = [
            (x[0] - half[0], y[0]),
            (x[0] + half[0], y[0]),
            (x[1] + half[1], y[1]),
            (x[1] - half[1], y[1]),
        ]
        canvas.polygon(dash, (0.93, 0.90, 0.80))


def village(stage: Stage) -> None:
    """Paint gabled houses and a church among trees on a green hillside, with a lane."""
    canvas, rng = stage.canvas, stage.random("place")
    paint_hill(stage, rng, stage.horizon - 0.03, 0.12, (0.38, 0.54, 0.34), 0.45)
    for x in rng.uniform(0, canvas.aspect, 4):
        paint_broadleaf(canvas, rng, (x, stage.horizon + 0.01), rng.uniform(0.1, 0.18), (0.27, 0.45, 0.22), 0.2)
    paint_ground(stage, rng, 0.16)
    if rng.random() < 0.75:
        _church(stage, (rng.uniform(0.15, 0.85) * canvas.aspect, stage.horizon + 0.03), rng.uniform(0.10, 0.14))
    count = int(rng.integers(4, 8))
    places = (np.arange(count) + rng.uniform(0.1, 0.9, count)) / count * canvas.aspect
    for y, x in sorted(zip(stage.horizon + rng.uniform(0.03, 0.16, count), places, strict=True)):
        _house(stage, rng, (float(x), float(y)), 0.11 + 0.5 * (float(y) - stage.horizon))
    paint_grass(stage, rng, 20, np.asarray(stage.ground) * 0.85)
    _fence(stage, rng)


def _window_glow(stage: Stage, rng: np.random.Generator) -> np.ndarray | None:
    lit = rng.random() > 0.25 + 0.75 * stage.light.brightness
    return np.asarray(_LAMPLIGHT) if lit else None


def _house(stage: Stage, rng: np.random.Generator, foot: tuple[float, float], size: float) -> None:
    canvas, (x, y) = stage.canvas, foot
    wall = mix((0.95, 0.91, 0.82), (0.88, 0.74, 0.58), rng.random())
    roof = mix((0.70, 0.26, 0.18), (0.42, 0.27, 0.22), rng.random())
    half, eaves, peak = 0.6 * size, y - 0.55 * size, y - 1.05 * size
    chimney = [
        (x + 0.25 * size, peak),
        (x + 0.25 * size, peak - 0.1 * size),
        (x + 0.4 * size, peak - 0.1 * size),
    ]
    canvas.polygon([*chimney, (x + 0.4 * size, eaves)], (0.55, 0.35, 0.30))
    canvas.polygon([(x - half, y), (x - half, eaves), (x + half, eaves), (x + half, y)], wall)
    canvas.polygon([(x + 0.25 * half, y), (x + 0.25 * half, eaves), (x + half, eaves), (x + half, y)], wall * 0.8)
    overhang = 1.2 * half
    ridge_ends = [(x - 0.75 * half, peak), (x + 0.75 * half, peak)]
    canvas.polygon([(x - overhang, eaves), *ridge_ends, (x + overhang, eaves)], roof)
    for left in (-0.7, 0.4):
        w = 0.32 * half
        pane = [(x + left * half, y - 0.40 * size), (x + left * half + w, y - 0.40 * size)]
        pane += [(x + left * half + w, y - 0.18 * size), (x + left * half, y - 0.18 * size)]
        canvas.polygon(pane, (0.30, 0.34, 0.40), glow=_window_glow(stage, rng))
    door = [(x - 0.14 * half, y), (x - 0.14 * half, y - 0.36 * size), (x + 0.18 * half, y - 0.36 * size)]
    canvas.polygon([*door, (x + 0.18 * half, y)], (0.42, 0.28, 0.18))


def _church(stage: Stage, foot: tuple[float, float], size: float) -> None:
    canvas, (x, y) = stage.canvas, foot
    wall = (0.93, 0.90, 0.84)
    canvas.polygon([(x, y), (x, y - size), (x + 1.6 * size, y - size), (x + 1.6 * size, y)], wall)
    canvas.polygon([(x, y - size), (x + 0.8 * size, y - 1.5 * size), (x + 1.7 * size, y - size)], (0.48, 0.30, 0.25))
    canvas.polygon([(x - 0.5 * size, y), (x - 0.5 * size, y - 1.7 * size), (x, y - 1.7 * size), (x, y)], wall)
    spire = [
        (x - 0.58 * size, y - 1.7 * size),
        (x - 0.25 * size, y - 2.8 * size),
        (x + 0.08 * size, y - 1.7 * size),
    ]
    canvas.polygon(spire, (0.36, 0.40, 0.45))
    canvas.ellipse((x - 0.25 * size, y - 1.4 * size), (0.1 * size, 0.1 * size), (0.35, 0.33, 0.32))


def _fence(stage: Stage, rng: np.random.Generator) -> None:
    canvas = stage.canvas
    y = rng.uniform(stage.horizon + 0.2, 0.97)
    start, end = np.sort(rng.uniform(0, canvas.aspect, 2))
    size, wood = 0.10 * stage.size_at(y), (0.55, 0.42, 0.28)
    for rail in (0.35, 0.75):
        canvas.line([(start, y - rail * size), (end, y - rail * size)], 0.13 * size, wood)
    for x in np.arange(start, end, 0.9 * size):
        canvas.line([(x, y), (x, y - size)], 0.16 * size, wood)
