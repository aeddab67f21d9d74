"""A waterfall over a step of rock, with mist and a pool at its foot."""

import numpy as np

from sonicdiffusion.soundscapes.picture.canvas import Field, mix, ridge
from sonicdiffusion.soundscapes.picture.stage import Stage
from sonicdiffusion.soundscapes.picture.water import FOAM, draw_tone, foam_glow, lay_water

_ROCKS = {
    "desert": (0.70, 0.44, 0.29),
    "arctic": (0.62, 0.76, 0.88),
    "forest": (0.38, 0.41, 0.34),
    "city": (0.52, 0.52, 0.54),
}
_PLAIN_ROCK = (0.48, 0.44, 0.41)


def waterfall(stage: Stage, rng: np.random.Generator, intensity: float) -> None:
    """Paint a cliff with falling water; height and width of the fall follow the intensity."""
    canvas = stage.canvas
    tone = draw_tone(rng)
    slender = rng.uniform(0.85, 1.15)
    foot = float(min(0.93, stage.horizon + rng.uniform(0.07, 0.2) + 0.09 * intensity))
    height = (0.12 + 0.46 * intensity) * slender
    half = (0.026 + 0.145 * intensity) / slender
    centre = float(rng.uniform(half + 0.06, canvas.aspect - half - 0.06))
    _paint_cliff(stage, rng, centre, half, foot, height)
    _paint_pool(stage, rng, tone, centre, half, foot)
    fall = _falling(stage, rng, centre, half, foot, height)
    strands = np.clip(canvas.noise(rng, 6.0, octaves=2, stretch=0.11) * 1.5 - 0.2, 0.0, 1.0)[..., None]
    dark = mix(mix(tone, (0.35, 0.60, 0.80), 0.5) * 1.2, FOAM, 0.3)
    canvas.blend(fall, dark + (FOAM - dark) * strands, glow=foam_glow(stage) * (0.7 + 0.6 * strands))
    across, up = (canvas.x - centre) / (1.35 * half + 0.02), (canvas.y - foot) / (0.025 + 0.3 * half)
    mist = np.exp(-(across**2) - np.where(up < 0, 0.67 * up, 1.26 * up) ** 2)
    canvas.blend(np.asarray(0.85 * mist, np.float32), FOAM, glow=foam_glow(stage))
    for x in np.linspace(-1.15, 1.15, 7) * half + centre:
        puff = (0.16 * half + 0.008) * rng.uniform(0.8, 1.4)
        at = (float(x), foot + 0.01 + 0.15 * half * rng.uniform(-0.2, 0.6))
        canvas.ellipse(at, (1.7 * puff, 0.8 * puff), FOAM, glow=foam_glow(stage))


def _paint_cliff(
    stage: Stage, rng: np.random.Generator, centre: float, half: float, foot: float, height: float
) -> None:
    """Paint the wall of rock that the water falls over, in upright slabs of different light."""
    canvas, place = stage.canvas, stage.scene.place
    rock = np.asarray(_ROCKS.get(place, _PLAIN_ROCK)) * rng.uniform(0.85, 1.2) * rng.uniform(0.94, 1.06, 3)
    frosty = place == "arctic"
    lit = 1 if stage.sun[0] > centre else -1
    for side in (-1, 1):
        reach = rng.uniform(0.6, 1.2) * half + rng.uniform(0.05, 0.12) * (0.4 + height)
        count = max(3, round(reach / 0.045))
        x = centre + side * (0.55 * half + reach * np.linspace(0.0, 1.0, count + 1) ** 0.9)
        slope = rng.uniform(0.25, 0.8)
        rise = 1.06 - slope * np.linspace(0.0, 1.0, count) ** rng.uniform(1.0, 2.5)
        tops = foot - height * np.maximum(rise * rng.uniform(0.88, 1.08, count), 0.12)
        tops[0] = foot - height * rng.uniform(1.04, 1.12)
        for index in reversed(range(count)):
            low, high = foot + 0.02 * rng.random(), tops[index]
            slab = [(x[index], low), (x[index], high), (x[index + 1], high + 0.03 * height), (x[index + 1], low)]
            shade = rng.uniform(0.62, 0.9) + (0.18 if side == -lit else -0.05)
            canvas.polygon(slab, rock * shade)
            crack = x[index] + (x[index + 1] - x[index]) * rng.uniform(0.55, 0.8)
            edge = [
                (crack, high + 0.03 * height),
                (x[index + 1], high + 0.03 * height),
                (x[index + 1], low),
                (crack, low),
            ]
            canvas.polygon(edge, rock * shade * 0.78)
            turf = (0.93, 0.96, 1.0) if frosty else np.asarray(stage.ground) * 0.85
            deep = 0.012 + 0.05 * height
            cap = [*slab[1:3], (x[index + 1], high + deep), ((x[index] + x[index + 1]) / 2, high + 1.5 * deep)]
            canvas.polygon([*cap, (x[index], high + 0.8 * deep)], turf)
        for _ in range(3):
            spot, size = centre + side * (half + rng.random() * reach), (0.015 + 0.06 * height) * rng.uniform(0.6, 1.2)
            canvas.ellipse((spot, foot + 0.01), (1.3 * size, size), rock * 0.6)
            canvas.ellipse((spot + 0.2 * lit * size, foot + 0.005 - 0.2 * size), (size, 0.65 * size), rock * 0.95)
    top = foot - height
    back = [(centre - 0.75 * half, foot), (centre - 0.75 * half, top), (centre + 0.75 * half, top)]
    canvas.polygon([*back, (centre + 0.75 * half, foot)], rock * 0.42)


