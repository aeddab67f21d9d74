"""A waterfall over a step of rock, with mist and a pool at its foot."""

import numpy as np

from sonicdiffusion.soundscapes.picture.canvas import Field, mix, ridge, smoothstep
from sonicdiffusion.soundscapes.picture.stage import Stage
from sonicdiffusion.soundscapes.picture.water import FOAM, draw_tone, foam_glow, lay_water


def waterfall(stage: Stage, rng: np.random.Generator, intensity: float) -> None:
    """Paint a cliff with falling water; height and width of the fall follow the intensity."""
    canvas = stage.canvas
    tone = draw_tone(rng)
    foot = min(0.97, stage.horizon + rng.uniform(0.10, 0.24) + 0.06 * intensity)
    height = (0.16 + 0.42 * intensity) * rng.uniform(0.88, 1.12)
    half = (0.035 + 0.13 * intensity) * rng.uniform(0.85, 1.15)
    centre = rng.uniform(half + 0.08, canvas.aspect - half - 0.08)
    _paint_cliff(stage, rng, centre, half, foot, height)
    _paint_pool(stage, rng, tone, centre, half, foot)
    fall = _falling(stage, rng, centre, half, foot, height)
    strands = np.clip(canvas.noise(rng, 26.0, octaves=2, stretch=0.18) * 1.2 - 0.1, 0.0, 1.0)
    colour = mix(tone * 1.6, FOAM, 0.35) + (FOAM - mix(tone * 1.6, FOAM, 0.35)) * strands[..., None]
    canvas.blend(fall, colour, glow=foam_glow(stage))
    mist = np.exp(-(((canvas.x - centre) / (1.7 * half)) ** 2) - ((canvas.y - foot) / (0.03 + 0.25 * half)) ** 2)
    canvas.blend(0.85 * mist, FOAM, glow=foam_glow(stage))


def _paint_cliff(
    stage: Stage, rng: np.random.Generator, centre: float, half: float, foot: float, height: float
) -> None:
    """Paint the wall of rock that the water falls over, in slabs with lit edges."""
    canvas = stage.canvas
    frosty = stage.scene.place == "arctic"
    rock = np.asarray((0.66, 0.78, 0.88)) if frosty else np.asarray((0.44, 0.40, 0.37)) * rng.uniform(0.8, 1.25)
    if stage.scene.place == "desert":
        rock = np.asarray((0.68, 0.43, 0.28))
    reach = half * rng.uniform(1.7, 2.4) + 0.05
    for side in (-1, 1):
        edge = reach * rng.uniform(0.8, 1.2)
        steps = np.linspace(0.0, 1.0, 7)
        x = centre + side * (0.6 * half + edge * steps)
        tops = foot - height * (1.04 - 0.75 * steps**1.6) * rng.uniform(0.88, 1.08, 7)
        tops[0] = foot - height * 1.03
        slab = np.concatenate([np.stack([x, tops], 1), [[x[-1] + side * 0.03, foot + 0.015], [centre, foot + 0.01]]])
        canvas.polygon(slab, rock * (0.72 if side > 0 else 0.9))
        for low in np.arange(1, 6, 2):
            crack = [(x[low], tops[low]), (x[low + 1], tops[low + 1]), (x[low], foot), (x[low - 1], foot)]
            canvas.polygon(crack, rock * rng.uniform(0.5, 0.8))
        turf = np.concatenate([np.stack([x, tops - 0.004], 1), np.stack([x, tops + 0.018], 1)[::-1]])
        canvas.polygon(turf, (0.93, 0.96, 1.0) if frosty else np.asarray(stage.ground) * 0.8)
    back = [
        (centre - 0.7 * half, foot),
        (centre - 0.7 * half, foot - height),
        (centre + 0.7 * half, foot - height),
    ]
    canvas.polygon([*back, (centre + 0.7 * half, foot)], rock * 0.45)


def _falling(stage: Stage, rng: np.random.Generator, centre: float, half: float, foot: float, height: float) -> Field:
    """Return where water falls: one curtain, wider and frayed towards its foot."""
    canvas = stage.canvas
    down = np.clip((canvas.y - (foot - height)) / height, 0.0, 1.0)
    wobble = 0.012 * (ridge(rng, canvas.height, 5.0, octaves=2) - 0.5)[:, None]
    width = half * (0.62 + 0.38 * down) * rng.uniform(0.9, 1.0)
    inside = smoothstep(0.006, -0.006, np.abs(canvas.x - centre - wobble) - width)
    lip = smoothstep(-0.004, 0.004, canvas.y - (foot - height) + 0.02 * (np.abs(canvas.x - centre) / half) ** 2)
    return inside * lip * smoothstep(0.004, -0.004, canvas.y - foot)


def _paint_pool(stage: Stage, rng: np.random.Generator, tone: Field, centre: float, half: float, foot: float) -> None:
    """Paint the pool and the stream that leaves it towards the viewer."""
    canvas = stage.canvas
    t = np.linspace(0.0, 1.0, 10)
    drift = rng.uniform(-0.25, 0.25)
    y = foot + (1.03 - foot) * t
    middle = centre + drift * t**1.5
    spread = half * (1.35 + 0.5 * t) + 0.02
    stream = np.concatenate([np.stack([middle - spread, y], 1), np.stack([middle + spread, y], 1)[::-1]])
    bank = np.stack([middle, y], 1)[:, None] + np.stack([-spread - 0.012, spread + 0.012], 1)[..., None] * (
        1.0,
        0.0,
    )
    canvas.polygon(np.concatenate([bank[:, 0], bank[::-1, 1]]), np.asarray(stage.ground) * 0.55)
    lay_water(stage, rng, canvas.cover(stream), tone)
