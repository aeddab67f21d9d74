"""Birds on the wing and on branches."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sonicdiffusion.soundscapes.picture.canvas import mix
from sonicdiffusion.soundscapes.picture.shapes import Points, curve, figure, ribbon, rim_light
from sonicdiffusion.soundscapes.picture.stage import Stage


@dataclass(frozen=True)
class _Plumage:
    """Colours of a kind of bird."""

    body: tuple[float, float, float]
    wing: tuple[float, float, float]
    belly: tuple[float, float, float]
    tip: tuple[float, float, float]


_DARK = (
    _Plumage((0.15, 0.15, 0.18), (0.10, 0.10, 0.13), (0.22, 0.22, 0.26), (0.06, 0.06, 0.08)),  # crow
    _Plumage((0.14, 0.18, 0.34), (0.10, 0.13, 0.26), (0.90, 0.84, 0.76), (0.07, 0.08, 0.16)),  # swallow
)
_BRIGHT = (
    _Plumage((0.95, 0.95, 0.94), (0.68, 0.72, 0.77), (0.98, 0.98, 0.97), (0.16, 0.16, 0.18)),  # gull
    _Plumage((0.47, 0.36, 0.26), (0.38, 0.28, 0.20), (0.90, 0.46, 0.20), (0.24, 0.17, 0.12)),  # robin
    _Plumage((0.22, 0.46, 0.82), (0.15, 0.34, 0.68), (0.92, 0.66, 0.44), (0.10, 0.18, 0.40)),  # bluebird
    _Plumage((0.85, 0.18, 0.16), (0.68, 0.12, 0.14), (0.93, 0.36, 0.26), (0.40, 0.08, 0.10)),  # cardinal
    _Plumage((0.97, 0.80, 0.20), (0.36, 0.32, 0.24), (0.99, 0.90, 0.50), (0.15, 0.14, 0.14)),  # goldfinch
    _Plumage((0.66, 0.64, 0.68), (0.50, 0.49, 0.55), (0.84, 0.80, 0.80), (0.28, 0.27, 0.32)),  # dove
    _Plumage((0.32, 0.68, 0.30), (0.20, 0.52, 0.32), (0.80, 0.82, 0.32), (0.12, 0.26, 0.46)),  # parakeet
)

# Outlines in units of a bird's length, facing right, y down.
_BODY = curve(
    [
        (0.5, 0.0),
        (0.42, -0.12),
        (0.26, -0.14),
        (-0.1, -0.12),
        (-0.36, -0.05),
        (-0.66, -0.09),
        (-0.64, 0.07),
        (-0.34, 0.06),
        (0.0, 0.15),
        (0.28, 0.12),
    ]
)
_BELLY = curve([(0.40, 0.05), (0.24, 0.02), (-0.10, 0.06), (-0.30, 0.06), (0.00, 0.15), (0.28, 0.12)])
_WING = np.array(
    [(0.24, -0.06), (0.34, -0.42), (0.16, -0.80), (-0.22, -1.08), (-0.20, -0.74), (-0.30, -0.52), (-0.14, -0.04)]
)
_TIP = np.array([(0.16, -0.80), (-0.22, -1.08), (-0.20, -0.74)])
_SITTING = curve(
    [
        (0.3, -0.98),
        (0.44, -0.86),
        (0.42, -0.7),
        (0.46, -0.46),
        (0.32, -0.16),
        (0.06, -0.04),
        (-0.2, -0.1),
        (-0.46, 0.12),
        (-0.78, 0.44),
        (-0.86, 0.36),
        (-0.56, -0.06),
        (-0.34, -0.4),
        (-0.06, -0.68),
        (0.08, -0.92),
    ]
)
_BREAST = curve([(0.40, -0.68), (0.45, -0.46), (0.32, -0.16), (0.08, -0.05), (0.10, -0.30), (0.22, -0.56)])
_FOLDED = curve(
    [(0.10, -0.62), (0.16, -0.38), (-0.02, -0.14), (-0.34, 0.02), (-0.70, 0.30), (-0.46, -0.14), (-0.22, -0.48)]
)


def birds(stage: Stage, rng: np.random.Generator, intensity: float) -> None:
    """Paint a flock in the air, large birds on a branch before the view, or both."""
    share = (0.010 + 0.29 * intensity) * stage.canvas.aspect
    kinds = _BRIGHT if stage.light.brightness < 0.2 or rng.random() < 0.7 else _DARK
    plumage = kinds[rng.integers(len(kinds))]
    perched = float(rng.choice([0.0, 0.45, 0.6, 0.85]))
    if perched < 0.8:
        _paint_flock(stage, rng, share * (1.0 - perched), intensity, plumage)
    if perched > 0.0:
        _paint_perch(stage, rng, share * (perched if perched < 0.8 else 1.0), intensity, plumage)


def _paint_flock(stage: Stage, rng: np.random.Generator, share: float, intensity: float, plumage: _Plumage) -> None:
    """Fill `share` (area in square units of the height) with birds in loose formation."""
    canvas = stage.canvas
    count = int(rng.integers(3, 6)) + round(12 * intensity * rng.uniform(0.6, 1.2))
    mean = float(np.sqrt(share / (0.36 * count)))
    sizes = np.sort(mean * rng.uniform(0.75, 1.25, count))
    mirrored, gull = bool(rng.random() < 0.5), rng.random() < 0.35
    heading = float(rng.uniform(-0.35, 0.25))
    reach = 0.25 + 0.30 * intensity
    middle = (rng.uniform(0.3, 0.7) * canvas.aspect, rng.uniform(0.22, 0.40))
    placed: list[tuple[float, float]] = []
    for size in sizes:
        tries = np.stack(
            [middle[0] + reach * rng.uniform(-1, 1, 8), middle[1] + 0.7 * reach * rng.uniform(-1, 1, 8)], 1
        )
        tries = np.clip(tries, (0.07, 0.07), (canvas.aspect - 0.07, 0.72))
        apart = [min((np.hypot(x - a, 1.3 * (y - b)) for a, b in placed), default=1.0) for x, y in tries]
        x, y = (float(c) for c in tries[int(np.argmax(apart))])
        placed.append((x, y))
        turn = heading + float(rng.uniform(-0.2, 0.2))
        if gull:
            _paint_gliding(stage, (x, y), float(size) * 0.80, turn, float(rng.uniform(0.3, 1.0)), plumage)
        else:
            flap = float(rng.choice([rng.uniform(0.55, 1.0), rng.uniform(-0.8, -0.45)], p=[0.65, 0.35]))
            _paint_flying(stage, (x, y), float(size), turn if not mirrored else -turn, mirrored, flap, plumage)


def _fill(stage: Stage, outline: Points, colour: NDArray[np.floating] | tuple[float, ...]) -> None:
    stage.canvas.polygon(outline, colour, glow=rim_light(stage, colour, 0.42))


def _paint_flying(
    stage: Stage, at: tuple[float, float], size: float, angle: float, mirrored: bool, flap: float, plumage: _Plumage
) -> None:
    """Draw a bird from the side; `flap` in [-1, 1] is the height of its wings."""

    def put(points: Points) -> Points:
        return figure(points, at, size, angle, mirrored)

    _fill(stage, put(_WING * [0.85, 0.85 * flap] + [0.20, -0.02]), np.asarray(plumage.wing) * 0.72)
    _fill(stage, put(_BODY), plumage.body)
    _fill(stage, put(_BELLY), plumage.belly)
    beak = (0.95, 0.66, 0.18)
    _fill(stage, put(np.array([(0.46, -0.06), (0.66, 0.02), (0.46, 0.05)])), beak)
    _fill(stage, put(_WING * [1.0, flap]), plumage.wing)
    _fill(stage, put(_TIP * [1.0, flap]), plumage.tip)
    eye = figure([(0.36, -0.05)], at, size, angle, mirrored)[0]
    stage.canvas.ellipse((eye[0], eye[1]), (0.035 * size, 0.035 * size), (0.02, 0.02, 0.03))


def _paint_gliding(
    stage: Stage, at: tuple[float, float], size: float, angle: float, arch: float, plumage: _Plumage
) -> None:
    """Draw a bird from the front, its wings arched to both sides."""
    t = np.linspace(-1.0, 1.0, 15)
    level = -arch * 0.55 * np.sin(np.pi * np.abs(t) ** 0.8)
    path = figure(np.stack([t * 1.05, level], 1), at, size, angle)
    wide = size * 0.30 * (1.0 - np.abs(t) ** 2.2) + 0.012
    _fill(stage, ribbon(path, wide), plumage.wing)
    for end in (slice(0, 4), slice(11, 15)):
        _fill(stage, ribbon(path[end], wide[end]), plumage.tip)
    _fill(
        stage,
        figure(curve([(0.0, -0.20), (0.15, 0.0), (0.06, 0.30), (-0.06, 0.30), (-0.15, 0.0)]), at, size, angle),
        plumage.body,
    )


def _paint_perch(stage: Stage, rng: np.random.Generator, share: float, intensity: float, plumage: _Plumage) -> None:
    """Reach a leafy branch, or a wire in the city, into the picture and seat birds on it."""
    canvas = stage.canvas
    count = 1 + round(2.6 * intensity * rng.uniform(0.5, 1.1))
    size = min(float(np.sqrt(share * 0.85 / (0.50 * count))), 0.62)
    wire = stage.scene.place == "city" and rng.random() < 0.6
    mirrored = bool(rng.random() < 0.5)
    long = canvas.aspect * (1.1 if wire else min(1.0, 0.30 + 0.8 * size * count))
    t = np.linspace(0.0, 1.0, 16)
    level = max(float(rng.uniform(0.42, 0.86)), size + 0.03)
    bow = 0.05 * np.sin(3.0 * t + rng.uniform(0, 3)) - rng.uniform(-0.03, 0.12) * t
    path = np.stack([long * t - 0.03, level + (0.05 * (2 * t - 1) ** 2 if wire else bow)], 1)
    if mirrored:
        path[:, 0] = canvas.aspect - path[:, 0]
    wood = np.asarray((0.20, 0.20, 0.22) if wire else (0.40, 0.29, 0.20)) * rng.uniform(0.8, 1.2)
    thick = 0.016 * np.ones(16) if wire else (0.022 + 0.07 * size) * (1.0 - 0.7 * t)
    if not wire:
        _paint_twigs(stage, rng, path, size)
    _fill(stage, ribbon(path, thick), wood)
    seats = (np.arange(count) + rng.uniform(0.3, 0.7, count)) / count * 0.62 + 0.30
    for seat in seats:
        x, y = path[int(min(seat, 0.95) * 15)]
        _paint_sitting(
            stage, (float(x), float(y)), size * float(rng.uniform(0.9, 1.1)), bool(rng.random() < 0.5), plumage
        )


def _paint_twigs(stage: Stage, rng: np.random.Generator, path: Points, size: float) -> None:
    greens = {"arctic": (0.80, 0.87, 0.92), "desert": (0.60, 0.58, 0.28), "mountains": (0.24, 0.42, 0.28)}
    green = np.asarray(greens.get(stage.scene.place, (0.36, 0.56, 0.20)))
    if rng.random() < 0.25:
        green = np.asarray(mix((0.98, 0.72, 0.78), (0.85, 0.45, 0.15), float(rng.integers(2))))  # blossom or autumn
    leaf = curve([(0.0, 0.0), (0.5, -0.28), (1.0, 0.0), (0.5, 0.28)], 3)
    for joint in rng.choice(np.arange(3, 16), size=5, replace=False):
        for turn in rng.uniform(-np.pi, np.pi, 2):
            foot = (float(path[joint, 0]), float(path[joint, 1]))
            _fill(stage, figure(leaf, foot, 0.06 + 0.16 * size, float(turn)), green * rng.uniform(0.75, 1.15))


def _paint_sitting(stage: Stage, foot: tuple[float, float], size: float, mirrored: bool, plumage: _Plumage) -> None:
    def put(points: Points) -> Points:
        return figure(points, foot, size, 0.0, mirrored)

    legs = np.asarray((0.55, 0.38, 0.22))
    for hip in (0.06, 0.20):
        stage.canvas.line(put(np.array([(hip, -0.12), (hip + 0.02, 0.03)])), 0.045 * size, legs)
    _fill(stage, put(_SITTING), plumage.body)
    _fill(stage, put(_BREAST), plumage.belly)
    _fill(stage, put(_FOLDED), plumage.wing)
    _fill(stage, put(np.array([(-0.28, -0.04), (-0.70, 0.30), (-0.40, -0.16)])), plumage.tip)
    _fill(stage, put(np.array([(0.40, -0.90), (0.64, -0.78), (0.42, -0.74)])), (0.95, 0.66, 0.18))
    for radius, colour in ((0.062, (0.97, 0.97, 0.95)), (0.045, (0.02, 0.02, 0.03))):
        eye = put(np.array([(0.28, -0.84)]))[0]
        stage.canvas.ellipse((eye[0], eye[1]), (radius * size, radius * size), colour)