def _falling(stage: Stage, rng: np.random.Generator, centre: float, half: float, foot: float, height: float) -> Field:
    """Return where water falls: a curtain in one or two leaps, wider and frayed towards its foot."""
    canvas = stage.canvas
    down = np.linspace(0.0, 1.0, 24)
    leap = rng.uniform(0.35, 0.65) if rng.random() < 0.55 else 2.0
    lower = down > leap
    shift = rng.uniform(-0.2, 0.2) * half if leap < 1 else 0.0
    width = half * np.where(lower, 0.86 + 0.2 * down, 0.58 + 0.3 * down)
    middle = centre + np.where(lower, 0.0, shift)
    y = foot - height * (1.0 - down)
    left, right = (middle + side * width * (0.92 + 0.16 * ridge(rng, 24, 6.0, octaves=2)) for side in (-1, 1))
    fall = canvas.cover(np.concatenate([np.stack([left, y], 1), np.stack([right, y], 1)[::-1]]), blur=0.003)
    lip = (float(middle[0]), foot - height)
    cap = np.stack([lip[0] + np.linspace(-1, 1, 9) * width[0], lip[1] - 0.014 * np.cos(np.linspace(-1.5, 1.5, 9))], 1)
    fall = np.maximum(fall, canvas.cover(cap))
    if rng.random() < 0.6:  # a rock in the lip parts the curtain
        split, deep = lip[0] + rng.uniform(-0.35, 0.35) * half, rng.uniform(0.4, 0.8) * height
        wedge = [(split - 0.17 * half, lip[1] - 0.02), (split + 0.17 * half, lip[1] - 0.02), (split, lip[1] + deep)]
        fall = fall * (1.0 - canvas.cover(wedge, blur=0.003))
    return fall


def _paint_pool(stage: Stage, rng: np.random.Generator, tone: Field, centre: float, half: float, foot: float) -> None:
    """Paint the pool and the stream that leaves it towards the viewer."""
    canvas = stage.canvas
    t = np.linspace(0.0, 1.0, 14)
    y = foot - 0.008 + (1.04 - foot) * t
    bend = rng.uniform(-0.3, 0.3)
    middle = centre + bend * (1.0 - np.cos(np.pi * t)) * 0.5
    pool = np.sqrt(np.clip(1.0 - ((t - 0.22) / 0.30) ** 2, 0.0, 1.0)) * rng.uniform(0.7, 1.1) * half
    spread = half * (0.85 + 0.35 * t) + pool + 0.012
    spread *= 0.85 + 0.3 * ridge(rng, 14, 4.0, octaves=1)
    for grow, level in ((1.12, -0.004), (1.0, 0.0)):
        left, right = middle - grow * spread - 0.008 * (grow > 1), middle + grow * spread + 0.008 * (grow > 1)
        shape = np.concatenate([np.stack([left, y + level], 1), np.stack([right, y + level], 1)[::-1]])
        if grow > 1:
            canvas.polygon(shape, np.asarray(stage.ground) * 0.55)
        else:
            lay_water(stage, rng, canvas.cover(shape, blur=0.002), tone)
