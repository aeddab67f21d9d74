"""Birds and crickets."""

import numpy as np
from numpy.typing import NDArray

from sonicdiffusion.soundscapes.picture.canvas import Colour, mix
from sonicdiffusion.soundscapes.picture.stage import Stage

_PLUMAGE = (
    (0.16, 0.15, 0.17),
    (0.93, 0.93, 0.92),
    (0.78, 0.28, 0.20),
    (0.22, 0.40, 0.66),
    (0.62, 0.48, 0.30),
)


def birds(stage: Stage, rng: np.random.Generator, intensity: float) -> None:
    """Paint a flock on the wing, and larger birds on a branch when it is loud."""
    canvas = stage.canvas
    colour = np.asarray(_PLUMAGE[int(rng.integers(len(_PLUMAGE)))])
    perched = rng.random() < 0.5
    if perched:
        _paint_branch(stage, rng, intensity, colour)
    count = round((3 if perched else 5) + (6 if perched else 13) * intensity)
    size = (0.055 + 0.075 * intensity) * rng.uniform(0.85, 1.15)
    middle = (rng.uniform(0.3, 0.7) * canvas.aspect, rng.uniform(0.18, 0.42))
    spread = (0.16 + 0.30 * intensity, 0.08 + 0.16 * intensity)
    side = float(rng.choice((-1.0, 1.0)))
    for _ in range(count):
        x, y = middle[0] + rng.normal(0, spread[0]), middle[1] + rng.normal(0, spread[1])
        scale = size * rng.uniform(0.7, 1.2)
        _paint_flying(stage, (float(x), float(y)), scale, side, rng.uniform(-0.7, 1.0), colour)


def _paint_flying(stage: Stage, at: tuple[float, float], size: float, side: float, flap: float, colour: Colour) -> None:
    """Draw a bird from the side; `flap` in [-1, 1] is the height of its wings."""
    canvas, (x, y) = stage.canvas, at
    dark = np.asarray(colour) * 0.6
    far = [
        (x - 0.1 * side * size, y),
        (x - 0.5 * side * size, y - 0.85 * flap * size),
        (x + 0.25 * side * size, y),
    ]
    canvas.polygon(far, dark)
    canvas.ellipse((x, y), (0.46 * size, 0.15 * size), colour, angle_degrees=-8 * side)
    canvas.ellipse((x + 0.42 * side * size, y - 0.09 * size), (0.14 * size, 0.12 * size), colour)
    beak = [(x + 0.52 * side * size, y - 0.14 * size), (x + 0.74 * side * size, y - 0.07 * size)]
    canvas.polygon([*beak, (x + 0.52 * side * size, y - 0.04 * size)], (0.95, 0.65, 0.15))
    tail = [
        (x - 0.35 * side * size, y),
        (x - 0.80 * side * size, y - 0.10 * size),
        (x - 0.78 * side * size, y + 0.10 * size),
    ]
    canvas.polygon(tail, dark)
    wing = [
        (x + 0.22 * side * size, y - 0.04 * size),
        (x - 0.25 * side * size, y - 1.05 * flap * size - 0.1 * size),
    ]
    wing += [(x - 0.62 * side * size, y - 0.95 * flap * size), (x - 0.22 * side * size, y + 0.02 * size)]
    canvas.polygon(wing, np.asarray(colour) * 0.82)


def _paint_branch(stage: Stage, rng: np.random.Generator, intensity: float, colour: NDArray[np.floating]) -> None:
    """Reach a branch into the picture from one side, with birds sitting on it."""
    canvas = stage.canvas
    side = 1.0 if rng.random() < 0.5 else -1.0
    root = 0.0 if side > 0 else canvas.aspect
    long = (0.35 + 0.45 * intensity) * canvas.aspect
    t = np.linspace(0.0, 1.0, 14)
    level = rng.uniform(0.35, 0.75)
    path = np.stack([root + side * long * t, level + 0.06 * np.sin(3.0 * t + rng.random()) - 0.05 * t], 1)
    wood = (0.34, 0.25, 0.18)
    for start, end, thick in ((0, 6, 0.030), (5, 10, 0.020), (9, 14, 0.012)):
        canvas.line(path[start:end], thick, wood)
    for joint in (4, 7, 10):
        tip = path[joint] + (side * 0.09, rng.choice((-0.09, 0.07)))
        canvas.line([path[joint], tip], 0.010, wood)
        leaf = mix((0.30, 0.50, 0.20), (0.45, 0.55, 0.22), rng.random())
        canvas.ellipse((tip[0], tip[1]), (0.035, 0.018), leaf, angle_degrees=float(rng.uniform(-60, 60)))
    size = 0.11 + 0.09 * intensity
    for joint in rng.choice(np.arange(4, 13), size=1 + round(2 * intensity), replace=False):
        _paint_perched(stage, (path[joint][0], path[joint][1]), size * rng.uniform(0.85, 1.1), rng, colour)


