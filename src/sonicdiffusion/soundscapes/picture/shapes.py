"""Outlines that several painters draw with: ribbons, turned figures, light on dark things."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sonicdiffusion.soundscapes.picture.canvas import Colour
from sonicdiffusion.soundscapes.picture.stage import Stage

Points = NDArray[np.float64]


def ribbon(path: Points, widths: NDArray[np.floating] | Sequence[float]) -> Points:
    """Return the outline of a band along `path`, shape (points, 2), as wide as `widths` at each point."""
    along = np.gradient(path, axis=0)
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-9
    half = normal * (0.5 * np.asarray(widths))[:, None]
    return np.concatenate([path + half, (path - half)[::-1]])


def figure(
    points: Sequence[Sequence[float]] | Points,
    at: tuple[float, float],
    size: float,
    angle: float = 0.0,
    mirrored: bool = False,
) -> Points:
    """Place a shape drawn about (0, 0): mirror it sideways, turn it clockwise by radians, scale and move it."""
    shape = np.asarray(points, dtype=np.float64) * [-1.0 if mirrored else 1.0, 1.0]
    cos, sin = np.cos(angle), np.sin(angle)
    return shape @ np.array([[cos, sin], [-sin, cos]]) * size + np.asarray(at)


def curve(points: Sequence[Sequence[float]], per_span: int = 4) -> Points:
    """Return a closed outline that passes smoothly through `points` (Catmull-Rom)."""
    knots = np.asarray(points, dtype=np.float64)
    before, after, beyond = np.roll(knots, 1, 0), np.roll(knots, -1, 0), np.roll(knots, -2, 0)
    t = np.linspace(0.0, 1.0, per_span, endpoint=False)[None, :, None]
    p0, p1, p2, p3 = (p[:, None, :] for p in (before, knots, after, beyond))
    bent = (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    return (p1 + 0.5 * bent).reshape(-1, 2)


def rim_light(stage: Stage, colour: Colour, strength: float = 0.22) -> NDArray[np.float64]:
    """Return the glow that keeps a thing of a colour visible in the dark; none by day."""
    return np.asarray(colour) * strength * (1.0 - stage.light.brightness)
