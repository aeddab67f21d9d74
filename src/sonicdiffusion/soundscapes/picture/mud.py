"""Squelching mud: a wet brown patch with puddles and footprints, and what treads or rolls in it."""

import numpy as np

from sonicdiffusion.soundscapes.picture.canvas import Canvas, Colour, Field, mix, ridge, smoothstep
from sonicdiffusion.soundscapes.picture.stage import Stage
from sonicdiffusion.soundscapes.picture.water import mirrored_sky

Point = tuple[float, float]

_BROWNS = ((0.28, 0.19, 0.12), (0.40, 0.28, 0.17), (0.36, 0.22, 0.14), (0.33, 0.29, 0.24))
_CLOTHES = (
    (0.82, 0.17, 0.14),
    (0.94, 0.76, 0.12),
    (0.16, 0.44, 0.25),
    (0.15, 0.30, 0.62),
    (0.17, 0.16, 0.18),
    (0.85, 0.45, 0.60),
)


def mud(stage: Stage, rng: np.random.Generator, intensity: float) -> None:
    """Paint a muddy patch that is trodden; the patch, the feet and the flecks grow with the intensity."""
    canvas = stage.canvas
    tones = rng.choice(len(_BROWNS), 2, replace=False)
    brown = mix(_BROWNS[tones[0]], _BROWNS[tones[1]], rng.random()) * np.float32(rng.uniform(0.9, 1.5))
    # Mud is what its ground is made of, wet: as light or as dark, so that its colour alone does not give it away.
    brown = mix(brown, np.asarray(stage.ground) * np.float32(rng.uniform(0.7, 1.2)), rng.uniform(0.3, 0.8))
    half = (0.15 + 0.48 * intensity) * rng.uniform(0.96, 1.04)
    depth = min(half * rng.uniform(0.38, 0.46), 0.55 * (1.0 - stage.horizon))
    lowest = max(stage.horizon + depth + 0.03, 1.0 - 0.6 * depth)
    centre = (
        float(rng.uniform(0.22, 0.78) * canvas.aspect),
        float(rng.uniform(stage.horizon + depth + 0.02, lowest)),
    )
    _paint_ground(stage, rng, centre, half, depth, brown)
    _paint_footprints(stage, rng, centre, half, depth, brown, 3 + round(6 * intensity))
    count = 1 + int(intensity > 0.45 + 0.3 * rng.random()) + int(intensity > 0.75 + 0.2 * rng.random())
    size = (0.11 + 0.21 * intensity) * rng.uniform(0.9, 1.1)
    spots = (np.arange(count) + rng.uniform(0.3, 0.7, count)) / count * 1.3 - 0.65
    levels = np.sort(rng.uniform(-0.35, 0.35, count))
    kind = (_paint_boots, _paint_boots, _paint_walker, _paint_wheel)[int(rng.integers(4))]
    for spot, level in zip(rng.permutation(spots), levels, strict=True):
        at = (centre[0] + float(spot) * half * 0.85, centre[1] + float(level) * depth)
        scale = size * (1.0 + 0.35 * float(level)) * (1.0 if count == 1 else 0.85)
        _paint_flecks(canvas, rng, at, scale, brown, 5 + round(9 * intensity))
        kind(canvas, rng, at, scale, brown)


