"""Places shaped by rock, sand, sea and ice."""

import numpy as np

from sonicdiffusion.soundscapes.picture.canvas import mix, ridge, smoothstep
from sonicdiffusion.soundscapes.picture.stage import Stage
from sonicdiffusion.soundscapes.picture.terrain import (
    outline,
    paint_conifer,
    paint_grass,
    paint_ground,
    paint_hill,
    paint_rock,
)

_SNOW = (0.95, 0.97, 1.0)


def mountains(stage: Stage) -> None:
    """Paint two ranges of snowy peaks, fir-clad foothills and a rocky alp."""
    canvas, rng = stage.canvas, stage.random("place")
    rock = mix((0.45, 0.44, 0.48), (0.50, 0.40, 0.36), rng.random())
    _range(stage, rng, stage.horizon * rng.uniform(0.42, 0.62), rock, depth=0.5)
    _range(stage, rng, stage.horizon * rng.uniform(0.22, 0.45), rock, depth=0.18)
    hills = paint_hill(stage, rng, stage.horizon + 0.01, 0.09, (0.24, 0.36, 0.24), 0.15)
    for x in np.linspace(0.0, 1.0, 16) + rng.uniform(-0.03, 0.03, 16):
        y = hills[int(np.clip(x, 0, 1) * (len(hills) - 1))] + 0.02
        tree = rng.uniform(0.05, 0.10)
        paint_conifer(canvas, (x * canvas.aspect, y), tree, (0.18, 0.33, 0.22), 0.12)
    paint_ground(stage, rng, 0.28)
    paint_grass(stage, rng, 25, np.asarray(stage.ground) * 0.85)
    for _ in range(int(rng.integers(2, 6))):
        y = rng.uniform(stage.horizon + 0.06, 1.0)
        foot = (rng.uniform(0, canvas.aspect), y)
        paint_rock(canvas, rng, foot, 0.09 * stage.size_at(y), (0.58, 0.57, 0.58))


def _range(stage: Stage, rng: np.random.Generator, top: float, rock: np.ndarray, depth: float) -> None:
    """Paint one range of peaks, each with a lit and a shaded flank and snow above an uneven line."""
    canvas = stage.canvas
    count = int(rng.integers(3, 6))
    centres = (np.arange(count) + rng.uniform(0.1, 0.9, count)) / count * canvas.aspect
    tops = top + (stage.horizon - top) * rng.uniform(0.0, 0.5, count)
    lit_left = stage.sun[0] < canvas.aspect / 2
    for x, peak in sorted(zip(centres, tops, strict=True), key=lambda item: item[1]):
        height = stage.horizon - peak + 0.03
        half = height * rng.uniform(0.75, 1.2)
        steps = np.linspace(0.0, 1.0, 12)
        jag = 0.13 * half * (rng.random((3, 12)) - 0.5) * np.sin(np.pi * steps)
        y = peak + steps * height
        left, right = x - half * steps + jag[0], x + half * steps + jag[1]
        crest = x + 0.25 * half * steps * (1 if lit_left else -1) + jag[2]
        shaded, lit = np.asarray(rock) * 0.55, np.asarray(rock) * 1.05
        snowline = int(rng.integers(4, 8))
        faces = [(left, crest, lit_left), (crest, right, not lit_left)]
        for a, b, bright in faces:
            face = np.concatenate([np.stack([a, y], 1), np.stack([b, y], 1)[::-1]])
            canvas.polygon(face, lit if bright else shaded, depth)
            fringe = y[:snowline].copy()
            fringe[-1] += 0.1 * height
            cap = np.concatenate([np.stack([a, y], 1)[:snowline], np.stack([b[:snowline], fringe], 1)[::-1]])
            canvas.polygon(cap, np.asarray(_SNOW) * (1.0 if bright else 0.68), depth)


def desert(stage: Stage) -> None:
    """Paint dunes with lit and shaded slopes, a far mesa, and cacti or a palm."""
    canvas, rng = stage.canvas, stage.random("place")
    if rng.random() < 0.7:
        x, half = rng.uniform(0.1, 0.9) * canvas.aspect, rng.uniform(0.12, 0.3)
        top = stage.horizon - rng.uniform(0.08, 0.2)
        mesa = [(x - half, stage.horizon + 0.02), (x - 0.75 * half, top), (x + 0.7 * half, top)]
        canvas.polygon([*mesa, (x + half, stage.horizon + 0.02)], (0.72, 0.42, 0.28), 0.3)
        canvas.polygon([*mesa[:2], (x - 0.2 * half, top), (x - 0.3 * half, stage.horizon + 0.02)],
                       (0.55, 0.31, 0.22), 0.3)  # fmt: skip
    paint_ground(stage, rng, 0.06)
    sand = np.asarray(stage.ground)
    levels = np.linspace(stage.horizon - 0.02, 0.98, 5) + rng.uniform(-0.03, 0.03, 5)
    for index, level in enumerate(levels):
        _dune(stage, rng, float(level), sand, 0.3 * (1 - index / 4))
    for _ in range(int(rng.integers(1, 5))):
        y = rng.uniform(stage.horizon + 0.04, 0.97)
        _cactus(stage, rng, (rng.uniform(0.05, 0.95) * canvas.aspect, y), 0.3 * stage.size_at(y))


