"""Crickets on tall grass before the view."""

from dataclasses import dataclass

import numpy as np

from sonicdiffusion.soundscapes.picture.canvas import Colour, mix
from sonicdiffusion.soundscapes.picture.shapes import Points, curve, figure, ribbon, rim_light
from sonicdiffusion.soundscapes.picture.stage import Stage

_COATS = ((0.44, 0.66, 0.20), (0.60, 0.42, 0.22), (0.30, 0.20, 0.14), (0.66, 0.62, 0.26), (0.36, 0.56, 0.34))
_STRAW = {
    "desert": (0.80, 0.66, 0.34),
    "arctic": (0.74, 0.84, 0.88),
    "city": (0.46, 0.54, 0.24),
    "coast": (0.62, 0.66, 0.32),
}

# Outlines in units of a cricket's length, facing right, y down, feet at about y = 0.
_TRUNK = curve(
    [
        (0.44, -0.22),
        (0.30, -0.33),
        (0.00, -0.33),
        (-0.46, -0.22),
        (-0.56, -0.15),
        (-0.30, -0.08),
        (0.10, -0.06),
        (0.38, -0.10),
    ]
)
_COVER = curve([(0.24, -0.33), (0.05, -0.37), (-0.40, -0.29), (-0.64, -0.20), (-0.34, -0.18), (0.10, -0.20)])
_HEAD = curve([(0.36, -0.30), (0.50, -0.33), (0.59, -0.22), (0.55, -0.08), (0.40, -0.08)])
_THIGH = curve([(0.02, -0.10), (-0.06, -0.26), (-0.42, -0.66), (-0.50, -0.66), (-0.46, -0.52), (-0.20, -0.10)])


@dataclass(frozen=True)
class _Stalk:
    """A blade of grass: points along its middle and its colour."""

    middle: Points
    width: float
    colour: Colour


def crickets(stage: Stage, rng: np.random.Generator, intensity: float) -> None:
    """Grow stalks from the lower edge and seat crickets on them; more and nearer when it is loud."""
    canvas = stage.canvas
    share = (0.008 + 0.31 * intensity) * canvas.aspect
    count = 1 + round(3.4 * intensity * rng.uniform(0.7, 1.1))
    size = float(np.sqrt(0.55 * share / (0.30 * count)))
    tall = float((0.26 + 0.46 * intensity) * rng.uniform(0.85, 1.15))
    reach = min(0.5 * canvas.aspect, (0.16 + 0.36 * intensity) * canvas.aspect)
    centre = float(rng.uniform(min(reach, 0.45), max(canvas.aspect - reach, 0.55)))
    green = np.asarray(_STRAW.get(stage.scene.place, (0.36, 0.56, 0.20))) * rng.uniform(0.8, 1.15, 3)
    blades = 5 + round(9 * intensity * rng.uniform(0.7, 1.2))
    width = 0.55 * share / (blades * 0.6 * tall) * 0.7
    roots = centre + reach * (np.arange(blades) + rng.uniform(0.0, 1.0, blades) - 0.5 * blades) / (0.5 * blades)
    stalks = [
        _grow(stage, rng, float(x), tall, float(np.clip(width, 0.022, 0.075)), green) for x in rng.permutation(roots)
    ]
    for stalk in stalks:
        _paint_stalk(stage, stalk)
    if stage.light.brightness < 0.2 and rng.random() < 0.5:
        _paint_fireflies(stage, rng, (centre, 1.0 - 0.6 * tall), reach)
    coat = np.asarray(_COATS[rng.integers(len(_COATS))]) * rng.uniform(0.85, 1.15, 3)
    lowest = np.sort(centre + reach * 0.8 * (np.arange(count) + 0.5 - 0.5 * count) / (0.5 * count))
    for x in rng.permutation(lowest):
        y = 1.0 - tall * float(rng.uniform(0.25, 0.75))
        at = (float(np.clip(x, 0.45 * size, canvas.aspect - 0.45 * size)), float(np.clip(y, 0.7 * size, 0.97)))
        _paint_cricket(stage, rng, at, size * float(rng.uniform(0.9, 1.1)), coat, green)


