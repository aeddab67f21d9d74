"""Something that splashes into water: a pond in the ground with crowns of water and flying drops."""

import numpy as np

from sonicdiffusion.soundscapes.picture.canvas import Colour, Field, mix, ridge
from sonicdiffusion.soundscapes.picture.stage import Stage
from sonicdiffusion.soundscapes.picture.underwater import paint_fish
from sonicdiffusion.soundscapes.picture.water import FOAM, draw_tone, foam_glow, lay_water

Point = tuple[float, float]


def splash(stage: Stage, rng: np.random.Generator, intensity: float) -> None:
    """Paint a pond with one to four splashes; their size, their number and the pond follow the intensity."""
    tone = draw_tone(rng)
    half = (0.14 + 0.42 * intensity) * rng.uniform(0.92, 1.08)
    depth = min(half * rng.uniform(0.32, 0.45), 0.5 * (1.0 - stage.horizon))
    lowest = max(stage.horizon + depth + 0.04, 0.99 - 0.6 * depth)
    centre = (
        float(rng.uniform(0.22, 0.78) * stage.canvas.aspect),
        float(rng.uniform(stage.horizon + depth + 0.03, lowest)),
    )
    _paint_pond(stage, rng, tone, centre, half, depth)
    count = 1 + int(intensity > 0.35 + 0.3 * rng.random()) + int(intensity > 0.6 + 0.3 * rng.random())
    spots = (np.arange(count) + rng.uniform(0.25, 0.75, count)) / count * 1.4 - 0.7
    heights = rng.uniform(-0.45, 0.45, count)
    largest = int(rng.integers(count))
    for index in np.argsort(heights):
        at = (centre[0] + float(spots[index]) * half * 0.8, centre[1] + float(heights[index]) * depth)
        size = (0.065 + 0.23 * intensity) * rng.uniform(0.9, 1.1) * (1.0 if index == largest else 0.55)
        light = mix(mix(tone * 1.4, FOAM, 0.5), stage.light.horizon, 0.2)
        _paint_rings(stage, rng, at, size, tone, light)
        if index == largest:
            _paint_cause(stage, rng, at, size)
        _paint_crown(stage, rng, at, size, light)


def _paint_pond(stage: Stage, rng: np.random.Generator, tone: Field, centre: Point, half: float, depth: float) -> None:
    canvas, place = stage.canvas, stage.scene.place
    turn = np.linspace(0.0, 2 * np.pi, 40, endpoint=False)
    built = place in ("city", "village") and rng.random() < 0.6
    radius = np.ones(40) if built else 0.85 + 0.3 * ridge(rng, 40, 4.0, octaves=2)
    radius[-4:] = np.linspace(radius[-4], radius[0], 4)
    shore = np.stack([half * radius * np.cos(turn), depth * radius * np.sin(turn)], 1)
    bank = np.asarray(stage.ground) * 0.55
    if built:  # the kerb of a basin: its side in shade, its top in light
        canvas.polygon(shore * 1.12 + centre + (0.0, 0.07 * depth + 0.012), (0.42, 0.41, 0.40))
        bank = np.asarray((0.72, 0.70, 0.67))
    elif place == "arctic":
        bank = np.asarray((0.62, 0.82, 0.93))
    canvas.polygon(shore * 1.1 + centre, bank)
    lay_water(stage, rng, canvas.cover(shore + centre, blur=0.002), tone)


def _paint_rings(stage: Stage, rng: np.random.Generator, at: Point, size: float, tone: Field, light: Field) -> None:
    """Spread two or three rings over the water, each with a dark trough inside."""
    canvas = stage.canvas
    turn = np.linspace(0.0, 2 * np.pi, 33)
    wide = max(0.010, 0.07 * size)
    for reach in np.asarray((1.75, 1.15)) * rng.uniform(0.9, 1.1):
        ring = np.stack([at[0] + reach * size * np.cos(turn), at[1] + 0.32 * reach * size * np.sin(turn)], 1)
        canvas.line(np.add(ring, (0.0, 0.6 * wide)), wide, tone * 0.5)
        canvas.line(ring, wide, light, glow=foam_glow(stage) * 0.6)