def _dune(stage: Stage, rng: np.random.Generator, level: float, sand: np.ndarray, depth: float) -> None:
    canvas = stage.canvas
    swing = 0.05 + 0.12 * stage.size_at(level)
    heights = level - swing * (ridge(rng, 60, rng.uniform(1.0, 2.2), octaves=1) - 0.3)
    canvas.polygon(outline(canvas, heights), sand, depth)
    x = np.linspace(-0.02, canvas.aspect + 0.02, len(heights))
    lower = heights + swing * (0.25 + 0.35 * ridge(rng, 60, 3.0, octaves=1)) * (np.gradient(heights) > 0)
    shade = np.concatenate([np.stack([x, heights], 1), np.stack([x, lower], 1)[::-1]])
    canvas.polygon(shade, sand * (0.72, 0.66, 0.68), depth)


def _cactus(stage: Stage, rng: np.random.Generator, foot: tuple[float, float], height: float) -> None:
    x, y = foot
    green, width = (0.25, 0.45, 0.22), 0.16 * height
    stage.canvas.line([(x, y), (x, y - height)], width, green)
    for side in (-1, 1):
        arm, bend = y - height * rng.uniform(0.3, 0.55), x + side * 0.28 * height
        tip = arm - height * rng.uniform(0.2, 0.4)
        stage.canvas.line([(x, arm), (bend, arm), (bend, tip)], 0.75 * width, green)
    stage.canvas.line([(x - 0.3 * width, y), (x - 0.3 * width, y - height)], 0.25 * width, (0.42, 0.62, 0.33))


def coast(stage: Stage) -> None:
    """Paint the open sea to the horizon, a headland with a lighthouse, and a sandy beach."""
    canvas, rng = stage.canvas, stage.random("place")
    light = stage.light
    sea = mix(mix((0.10, 0.36, 0.52), light.horizon, 0.25), light.zenith, 0.25)
    shore = stage.horizon + rng.uniform(0.12, 0.26)
    waterline = stage.horizon - 0.06
    cover = smoothstep(waterline - 0.004, waterline, canvas.y)
    ripple = canvas.noise(rng, 16.0, octaves=3, stretch=6.0)
    canvas.blend(cover, sea * (0.75 + 0.5 * ripple[..., None]))
    glitter = np.exp(-(((canvas.x - stage.sun[0]) / 0.10) ** 2)) * smoothstep(0.55, 0.7, ripple) * cover
    canvas.blend(glitter * 0.8, (0, 0, 0), glow=light.sun)
    side = 1 if rng.random() < 0.5 else -1
    _headland(stage, rng, waterline, side)
    if rng.random() < 0.6:
        _sailing_boat(stage, rng, waterline)
    edge = shore + 0.06 * (ridge(rng, 60, 2.0, octaves=2) - 0.5) + side * np.linspace(-0.05, 0.05, 60)
    canvas.polygon(outline(canvas, edge - 0.016), (0.93, 0.96, 0.97))
    canvas.polygon(outline(canvas, edge), np.asarray(stage.ground) * 0.8)
    beach = canvas.cover(outline(canvas, edge + 0.03), blur=0.006)
    grain = canvas.noise(rng, 10.0, octaves=3, stretch=3.0)[..., None] * 0.14 + 0.93
    canvas.blend(beach, np.clip(np.asarray(stage.ground) * grain, 0, 1))


def _headland(stage: Stage, rng: np.random.Generator, waterline: float, side: int) -> None:
    canvas = stage.canvas
    root = canvas.aspect if side > 0 else 0.0
    length, height = rng.uniform(0.25, 0.45), rng.uniform(0.10, 0.2)
    along = np.linspace(0.0, 1.0, 10)
    top = waterline - height * (1 - along**3) * (0.8 + 0.3 * rng.random(10))
    x = root - side * length * along
    cliff = np.concatenate([np.stack([x, top], 1), [[x[-1], waterline + 0.015], [root, waterline + 0.03]]])
    canvas.polygon(cliff, (0.55, 0.48, 0.40), 0.12)
    turf = np.concatenate([np.stack([x, top], 1), np.stack([x, top + 0.03], 1)[::-1]])
    canvas.polygon(turf, (0.38, 0.52, 0.28), 0.12)
    place = int(rng.integers(3, 7))
    _lighthouse(stage, (float(x[place]), float(top[place]) + 0.01), rng.uniform(0.17, 0.25))