def _paint_perched(
    stage: Stage,
    foot: tuple[float, float],
    size: float,
    rng: np.random.Generator,
    colour: NDArray[np.floating],
) -> None:
    canvas, (x, y) = stage.canvas, foot
    side = float(rng.choice((-1.0, 1.0)))
    tail = [
        (x - 0.25 * side * size, y - 0.3 * size),
        (x - 0.80 * side * size, y + 0.22 * size),
        (x - 0.5 * side * size, y),
    ]
    canvas.polygon(tail, colour * 0.6)
    canvas.ellipse((x, y - 0.38 * size), (0.46 * size, 0.33 * size), colour, angle_degrees=-28 * side)
    belly = np.minimum(colour * 0.4 + 0.55, 1.0)
    canvas.ellipse(
        (x + 0.18 * side * size, y - 0.30 * size), (0.26 * size, 0.22 * size), belly, angle_degrees=-28 * side
    )
    canvas.ellipse(
        (x - 0.12 * side * size, y - 0.40 * size),
        (0.33 * size, 0.17 * size),
        colour * 0.7,
        angle_degrees=24 * side,
    )
    head = (x + 0.34 * side * size, y - 0.72 * size)
    canvas.ellipse(head, (0.22 * size, 0.20 * size), colour)
    beak = [
        (head[0] + 0.18 * side * size, head[1] - 0.08 * size),
        (head[0] + 0.45 * side * size, head[1] + 0.03 * size),
    ]
    canvas.polygon([*beak, (head[0] + 0.18 * side * size, head[1] + 0.08 * size)], (0.95, 0.65, 0.15))
    canvas.ellipse(
        (head[0] + 0.08 * side * size, head[1] - 0.05 * size), (0.05 * size, 0.05 * size), (0.02, 0.02, 0.03)
    )


def crickets(stage: Stage, rng: np.random.Generator, intensity: float) -> None:
    """Grow tall stalks before the view, with crickets on them; more and nearer when it is loud."""
    canvas = stage.canvas
    straw = {"desert": (0.74, 0.62, 0.30), "arctic": (0.66, 0.70, 0.66), "city": (0.45, 0.50, 0.24)}
    green = np.asarray(straw.get(stage.scene.place, (0.34, 0.54, 0.18))) * rng.uniform(0.8, 1.15)
    side = float(rng.uniform(0.15, 0.85) * canvas.aspect)
    reach = (0.20 + 0.38 * intensity) * canvas.aspect
    tall = 0.28 + 0.34 * intensity
    stalks = [
        _paint_stalk(stage, rng, side + reach * rng.uniform(-1, 1), tall, green)
        for _ in range(6 + round(14 * intensity))
    ]
    coat = mix((0.62, 0.44, 0.20), (0.50, 0.72, 0.20), float(rng.random() < 0.5)) * np.float32(rng.uniform(0.85, 1.2))
    size = (0.12 + 0.13 * intensity) * rng.uniform(0.9, 1.1)
    for stalk in rng.choice(len(stalks), size=1 + round(2.4 * intensity), replace=False):
        x, y = stalks[stalk][int(rng.integers(4, 8))]
        _paint_cricket(
            stage, (float(np.clip(x, 0.12, canvas.aspect - 0.12)), y), size, float(rng.choice((-1, 1))), coat
        )


def _paint_stalk(
    stage: Stage, rng: np.random.Generator, x: float, tall: float, green: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Draw one blade of grass from the lower edge and return points along its middle."""
    t = np.linspace(0.0, 1.0, 10)
    lean = rng.normal(0.25 * stage.wind, 0.12)
    height = tall * rng.uniform(0.6, 1.15)
    middle = np.stack([x + lean * height * t**2, 1.02 - height * t], 1)
    half = (0.014 + 0.010 * tall) * (1.0 - t**2)[:, None] * np.asarray((1.0, 0.0))
    canvas, shade = stage.canvas, rng.uniform(0.7, 1.1)
    canvas.polygon(np.concatenate([middle - half, (middle + half)[::-1]]), green * shade)
    canvas.polygon(np.concatenate([middle - half, middle[::-1]]), np.minimum(green * shade * 1.25, 1.0))
    return middle


def _paint_cricket(
    stage: Stage, at: tuple[float, float], size: float, side: float, colour: NDArray[np.floating]
) -> None:
    """Draw a cricket: long body, folded hind leg, feelers."""
    canvas, (x, y) = stage.canvas, at

    def spot(along: float, up: float) -> tuple[float, float]:
        return x + side * along * size, y - up * size

    dark = colour * 0.5
    thick = 0.05 * size + 0.003
    for hip in (-0.05, 0.2):
        canvas.line([spot(hip, 0.0), spot(hip + 0.1, -0.25)], thick, dark)
    for bend in (0.55, 0.85):
        canvas.line(
            [spot(0.45, 0.15), spot(0.45 + 0.3 * bend, 0.5 * bend), spot(0.85, 0.75 * bend)],
            thick * 0.8,
            dark,
        )
    canvas.ellipse(spot(-0.08, 0.05), (0.50 * size, 0.15 * size), colour, angle_degrees=4 * side)
    canvas.ellipse(spot(-0.18, 0.10), (0.40 * size, 0.09 * size), np.minimum(colour * 1.4, 1.0), angle_degrees=4 * side)
    canvas.ellipse(spot(0.42, 0.10), (0.16 * size, 0.15 * size), colour * 0.85)
    canvas.ellipse(spot(0.47, 0.15), (0.05 * size, 0.05 * size), (0.03, 0.03, 0.03))
    canvas.polygon([spot(-0.02, 0.02), spot(-0.38, 0.52), spot(-0.50, 0.50), spot(-0.18, -0.04)], dark * 1.3)
    canvas.line([spot(-0.44, 0.50), spot(-0.72, -0.22)], thick * 1.1, dark)