def _grow(stage: Stage, rng: np.random.Generator, root: float, tall: float, width: float, green: Colour) -> _Stalk:
    t = np.linspace(0.0, 1.0, 9)
    lean, height = rng.normal(0.4 * stage.wind, 0.22), tall * rng.uniform(0.7, 1.2)
    droop = rng.uniform(0.0, 0.25) * t**3
    middle = np.stack([root + lean * height * t**1.8, 1.03 - height * (t - droop)], 1)
    shade = mix(np.asarray(green) * 0.62, np.minimum(np.asarray(green) * 1.2, 1.0), float(rng.random()))
    return _Stalk(middle, width * float(rng.uniform(0.75, 1.25)), shade)


def _paint_stalk(stage: Stage, stalk: _Stalk) -> None:
    widths = stalk.width * (1.0 - np.linspace(0.0, 1.0, 9) ** 2.2)
    shade = np.asarray(stalk.colour)
    stage.canvas.polygon(ribbon(stalk.middle, widths), shade, glow=rim_light(stage, shade, 0.35))
    side = ribbon(stalk.middle, widths)
    bright = np.minimum(shade * 1.25, 1.0)
    stage.canvas.polygon(np.concatenate([stalk.middle, side[9:]]), bright, glow=rim_light(stage, bright, 0.35))


def _paint_fireflies(stage: Stage, rng: np.random.Generator, middle: tuple[float, float], reach: float) -> None:
    for _ in range(int(rng.integers(3, 7))):
        at = (middle[0] + reach * float(rng.uniform(-1, 1)), middle[1] + float(rng.normal(0, 0.12)))
        stage.canvas.ellipse(at, (0.011, 0.011), (0, 0, 0), glow=(0.90, 0.95, 0.40))


def _paint_cricket(
    stage: Stage, rng: np.random.Generator, at: tuple[float, float], size: float, coat: Colour, green: Colour
) -> None:
    """Draw a cricket on a bent blade: body, wing covers, folded hind legs, feelers."""
    canvas, mirrored = stage.canvas, bool(rng.random() < 0.5)
    angle = float(rng.uniform(-0.55, 0.15)) * (-1.0 if mirrored else 1.0)
    body, dark = np.asarray(coat), np.asarray(coat) * 0.62
    light = np.minimum(body * 1.35 + 0.04, 1.0)

    def fill(points: Points, colour: Colour) -> None:
        canvas.polygon(figure(points, at, size, angle, mirrored), colour, glow=rim_light(stage, colour, 0.5))

    def limb(points: list[tuple[float, float]], width: float, colour: Colour) -> None:
        path = figure(points, at, size, angle, mirrored)
        canvas.line(path, max(width * size, 0.009), colour, glow=rim_light(stage, colour, 0.5))

    perch = np.array([(-0.95, 0.10), (-0.3, 0.03), (0.3, 0.03), (0.9, 0.12)])
    blade = mix(green, (0.0, 0.0, 0.0), 0.15)
    fill(ribbon(perch, np.array([0.16, 0.13, 0.10, 0.03])), blade)
    limb([(-0.02, -0.12), (-0.48, -0.56), (-0.72, 0.02)], 0.05, dark * 0.8)
    for hip, knee, foot in ((0.08, 0.02, -0.04), (0.26, 0.30, 0.24), (0.38, 0.50, 0.48)):
        limb([(hip, -0.12), (knee, -0.04), (foot, 0.06)], 0.045, dark)
    fill(_TRUNK, body)
    fill(_COVER, light)
    fill(_HEAD, body * 0.85)
    fill(_THIGH, dark)
    fill(curve([(-0.02, -0.14), (-0.10, -0.26), (-0.40, -0.60), (-0.22, -0.24)]), body)
    limb([(-0.48, -0.64), (-0.66, -0.25), (-0.80, 0.04), (-0.92, 0.05)], 0.05, dark)
    bow = np.linspace(0.0, 1.0, 6)
    for lift, long in ((0.50, 0.55), (0.26, 0.75)):
        limb([(0.52 + long * b, -0.30 - lift * np.sin(2.0 * b)) for b in bow], 0.028, dark)
    eye = figure([(0.49, -0.23)], at, size, angle, mirrored)[0]
    canvas.ellipse((eye[0], eye[1]), (0.052 * size, 0.052 * size), (0.02, 0.02, 0.02))
