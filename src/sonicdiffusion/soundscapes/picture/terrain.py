"""Shared pieces of land: textured ground, hills, trees and rocks."""

import numpy as np
from numpy.typing import NDArray

from sonicdiffusion.soundscapes.picture.canvas import Canvas, Colour, mix, ridge, smoothstep
from sonicdiffusion.soundscapes.picture.stage import Stage


def outline(canvas: Canvas, heights: NDArray[np.floating], bottom: float = 1.05) -> NDArray[np.float64]:
    """Close a skyline into a polygon; `heights` are y values at even steps from left to right."""
    x = np.linspace(-0.02, canvas.aspect + 0.02, len(heights))
    top = np.stack([x, heights], axis=1)
    return np.concatenate([top, [[canvas.aspect + 0.02, bottom], [-0.02, bottom]]])


def paint_ground(stage: Stage, rng: np.random.Generator, roughness: float = 0.22, colour: Colour | None = None) -> None:
    """Lay the ground from the horizon down: rolling edge, mottled by noise, hazier towards the distance."""
    canvas = stage.canvas
    tone = np.asarray(stage.ground if colour is None else colour)
    edge = stage.horizon + 0.025 * (ridge(rng, 60, 3.0, octaves=3) - 0.5)
    cover = canvas.cover(outline(canvas, edge))
    nearness = np.clip((canvas.y - stage.horizon) / (1.0 - stage.horizon), 0.0, 1.0)[..., None]
    patches = canvas.noise(rng, 7.0, octaves=4, stretch=3.5)[..., None]
    field = tone * (1.0 + roughness * (2.0 * patches - 1.0)) * (0.92 + 0.12 * nearness)
    canvas.blend(cover, np.clip(field, 0.0, 1.0), depth=0.0)
    far = cover * (1.0 - smoothstep(0.0, 0.35, nearness[..., 0])) * 0.45
    canvas.emission += far[..., None] * (canvas.haze - canvas.emission)
    canvas.albedo *= 1.0 - far[..., None]


def paint_hill(
    stage: Stage, rng: np.random.Generator, top: float, swing: float, colour: Colour, depth: float
) -> NDArray[np.float32]:
    """Draw one range of rolling hills and return its skyline as y values from left to right."""
    heights = top - swing * ridge(rng, 80, rng.uniform(1.5, 3.0), octaves=3, persistence=0.35)
    stage.canvas.polygon(outline(stage.canvas, heights), colour, depth)
    return heights


def paint_conifer(
    canvas: Canvas, foot: tuple[float, float], height: float, colour: Colour, depth: float, snow: bool = False
) -> None:
    """Draw a fir of three tiers; the left half catches the light."""
    x, y = foot
    canvas.line([(x, y), (x, y - 0.25 * height)], 0.07 * height, (0.30, 0.21, 0.14), depth)
    dark = np.asarray(colour) * 0.72
    for tier in range(3):
        base, tip = y - (0.14 + 0.25 * tier) * height, y - (0.55 + 0.225 * tier) * height
        half = (0.25 - 0.055 * tier) * height
        canvas.polygon([(x - half, base), (x, tip), (x + half, base)], dark, depth)
        canvas.polygon([(x - half, base), (x, tip), (x + 0.1 * half, base)], colour, depth)
        if snow:
            cap = tip + 0.4 * (base - tip)
            canvas.polygon([(x - 0.4 * half, cap), (x, tip), (x + 0.4 * half, cap)], (0.93, 0.96, 1.0), depth)


def paint_broadleaf(
    canvas: Canvas,
    rng: np.random.Generator,
    foot: tuple[float, float],
    height: float,
    colour: Colour,
    depth: float,
) -> None:
    """Draw a round-crowned tree: trunk, dark lower crown, lit upper crown."""
    x, y = foot
    canvas.line([(x, y), (x, y - 0.5 * height)], 0.09 * height, (0.33, 0.24, 0.17), depth)
    crown = rng.uniform(-0.5, 0.5, (5, 2)) * (0.42, 0.30) * height + (x, y - 0.66 * height)
    for cx, cy in crown:
        canvas.ellipse((cx, cy), (0.24 * height, 0.21 * height), np.asarray(colour) * 0.7, depth)
    for cx, cy in crown:
        canvas.ellipse((cx - 0.04 * height, cy - 0.06 * height), (0.18 * height, 0.15 * height), colour, depth)


def paint_rock(
    canvas: Canvas, rng: np.random.Generator, foot: tuple[float, float], size: float, colour: Colour
) -> None:
    """Draw a boulder with a lit upper left face."""
    angles = np.linspace(np.pi, 2 * np.pi, 7)
    radii = size * rng.uniform(0.75, 1.1, 7)
    points = np.stack([foot[0] + radii * np.cos(angles), foot[1] + 0.75 * radii * np.sin(angles)], axis=1)
    canvas.polygon(points, np.asarray(colour) * 0.65)
    lit = points[:5] * 0.86 + np.asarray([foot[0] - 0.1 * size, foot[1] - 0.1 * size]) * 0.14
    canvas.polygon(np.concatenate([lit, [[foot[0], foot[1] - 0.15 * size]]]), colour)


def paint_grass(stage: Stage, rng: np.random.Generator, count: int, colour: Colour, height: float = 0.05) -> None:
    """Scatter tufts of grass over the ground, nearer ones larger, leaning with the wind."""
    canvas = stage.canvas
    ys = np.sort(stage.horizon + (1.02 - stage.horizon) * rng.uniform(0.08, 1.0, count))
    for y, x in zip(ys, rng.uniform(0, canvas.aspect, count), strict=True):
        size = height * stage.size_at(float(y)) * rng.uniform(0.7, 1.3)
        shade = mix(np.asarray(colour) * 0.75, colour, rng.random())
        for lean in (-0.5, 0.0, 0.5):
            tip = (x + (lean + stage.wind) * 0.6 * size, y - size)
            canvas.polygon([(x - 0.12 * size, y), tip, (x + 0.12 * size, y)], shade)