def _lighthouse(stage: Stage, foot: tuple[float, float], height: float) -> None:
    canvas, (x, y) = stage.canvas, foot
    for band in range(4):
        low, high = y - band * height / 4, y - (band + 1) * height / 4
        half = 0.11 * height * (1 - 0.1 * band)
        colour = (0.95, 0.95, 0.93) if band % 2 == 0 else (0.82, 0.20, 0.18)
        canvas.polygon([(x - half, low), (x - 0.9 * half, high), (x + 0.9 * half, high), (x + half, low)], colour)
    top, half = y - height, 0.07 * height
    lamp = (1.0, 0.92, 0.6) if stage.light.brightness < 0.7 else (0.25, 0.25, 0.2)
    lantern = [
        (x - half, top),
        (x - half, top - 0.12 * height),
        (x + half, top - 0.12 * height),
        (x + half, top),
    ]
    canvas.polygon(lantern, (0.4, 0.4, 0.42), glow=lamp)
    roof = [
        (x - 1.5 * half, top - 0.12 * height),
        (x, top - 0.24 * height),
        (x + 1.5 * half, top - 0.12 * height),
    ]
    canvas.polygon(roof, (0.6, 0.15, 0.14))
    if stage.light.brightness < 0.5:
        canvas.halo((x, top - 0.06 * height), 0.08, (0.55, 0.48, 0.28))


def _sailing_boat(stage: Stage, rng: np.random.Generator, waterline: float) -> None:
    canvas = stage.canvas
    x, y, size = (
        rng.uniform(0.25, 0.75) * canvas.aspect,
        waterline + rng.uniform(0.01, 0.05),
        rng.uniform(0.05, 0.1),
    )
    hull = [
        (x - 0.6 * size, y),
        (x + 0.6 * size, y),
        (x + 0.4 * size, y + 0.2 * size),
        (x - 0.4 * size, y + 0.2 * size),
    ]
    canvas.polygon(hull, (0.45, 0.27, 0.18), 0.1)
    canvas.polygon(
        [(x, y - 0.05 * size), (x, y - 1.3 * size), (x + 0.5 * size, y - 0.05 * size)], (0.96, 0.95, 0.9), 0.1
    )
    canvas.polygon(
        [(x - 0.05 * size, y), (x - 0.05 * size, y - 1.1 * size), (x - 0.4 * size, y)], (0.85, 0.83, 0.8), 0.1
    )


def arctic(stage: Stage) -> None:
    """Paint icebergs behind a plain of snow drifts and a strip of cold water, with northern lights at night."""
    canvas, rng = stage.canvas, stage.random("place")
    if stage.light.brightness < 0.2:
        _northern_lights(stage, rng)
    waterline = stage.horizon - 0.04
    water = mix((0.16, 0.36, 0.48), stage.light.horizon, 0.3)
    canvas.blend(smoothstep(waterline - 0.004, waterline, canvas.y), water)
    for _ in range(int(rng.integers(2, 5))):
        _iceberg(stage, rng, waterline)
    paint_ground(stage, rng, 0.05)
    snow = np.asarray(stage.ground)
    for level in np.linspace(stage.horizon + 0.05, 0.95, 4) + rng.uniform(-0.03, 0.03, 4):
        heights = level - 0.07 * stage.size_at(level) * ridge(rng, 60, rng.uniform(1.5, 3), octaves=1)
        canvas.polygon(outline(canvas, heights), snow * (0.80, 0.87, 0.95))
        canvas.polygon(outline(canvas, heights + 0.025 * stage.size_at(level)), snow)
    for _ in range(int(rng.integers(0, 4))):
        y = rng.uniform(stage.horizon + 0.05, 1.0)
        foot = (rng.uniform(0, canvas.aspect), y)
        paint_rock(canvas, rng, foot, 0.10 * stage.size_at(y), (0.72, 0.87, 0.96))


def _northern_lights(stage: Stage, rng: np.random.Generator) -> None:
    canvas = stage.canvas
    curve = stage.horizon * (0.2 + 0.35 * ridge(rng, canvas.width, 2.0, octaves=2))
    above = canvas.y - curve[None, :]
    curtain = np.where(above < 0, np.exp(above / 0.16), np.exp(-above / 0.02)).astype(np.float32)
    strands = 0.5 + 0.8 * ridge(rng, canvas.width, 14.0, octaves=2)[None, :]
    canvas.emission += (curtain * strands)[..., None] * np.asarray((0.08, 0.42, 0.28), np.float32)


def _iceberg(stage: Stage, rng: np.random.Generator, waterline: float) -> None:
    canvas = stage.canvas
    x, half, height = rng.uniform(0, canvas.aspect), rng.uniform(0.1, 0.25), rng.uniform(0.10, 0.28)
    steps = np.linspace(-1.0, 1.0, 8)
    top = waterline + 0.02 - height * (1 - np.abs(steps) ** 2.5) * rng.uniform(0.55, 1.0, 8)
    points = np.stack([x + half * steps, top], axis=1)
    split = int(rng.integers(3, 6))
    base = waterline + 0.03
    canvas.polygon([*points, (x + half, base), (x - half, base)], (0.62, 0.80, 0.92), 0.15)
    canvas.polygon([*points[: split + 1], (x + half * steps[split] * 0.5, base), (x - half, base)], _SNOW, 0.1)
