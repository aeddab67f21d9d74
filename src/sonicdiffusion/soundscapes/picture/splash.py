"""Something that splashes into water: a pond in the ground with crowns of water and flying drops."""

import numpy as np

from sonicdiffusion.soundscapes.picture.canvas import Field, mix, ridge
from sonicdiffusion.soundscapes.picture.stage import Stage
from sonicdiffusion.soundscapes.picture.underwater import paint_fish
from sonicdiffusion.soundscapes.picture.water import FOAM, draw_tone, foam_glow, lay_water


def splash(stage: Stage, rng: np.random.Generator, intensity: float) -> None:
    """Paint a pond with one to three splashes; their size and the pond's follow the intensity."""
    canvas = stage.canvas
    tone = draw_tone(rng)
    half = (0.15 + 0.33 * intensity) * rng.uniform(0.9, 1.1)
    depth = min(half * rng.uniform(0.30, 0.42), 0.48 * (1.0 - stage.horizon))
    centre = (
        float(rng.uniform(0.25, 0.75) * canvas.aspect),
        float(rng.uniform(stage.horizon + depth + 0.03, max(stage.horizon + depth + 0.04, 0.99 - 0.6 * depth))),
    )
    _paint_pond(stage, rng, tone, centre, half, depth)
    count = 1 + int(intensity > 0.55) + int(intensity > 0.85 or rng.random() < 0.2)
    offsets = rng.uniform(-0.55, 0.55, count) if count > 1 else rng.uniform(-0.25, 0.25, 1)
    for index, offset in enumerate(np.sort(offsets)):
        at = (centre[0] + float(offset) * half, centre[1] + float(rng.uniform(-0.3, 0.3)) * depth)
        size = (0.10 + 0.22 * intensity) * rng.uniform(0.85, 1.1) * (1.0 if index == 0 else 0.75)
        _paint_rings(stage, at, size, tone)
        _paint_crown(stage, rng, at, size)
        if index == 0 and rng.random() < 0.6:
            _paint_cause(stage, rng, at, size)


def _paint_pond(
    stage: Stage,
    rng: np.random.Generator,
    tone: Field,
    centre: tuple[float, float],
    half: float,
    depth: float,
) -> None:
    canvas = stage.canvas
    turn = np.linspace(0.0, 2 * np.pi, 40, endpoint=False)
    radius = 0.85 + 0.3 * ridge(rng, 40, 4.0, octaves=2)
    radius[-4:] = np.linspace(radius[-4], radius[0], 4)
    shore = np.stack([centre[0] + half * radius * np.cos(turn), centre[1] + depth * radius * np.sin(turn)], 1)
    bank = np.asarray(centre) + (shore - np.asarray(centre)) * 1.08
    canvas.polygon(bank, np.asarray(stage.ground) * 0.55)
    lay_water(stage, rng, canvas.cover(shore, blur=0.002), tone)


def _paint_rings(stage: Stage, at: tuple[float, float], size: float, tone: Field) -> None:
    canvas = stage.canvas
    turn = np.linspace(0.0, 2 * np.pi, 33)
    bright = mix(mix(tone * 1.4, FOAM, 0.6), stage.light.horizon, 0.2)
    for reach in (1.5, 1.05, 0.65):
        ring = np.stack([at[0] + reach * size * np.cos(turn), at[1] + 0.3 * reach * size * np.sin(turn)], 1)
        canvas.line(ring, 0.011, bright, glow=foam_glow(stage))


def _paint_crown(stage: Stage, rng: np.random.Generator, at: tuple[float, float], size: float) -> None:
    """Throw up a crown of pointed jets with drops above it, from the back of the ring to its front."""
    canvas = stage.canvas
    column = rng.random() < 0.35
    count = int(rng.integers(7, 12))
    angles = np.linspace(0.0, 2 * np.pi, count, endpoint=False) + rng.uniform(0, 1)
    order = np.argsort(np.sin(angles))
    for angle in angles[order]:
        lean, back = np.cos(angle), np.sin(angle)
        foot = (at[0] + 0.42 * size * lean, at[1] + 0.13 * size * back)
        height = size * rng.uniform(0.75, 1.5) * (1.6 if column and abs(lean) < 0.4 else 1.0)
        tip = (foot[0] + 0.55 * size * lean * rng.uniform(0.6, 1.2), foot[1] - height)
        wide = 0.17 * size
        bend = (foot[0] + 0.1 * size * lean, foot[1] - 0.55 * height)
        jet = [(foot[0] - wide, foot[1]), (bend[0] - 0.5 * wide, bend[1]), tip]
        jet += [(bend[0] + 0.5 * wide, bend[1]), (foot[0] + wide, foot[1])]
        shade = 0.72 + 0.28 * (back + 1) / 2
        canvas.polygon(jet, FOAM * shade, glow=foam_glow(stage))
        for _ in range(2):
            drop = (tip[0] + rng.normal(0, 0.16) * size, tip[1] - rng.uniform(-0.1, 0.4) * size)
            radius = max(0.008, 0.06 * size * rng.uniform(0.6, 1.2))
            canvas.ellipse(drop, (radius, 1.2 * radius), FOAM, glow=foam_glow(stage))
    canvas.ellipse(at, (0.5 * size, 0.16 * size), FOAM * 0.95, glow=foam_glow(stage))


def _paint_cause(stage: Stage, rng: np.random.Generator, at: tuple[float, float], size: float) -> None:
    """Show what fell or leapt: a stone above the crown, or a fish."""
    canvas = stage.canvas
    above = (at[0] + rng.uniform(-0.4, 0.4) * size, at[1] - size * rng.uniform(1.5, 1.9))
    if rng.random() < 0.5:
        canvas.ellipse(above, (0.24 * size, 0.18 * size), (0.36, 0.34, 0.33), angle_degrees=rng.uniform(-30, 30))
    else:
        colour = ((0.85, 0.50, 0.25), (0.55, 0.62, 0.70))[int(rng.integers(2))]
        paint_fish(stage, above, 0.45 * size, rng.uniform(0.2, 0.9), float(rng.choice((-1.0, 1.0))), colour)