def _paint_crown(stage: Stage, rng: np.random.Generator, at: Point, size: float, light: Field) -> None:
    """Throw up a bowl-shaped sheet of water with fingers and drops, its far side first."""
    canvas, glow = stage.canvas, foam_glow(stage)
    flare, lean = rng.uniform(0.3, 0.75), 0.3 * stage.wind
    count = int(rng.integers(7, 11))
    if rng.random() < 0.4:  # the column that rebounds from the middle
        tall = size * rng.uniform(1.5, 2.1)
        column = [(-0.16, 0.0), (-0.07, -0.5), (-0.04, -0.9), (0.04, -0.9), (0.07, -0.5), (0.16, 0.0)]
        canvas.polygon([(at[0] + x * size + lean * y * y * size, at[1] + y * tall) for x, y in column], FOAM, glow=glow)
        canvas.ellipse((at[0] + lean * size, at[1] - 1.0 * tall), (0.11 * size, 0.14 * size), FOAM, glow=glow)
    for front in (False, True):
        place = np.linspace(-1.0, 1.0, count)
        drop = 0.15 * size * np.sqrt(1.0 - place**2) * (1 if front else -1)
        height = size * rng.uniform(0.75, 1.35, count) * (0.75 if front else 1.0)
        root = np.stack([at[0] + 0.45 * size * place, at[1] + drop], 1)
        tip = root + np.stack([(flare * place + lean) * height, -height], 1)
        valley = 0.5 * (root[1:] + root[:-1]) + 0.45 * (0.5 * (tip[1:] + tip[:-1]) - 0.5 * (root[1:] + root[:-1]))
        sheet = np.empty((2 * count - 1, 2))
        sheet[::2], sheet[1::2] = tip, valley
        colour: Colour = FOAM if front else mix(light, FOAM, 0.25)
        canvas.polygon(np.concatenate([sheet, root[::-1]]), colour, glow=glow * (1.0 if front else 0.6))
        for point in tip:
            drop_size = max(0.007, 0.075 * size * rng.uniform(0.7, 1.2))
            canvas.ellipse((point[0], point[1]), (drop_size, 1.15 * drop_size), colour, glow=glow)
    for _ in range(count + 2):
        angle = rng.uniform(0.2, np.pi - 0.2)
        reach = size * rng.uniform(1.1, 1.9)
        spot = (at[0] + 0.9 * reach * np.cos(angle), at[1] - reach * np.sin(angle))
        drop_size = max(0.007, 0.07 * size * rng.uniform(0.6, 1.2))
        canvas.ellipse(spot, (drop_size, 1.2 * drop_size), FOAM, glow=glow)
    canvas.ellipse((at[0], at[1] + 0.10 * size), (0.55 * size, 0.14 * size), FOAM, glow=glow)
    canvas.ellipse((at[0], at[1] - 0.35 * size), (0.2 * size, 0.13 * size), light, glow=glow * 0.5)


def _paint_cause(stage: Stage, rng: np.random.Generator, at: Point, size: float) -> None:
    """Show what fell or leapt: a stone above the crown, a fish, a diver's legs, an oar, or nothing any more."""
    canvas, side = stage.canvas, float(rng.choice((-1.0, 1.0)))
    above = (at[0] + rng.uniform(-0.3, 0.3) * size, at[1] - size * rng.uniform(1.6, 2.0))
    kind = rng.random()
    if kind < 0.2:
        canvas.ellipse(above, (0.30 * size, 0.22 * size), (0.30, 0.28, 0.28), angle_degrees=rng.uniform(-30, 30))
        canvas.ellipse((above[0] - 0.05 * size, above[1] - 0.06 * size), (0.19 * size, 0.11 * size), (0.50, 0.48, 0.46))
    elif kind < 0.5:
        colour = ((0.85, 0.50, 0.25), (0.45, 0.55, 0.65), (0.85, 0.75, 0.40))[int(rng.integers(3))]
        spot = (at[0] + side * rng.uniform(0.2, 0.7) * size, above[1] + 0.2 * size)
        paint_fish(stage, spot, 0.48 * size, rng.uniform(-0.5, 0.8), side, colour)
    elif kind < 0.65:
        skin, trunks = mix((0.90, 0.70, 0.56), (0.42, 0.27, 0.19), rng.random()), rng.uniform(0.1, 0.9, 3)
        hip = (at[0], at[1] - 0.75 * size)
        for spread in (-0.28, 0.22):
            knee = (hip[0] + spread * size, hip[1] - 0.55 * size)
            canvas.line([hip, knee, (knee[0] + 0.25 * side * size, knee[1] - 0.45 * size)], 0.17 * size, skin)
        canvas.line([(at[0], at[1]), hip], 0.3 * size, trunks)
    elif kind < 0.8:
        end = (at[0] + side * 1.5 * size, at[1] - 1.9 * size)
        canvas.line([at, end], max(0.012, 0.10 * size), (0.55, 0.36, 0.20))
        canvas.line([at, (at[0] + side * 0.45 * size, at[1] - 0.57 * size)], 0.28 * size, (0.68, 0.46, 0.26))
