"""Bubbles below the surface: the lower part of the view lies under water."""

import numpy as np

from sonicdiffusion.soundscapes.picture.canvas import Field, mix, ridge, smoothstep
from sonicdiffusion.soundscapes.picture.stage import Stage
from sonicdiffusion.soundscapes.picture.water import FOAM, draw_tone, foam_glow


def underwater(stage: Stage, rng: np.random.Generator, intensity: float) -> None:
    """Flood the foreground up to a wavy waterline and let streams of bubbles rise in it."""
    canvas, light = stage.canvas, stage.light
    deep = 0.05 + 0.43 * intensity
    tone = draw_tone(rng)
    column = canvas.x[0]
    line = 1.0 - deep + rng.uniform(-0.35, 0.35) * min(deep, 0.25) * (column / canvas.aspect - 0.5)
    for waves in (rng.uniform(1, 2.5), rng.uniform(3, 5)):
        swing = 0.022 / waves * (0.6 + intensity)
        line = line + swing * np.sin(2 * np.pi * (waves * column / canvas.aspect + rng.random()))
    below = canvas.y - line[None, :]
    cover = smoothstep(-0.002, 0.006, below)
    depth = np.clip(below / max(deep, 0.12), 0.0, 1.0)
    haze = rng.uniform(0.3, 0.7)  # the scene shows through the water, and gives it its colour
    day = 0.25 + 0.75 * light.brightness
    shallow = mix(tone * 1.5, light.horizon, 0.25)
    slant, shafts = rng.uniform(-0.7, 0.7), ridge(rng, 512, rng.uniform(5, 9), octaves=2)
    at = np.clip((canvas.x / canvas.aspect - slant * below) * 256 + 128, 0, 511).astype(np.int32)
    rays = smoothstep(0.5, 0.85, shafts[at]) * (1.0 - depth) ** 1.2
    fade = depth[..., None]
    body = (shallow * (1 - fade) + tone * rng.uniform(0.45, 0.9) * fade) * (
        1.0 - np.exp(-(((below - 0.022) / 0.014) ** 2)) * 0.5
    )[..., None]
    shine = (0.10 + 0.10 * (1 - fade) + 0.42 * day * rays[..., None]) * mix(shallow, light.sun, 0.35)
    canvas.blend(cover * haze * (0.7 + 0.3 * depth), body, glow=shine * np.float32(rng.uniform(0.5, 1.2)))
    _paint_life(stage, rng, line, tone, intensity)
    _paint_bubbles(stage, rng, line, shallow, intensity)
    skin = np.exp(-((below / 0.007) ** 2))
    canvas.blend(skin * 0.95, FOAM, glow=foam_glow(stage) + np.asarray(light.horizon, np.float32) * 0.25)


def _paint_bubbles(stage: Stage, rng: np.random.Generator, line: Field, shallow: Field, intensity: float) -> None:
    canvas = stage.canvas
    streams = 2 + round(4 * intensity)
    centres, radii = [], []
    for foot in rng.uniform(0.06, 0.94, streams) * canvas.aspect:
        count = int(rng.integers(5, 9))
        surface = float(line[int(np.clip(foot * canvas.height, 0, canvas.width - 1))])
        rise = np.linspace(0.04, 1.0, count) + rng.uniform(-0.05, 0.05, count)
        y = 1.0 - rise * (1.0 - surface) * 0.97
        sway = 0.022 * np.sin(rise * rng.uniform(5, 9) + rng.uniform(0, 6)) + rng.normal(0, 0.013, count)
        centres.append(np.stack([foot + sway, y], axis=1))
        radii.append((0.010 + 0.020 * rng.random(count) ** 1.5) * (0.7 + 0.6 * intensity) * (0.7 + 0.5 * rise))
    places, sizes = np.concatenate(centres), np.concatenate(radii)
    levels = np.quantile(sizes, (0.2, 0.5, 0.75, 0.95))
    group = np.abs(sizes[:, None] - levels).argmin(axis=1)
    shell, inside, spot = (np.zeros_like(canvas.x) for _ in range(3))
    for index, radius in enumerate(levels):
        dots = places[group == index]
        shell = np.maximum(shell, _discs(stage, dots, radius))
        inside = np.maximum(inside, _discs(stage, dots + np.multiply(radius, (0.0, 0.1)), 0.68 * radius))
        spot = np.maximum(spot, _discs(stage, dots - np.multiply(radius, (0.35, 0.38)), 0.36 * radius))
    rim = np.clip(shell - 0.72 * inside, 0.0, 1.0)
    glow = foam_glow(stage) + shallow * 0.18
    canvas.blend(np.asarray(rim * 0.85, np.float32), mix(FOAM, shallow, 0.25), glow=glow)
    canvas.blend(np.asarray(spot, np.float32), FOAM, glow=glow * 1.6)