def _paint_ground(
    stage: Stage, rng: np.random.Generator, centre: Point, half: float, depth: float, brown: Field
) -> None:
    """Lay the mud: a blot with a lobed edge, lumps that catch the light and puddles that mirror the sky."""
    canvas = stage.canvas
    turn = np.linspace(0.0, 2 * np.pi, 48, endpoint=False)
    radius = 0.82 + 0.36 * ridge(rng, 48, 6.0, octaves=2)
    radius[-5:] = np.linspace(radius[-5], radius[0], 5)
    edge = np.stack([half * radius * np.cos(turn), depth * radius * np.sin(turn)], 1)
    canvas.polygon(edge * 1.04 + centre, brown * 0.6)
    cover = canvas.cover(edge + centre, blur=0.004)
    lumps = canvas.noise(rng, 13.0, octaves=3, stretch=2.2)
    drop = max(1, canvas.height // 64)
    relief = np.clip(4.0 * (lumps - np.roll(lumps, -drop, axis=0)), -0.5, 0.8)[..., None]
    sheen = np.clip(-relief, 0.0, 0.5) * mirrored_sky(stage) * 0.5
    canvas.blend(cover, brown * (0.95 + 0.55 * relief), glow=sheen)
    hollow = canvas.noise(rng, 8.0, octaves=2, stretch=3.0)
    inside = hollow[cover > 0.5]
    brim = float(np.quantile(inside, rng.uniform(0.55, 0.85))) if inside.size else 1.0
    canvas.blend(smoothstep(brim - 0.07, brim - 0.01, hollow) * cover * 0.7, brown * 0.5)
    canvas.blend(
        smoothstep(brim, brim + 0.05, hollow) * cover * 0.9,
        brown * 0.45,
        glow=mirrored_sky(stage) * np.float32(rng.uniform(0.6, 0.95)),
    )


def _paint_footprints(
    stage: Stage, rng: np.random.Generator, centre: Point, half: float, depth: float, brown: Field, count: int
) -> None:
    """Press a trail of soles across the mud, left and right by turns, filled with water."""
    start, end = rng.uniform(-0.75, 0.75, 2), rng.uniform(-0.75, 0.75, 2)
    start[0], end[0] = -abs(start[0]) - 0.1, abs(end[0]) + 0.1
    glint = mix(stage.light.horizon, stage.light.zenith, 0.3) * 0.4
    for index, step in enumerate(np.linspace(0.0, 1.0, count)):
        x, y = (start + (end - start) * step) * (0.8 * half, 0.7 * depth) + centre
        size = 0.045 * stage.size_at(float(y)) + 0.012
        y += (0.5 if index % 2 else -0.5) * size
        stage.canvas.ellipse((x, y), (1.1 * size, 0.5 * size), brown * 1.35)
        stage.canvas.ellipse((x, y + 0.08 * size), (0.9 * size, 0.38 * size), brown * 0.35, glow=glint)


def _paint_flecks(canvas: Canvas, rng: np.random.Generator, at: Point, size: float, brown: Field, count: int) -> None:
    """Throw mud up and outwards, with a ragged crown where it leaves the ground."""
    for angle, reach in zip(rng.uniform(0.12, np.pi - 0.12, count), rng.uniform(0.6, 1.3, count), strict=True):
        spot = (at[0] + size * reach * np.cos(angle), at[1] - 0.75 * size * reach * np.sin(angle))
        radius = max(0.008, size * rng.uniform(0.035, 0.075))
        canvas.ellipse(spot, (1.35 * radius, radius), brown * 0.75, angle_degrees=float(-np.degrees(angle)))
    points = np.linspace(-1.0, 1.0, 13)
    rise = np.where(np.arange(13) % 2, rng.uniform(0.22, 0.42, 13), 0.08) * size * (1.1 - 0.5 * np.abs(points))
    crown = np.stack([at[0] + 0.72 * size * points * (1 + rise / size * 0.8), at[1] - rise], 1)
    base = [(at[0] + 0.68 * size, at[1] + 0.06 * size), (at[0] - 0.68 * size, at[1] + 0.06 * size)]
    canvas.polygon(np.concatenate([crown, base]), brown * 0.72)


def _sink(canvas: Canvas, at: Point, size: float, brown: Field) -> None:
    """Let mud close over the foot of something of width `size`."""
    canvas.ellipse(at, (0.62 * size, 0.13 * size), brown * 0.8)
    canvas.ellipse((at[0] - 0.05 * size, at[1] - 0.01 * size), (0.5 * size, 0.08 * size), brown * 1.15)


def _paint_boots(canvas: Canvas, rng: np.random.Generator, at: Point, size: float, brown: Field) -> None:
    """Draw a pair of rubber boots, one of them lifted in half of the pictures."""
    colour, side = _CLOTHES[int(rng.integers(len(_CLOTHES)))], float(rng.choice((-1.0, 1.0)))
    lift = rng.uniform(0.15, 0.4) * size * (rng.random() < 0.5)
    behind = (at[0] - side * 0.5 * size, at[1] - 0.08 * size)
    _paint_boot(canvas, (behind[0], behind[1] - lift), 0.92 * size, side, np.asarray(colour) * 0.85, brown)
    if lift:
        for drop in (0.35, 0.75):
            spot = (behind[0] + 0.1 * side * size, behind[1] - (1 - drop) * lift)
            canvas.ellipse(spot, (0.05 * size, 0.09 * size), brown * 0.8)
    else:
        _sink(canvas, (behind[0] + 0.14 * side * size, behind[1]), 0.75 * size, brown)
    _paint_boot(canvas, at, size, side, colour, brown)
    _sink(canvas, (at[0] + 0.14 * side * size, at[1] + 0.02 * size), 0.85 * size, brown)


def _paint_boot(canvas: Canvas, foot: Point, size: float, side: float, colour: Colour, brown: Field) -> None:
    """Draw a rubber boot that points to `side`, its lower part smeared with mud."""

    def part(points: list[Point], shade: Colour) -> None:
        canvas.polygon(np.asarray(points) * (side * size, size) + foot, shade)

    tone = np.asarray(colour)
    part([(-0.18, -1.0), (0.18, -1.0), (0.17, -0.38), (0.42, -0.27), (0.50, -0.09), (0.47, 0.0), (-0.2, 0.0)], tone)
    part([(-0.18, -1.0), (-0.05, -1.0), (-0.05, 0.0), (-0.2, 0.0)], tone * 0.65)
    part([(0.06, -0.86), (0.12, -0.86), (0.12, -0.42), (0.06, -0.42)], np.minimum(tone * 1.4 + 0.14, 1.0))
    part([(-0.2, -0.14), (0.0, -0.22), (0.2, -0.12), (0.34, -0.18), (0.50, -0.06), (0.47, 0.0), (-0.2, 0.0)], brown)
    part([(-0.2, -1.0), (0.2, -1.0), (0.2, -0.9), (-0.2, -0.9)], np.minimum(tone * 1.3 + 0.06, 1.0))
    canvas.ellipse((foot[0], foot[1] - size), (0.19 * size, 0.045 * size), tone * 0.3)


def _paint_walker(canvas: Canvas, rng: np.random.Generator, at: Point, size: float, brown: Field) -> None:
    """Draw a child in raincoat and boots that stamps through the mud."""
    tall, side = 1.75 * size, float(rng.choice((-1.0, 1.0)))
    picks = rng.choice(len(_CLOTHES), 2, replace=False)
    coat, boots = np.asarray(_CLOTHES[picks[0]]), np.asarray(_CLOTHES[picks[1]])
    skin = mix((0.93, 0.74, 0.60), (0.45, 0.29, 0.20), rng.random())
    stride = rng.uniform(0.10, 0.16)
    for swing, raised in ((-stride, 0.0), (stride, rng.uniform(0.0, 0.14))):
        hip, ankle = (at[0], at[1] - 0.40 * tall), (at[0] + side * swing * tall, at[1] - (0.02 + raised) * tall)
        canvas.line([hip, ankle], 0.10 * tall, (0.20, 0.23, 0.34))
        _paint_boot(canvas, ankle, 0.24 * tall, side, boots, brown)
    arms = [(-0.30, -0.62 + 0.3 * rng.random()), (0.0, -0.70), (0.30, -0.62 + 0.3 * rng.random())]
    arms = [(at[0] + x * tall, at[1] + (y - 0.1) * tall) for x, y in arms]
    canvas.line(arms, 0.09 * tall, coat * 0.8)
    for x, y in (arms[0], arms[2]):
        canvas.ellipse((x, y), (0.05 * tall, 0.05 * tall), skin)
    body = [(-0.20, -0.30), (-0.10, -0.76), (0.10, -0.76), (0.20, -0.30)]
    canvas.polygon([(at[0] + x * tall, at[1] + y * tall) for x, y in body], coat)
    canvas.polygon([(at[0] + x * tall * (x < 0), at[1] + y * tall) for x, y in body], coat * 0.78)
    head = (at[0], at[1] - 0.86 * tall)
    canvas.ellipse(head, (0.145 * tall, 0.15 * tall), coat * 0.9)
    canvas.ellipse((head[0] + 0.05 * side * tall, head[1] + 0.01 * tall), (0.085 * tall, 0.10 * tall), skin)
    _sink(canvas, (at[0] - side * stride * tall, at[1]), 0.22 * tall, brown)


def _paint_wheel(canvas: Canvas, rng: np.random.Generator, at: Point, size: float, brown: Field) -> None:
    """Draw a treaded wheel that spins in the mud up to a quarter of its height."""
    radius, squeeze = 0.68 * size, rng.uniform(0.7, 1.0)
    hub = (at[0], at[1] - 0.62 * radius)
    rim = np.asarray(_CLOTHES[int(rng.integers(4))])
    turn = np.linspace(0.0, 2 * np.pi, 45)
    lug = radius * np.where(np.arange(45) % 4 < 2, 1.10, 0.97)
    canvas.polygon(
        np.stack([hub[0] + squeeze * lug * np.cos(turn), hub[1] + lug * np.sin(turn)], 1), (0.13, 0.12, 0.12)
    )
    for share, shade in ((0.86, (0.22, 0.21, 0.21)), (0.60, rim), (0.47, rim * 0.7), (0.20, rim * 1.1)):
        canvas.ellipse(hub, (share * squeeze * radius, share * radius), shade)
    for angle in np.linspace(0, np.pi, 4)[:-1] + rng.random():
        way = np.asarray((squeeze * np.cos(angle), np.sin(angle))) * 0.5 * radius
        canvas.line(np.stack([hub - way, hub + way]), 0.10 * radius, np.minimum(rim * 1.1, 1.0))
    side = float(rng.choice((-1.0, 1.0)))
    for angle in np.linspace(0.15, 1.25, 9):
        reach = radius * rng.uniform(1.25, 1.9)
        spot = (at[0] + side * reach * np.cos(angle), at[1] - reach * np.sin(angle))
        canvas.ellipse(spot, (0.10 * radius, 0.075 * radius), brown * 0.75, angle_degrees=float(side * -50))
    _sink(canvas, (at[0], at[1] + 0.04 * size), 1.5 * squeeze * size, brown)