def _discs(stage: Stage, centres: np.ndarray, radius: float) -> Field:
    """Return the field covered by discs of one radius around `centres`, shape (discs, 2)."""
    return stage.canvas.strokes([np.stack([c, np.add(c, (0.0, 0.001))]) for c in centres], 2.0 * radius)


def _paint_life(stage: Stage, rng: np.random.Generator, line: Field, tone: Field, intensity: float) -> None:
    """Let weed grow from the ground and fish swim past."""
    canvas = stage.canvas
    deep = float(1.0 - line.mean())
    for x in rng.uniform(0, canvas.aspect, int(rng.integers(0, 3 + round(4 * intensity)))):
        height, phase = deep * rng.uniform(0.3, 0.75), rng.uniform(0, 6)
        up = np.linspace(0, 1, 9)
        sway = x + 0.03 * np.sin(4 * up + phase) + 0.1 * stage.wind * up * height
        width, y = 0.016 * (1 - up) + 0.003, 1.02 - up * height
        blade = np.concatenate([np.stack([sway - width, y], 1), np.stack([sway + width, y], 1)[::-1]])
        canvas.polygon(blade, mix((0.10, 0.26, 0.12), tone, rng.uniform(0.1, 0.6)))
    for _ in range(int(rng.integers(0, 2 + round(2 * intensity)))):
        y = 1.0 - deep * rng.uniform(0.2, 0.7)
        centre = (rng.uniform(0.1, 0.9) * canvas.aspect, float(y))
        colour = ((0.95, 0.50, 0.15), (0.95, 0.80, 0.25), (0.75, 0.80, 0.85), (0.25, 0.35, 0.45))[rng.integers(4)]
        paint_fish(stage, centre, min(0.3 * deep, 0.09) * rng.uniform(0.7, 1.2), 0.0, rng.choice((-1, 1)), colour)


def paint_fish(
    stage: Stage, centre: tuple[float, float], size: float, angle: float, side: float, colour: tuple[float, ...]
) -> None:
    """Draw a fish of half length `size`, its head towards `side` and raised by `angle` radians."""
    along = np.linspace(-1.0, 1.0, 11)
    thick = 0.42 * np.sqrt(np.maximum(0.0, 1 - along**2)) * (1.0 + 0.25 * along)
    body = np.concatenate([np.stack([along, -thick], 1), np.stack([along, thick * 0.9], 1)[::-1]])
    tail = np.asarray([(-0.75, 0.0), (-1.55, -0.5), (-1.3, 0.0), (-1.55, 0.5)])
    fin = np.asarray([(0.2, -0.35), (-0.5, -0.7), (-0.45, -0.25)])
    belly = np.concatenate([np.stack([along, thick * 0.15], 1), np.stack([along, thick * 0.9], 1)[::-1]])
    cos, sin = np.cos(angle), np.sin(angle)

    def placed(points: np.ndarray) -> np.ndarray:
        x, y = points[:, 0] * cos + points[:, 1] * sin, points[:, 1] * cos - points[:, 0] * sin
        return np.stack([centre[0] + side * size * x, centre[1] + size * y], axis=1)

    paint = stage.canvas.polygon
    paint(placed(tail), np.asarray(colour) * 0.75)
    paint(placed(fin), np.asarray(colour) * 0.7)
    paint(placed(body), colour)
    paint(placed(belly), mix(colour, (1, 1, 1), 0.55))
    eye = placed(np.asarray([(0.62, -0.12)]))[0]
    stage.canvas.ellipse((eye[0], eye[1]), (0.11 * size, 0.11 * size), (0.03, 0.03, 0.05))
