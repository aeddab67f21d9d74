"""Explosions and fires: hot things that light what is around them."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sonicdiffusion.soundscapes.picture.billow import billow, ramp
from sonicdiffusion.soundscapes.picture.canvas import Canvas, Colour, mix, smoothstep
from sonicdiffusion.soundscapes.picture.stage import Stage

Points = NDArray[np.float64]

_SMOKES = ((0.16, 0.15, 0.15), (0.30, 0.27, 0.25), (0.36, 0.30, 0.24), (0.50, 0.48, 0.46), (0.22, 0.22, 0.27))


def _heap(rng: np.random.Generator, count: int, spread: tuple[float, float], radius: float) -> Points:
    """Return puffs strewn over an ellipse about (0, 0), the larger the nearer to its middle."""
    turn, away = rng.uniform(0, 2 * np.pi, count), np.sqrt(rng.uniform(0, 1, count))
    size = radius * (1.15 - 0.6 * away) * rng.uniform(0.75, 1.25, count)
    return np.stack([spread[0] * away * np.cos(turn), spread[1] * away * np.sin(turn), size], axis=1)


def _dome(rng: np.random.Generator) -> Points:
    puffs = _heap(rng, 26, (rng.uniform(0.42, 0.62), rng.uniform(0.40, 0.60)), 0.24)
    puffs[:, 1] = -np.abs(puffs[:, 1]) - 0.05
    return np.vstack([puffs * [1.1, 1.25, 1.1], [0.0, -0.2, 0.36]])


def _mushroom(rng: np.random.Generator) -> Points:
    cap = _heap(rng, 20, (0.42, 0.17), 0.22) - [0.0, rng.uniform(0.80, 1.05), 0.0]
    up = np.linspace(0, -0.8, 9)
    stem = np.stack([rng.normal(0, 0.03, 9), up, 0.13 + 0.10 * np.abs(up + 0.35)], axis=1)
    foot = _heap(rng, 8, (0.40, 0.05), 0.13)
    return np.vstack([foot, stem, cap]) * 0.95


def _fan(rng: np.random.Generator) -> Points:
    parts = [_heap(rng, 8, (0.25, 0.10), 0.18) - [0.0, 0.1, 0.0]]
    for lean in rng.uniform(-0.75, 0.75, rng.integers(4, 7)):
        along = np.linspace(0.1, rng.uniform(0.8, 1.25), 6)
        parts.append(np.stack([np.sin(lean) * along, -np.cos(lean) * along, 0.08 + 0.10 * along], axis=1))
    return np.vstack(parts)


def _ball(rng: np.random.Generator) -> Points:
    puffs = _heap(rng, 24, (rng.uniform(0.36, 0.52), rng.uniform(0.36, 0.48)), 0.25)
    return np.vstack([puffs, [0.0, 0.0, 0.34]])


_BURSTS: tuple[Callable[[np.random.Generator], Points], ...] = (_dome, _dome, _mushroom, _fan, _ball)


def explosion(stage: Stage, rng: np.random.Generator, intensity: float) -> None:
    """Paint a bursting fireball with smoke, flying debris and dust, on the ground or in the air."""
    canvas = stage.canvas
    reach = float(np.sqrt((0.0 + 0.26 * intensity) * canvas.aspect))
    shape = _BURSTS[rng.integers(len(_BURSTS))]
    puffs = shape(rng) * reach * [rng.choice([-1.0, 1.0]), 1.0, 1.0]
    puffs[:, 0] -= stage.wind * 0.5 * puffs[:, 1]
    half = 0.6 * reach
    x = float(rng.uniform(min(half, 0.45 * canvas.aspect), max(canvas.aspect - half, 0.55 * canvas.aspect)))
    if shape is _ball:
        y = float(rng.uniform(max(0.10, half), max(half, stage.horizon) + 0.05))
    else:
        tall = float(-puffs[:, 1].min())
        low = max(stage.horizon + 0.02, min(tall, 0.9))
        y = float(rng.uniform(low, max(low, 0.95)))
    puffs[:, :2] += (x, y)
    middle = (float(puffs[:, 0].mean()), float(puffs[:, 1].mean()))
    canvas.shine((middle[0], y), 0.46 * reach, np.asarray((1.1, 0.55, 0.2)), flatten=0.5)
    if shape is not _ball:
        _paint_dust(stage, rng, (x, y), reach)
    _paint_debris(stage, rng, (x, y), reach, shape is _ball)
    _paint_fireball(stage, rng, puffs, (x, y) if shape in (_fan, _dome) else middle, reach)


def _paint_fireball(
    stage: Stage, rng: np.random.Generator, puffs: Points, core: tuple[float, float], reach: float
) -> None:
    canvas = stage.canvas
    ruffle = canvas.noise(rng, min(3.0 / reach, 14.0), octaves=3)
    body = billow(canvas, puffs, ruffle, ruffle_size=0.10 * reach)
    lit = body.lit_from((np.sign(stage.sun[0] - core[0]) * 0.7, -0.7))
    smoke = np.asarray(_SMOKES[rng.integers(len(_SMOKES))])
    away = np.sqrt((canvas.x - core[0]) ** 2 + (canvas.y - core[1] + 0.15 * reach) ** 2) / reach
    age = rng.uniform(0.0, 0.6)  # an old explosion is mostly smoke, with fire left in its clefts
    heat = 1.25 - age - 0.85 * away + 0.9 * (ruffle - 0.5) + 0.25 * (0.5 - body.relief) + 0.35 * (lit - 0.5)
    red = rng.uniform(0.0, 0.12)
    fire = ramp(
        heat,
        [
            (0.0, (0.0, 0.0, 0.0)),
            (0.15, (0.06, 0.01, 0.0)),
            (0.35, (0.62, 0.14 - red * 0.5, 0.03)),
            (0.55, (0.98, 0.42 - red, 0.07)),
            (0.75, (1.0, 0.74 - red, 0.22)),
            (1.0, (1.0, 0.97, 0.78)),
        ],
    )
    canvas.halo(core, 0.45 * reach, (0.30, 0.14, 0.04))
    canvas.blend(body.cover, smoke * (0.35 + 1.3 * lit[..., None]), glow=fire)


def _paint_dust(stage: Stage, rng: np.random.Generator, foot: tuple[float, float], reach: float) -> None:
    canvas = stage.canvas
    wide = reach * rng.uniform(0.55, 0.8)
    across = ((canvas.x - foot[0]) / wide) ** 2 + ((canvas.y - foot[1]) / (wide * 0.22)) ** 2
    noise = canvas.noise(rng, min(4.0 / reach, 14.0), octaves=3)
    cover = smoothstep(0.0, 0.6, 1.0 - across + 1.2 * (noise - 0.6))
    dust = mix(stage.ground, (0.75, 0.70, 0.62), 0.45)
    canvas.blend(cover * 0.85, dust * (0.7 + 0.6 * noise[..., None]))


def _paint_debris(
    stage: Stage, rng: np.random.Generator, start: tuple[float, float], reach: float, airborne: bool
) -> None:
    """Throw chunks out along arcs, each trailing smoke or sparks."""
    canvas = stage.canvas
    smoke = np.asarray(_SMOKES[rng.integers(len(_SMOKES))]) * 1.3
    for _ in range(int(rng.integers(7, 14))):
        lean = rng.uniform(-np.pi, np.pi) if airborne else rng.uniform(-1.3, 1.3)
        speed = reach * rng.uniform(0.8, 1.25)
        along = np.linspace(0.25, 1.0, 7)
        x = start[0] + np.sin(lean) * speed * along
        y = start[1] - np.cos(lean) * speed * along + 0.35 * reach * along**2
        path = np.stack([x, y], axis=1)
        hot = rng.random() < 0.5
        wide = max(0.010, 0.035 * reach)
        if hot:
            canvas.polygon(_taper(path, wide * 1.2), (0.3, 0.1, 0.0), glow=(0.95, 0.45, 0.10))
        else:
            canvas.polygon(_taper(path, wide * 1.6), smoke)
        turn = rng.uniform(0, 2 * np.pi) + np.array([0.0, 1.4, 2.9, 4.4])
        chunk = path[-1] + np.stack([np.cos(turn), np.sin(turn)], axis=1) * wide * rng.uniform(0.8, 1.5)
        canvas.polygon(chunk, (0.12, 0.09, 0.08), glow=(0.9, 0.5, 0.15) if hot else None)


def _taper(path: Points, width: float) -> Points:
    """Return the outline of a ribbon along `path` that widens from nothing to `width`."""
    along = np.gradient(path, axis=0)
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-9
    half = normal * (0.5 * width * np.linspace(0.0, 1.0, len(path)))[:, None]
    return np.concatenate([path + half, (path - half)[::-1]])


# Colours of a flame from its rim to its core, as (share of the size, RGB).
_FLAMES = (
    ((1.0, (0.86, 0.22, 0.04)), (0.76, (0.98, 0.46, 0.06)), (0.52, (1.0, 0.74, 0.16)), (0.28, (1.0, 0.96, 0.66))),
    ((1.0, (0.72, 0.12, 0.05)), (0.80, (0.95, 0.33, 0.05)), (0.50, (1.0, 0.62, 0.12)), (0.22, (1.0, 0.90, 0.50))),
    ((1.0, (0.96, 0.40, 0.06)), (0.72, (1.0, 0.62, 0.10)), (0.48, (1.0, 0.84, 0.30)), (0.30, (1.0, 0.98, 0.80))),
)


def flames(stage: Stage, rng: np.random.Generator, intensity: float) -> None:
    """Paint one or several fires: logs, a pyre or burning brush, with smoke, sparks and warm light."""
    canvas = stage.canvas
    budget = (0.0 + 0.150 * intensity) * canvas.aspect
    count = int(rng.integers(1, 2 + round(3 * intensity)))
    shares = rng.uniform(0.5, 1.0, count)
    shares *= budget / shares.sum()
    colours = _FLAMES[rng.integers(len(_FLAMES))]
    fires = []
    for share in shares:
        broad = float(rng.choice([0.55, 0.7, 1.6, 2.6]))  # width over height; broad ones are burning brush
        high = min(float(np.sqrt(share / broad)) * 1.25, 0.62)
        wide = float(share) * 1.56 / high
        low = min(0.93, max(stage.horizon + 0.05, high * 0.9))
        y = float(rng.uniform(low, 0.96))
        margin = min(0.5 * wide, 0.45 * canvas.aspect)
        fires.append((y, float(rng.uniform(margin, canvas.aspect - margin)), high, wide, broad))
    for y, x, high, wide, broad in sorted(fires):
        radius = float(np.sqrt(high * wide))
        canvas.shine((x, y), 0.75 * radius, np.asarray((1.0, 0.50, 0.16)), flatten=0.42)
        _paint_smoke(stage, rng, (x, y - 0.6 * high), high, wide)
        canvas.halo((x, y - 0.35 * high), 0.52 * radius, (0.30, 0.13, 0.03))
        if broad < 1.0:
            _paint_logs(canvas, rng, (x, y), wide)
        else:
            _paint_brush(stage, rng, (x, y), high, wide)
        _paint_tongues(stage, rng, (x, y), high, wide, colours)
        _paint_sparks(canvas, rng, (x, y - 0.7 * high), high, wide)


def _paint_smoke(stage: Stage, rng: np.random.Generator, start: tuple[float, float], high: float, wide: float) -> None:
    canvas = stage.canvas
    rise = np.linspace(0.0, 1.0, 9)
    tall = high * rng.uniform(0.9, 1.5)
    drift = (stage.wind * 1.5 + rng.uniform(-0.3, 0.3)) * tall
    x = start[0] + drift * rise**1.5 + 0.08 * high * np.sin(rise * 7 + rng.uniform(0, 6))
    y = start[1] - tall * rise
    half = (0.14 + 0.30 * rise) * min(wide, high)
    outline = np.concatenate([np.stack([x - half, y], 1), np.stack([x + half, y], 1)[::-1]])
    cover = canvas.cover(outline, blur=0.10 * min(wide, high) + 0.01)
    shade = rng.uniform(0.12, 0.5) * (0.5 + 0.5 * stage.light.brightness)
    noise = canvas.noise(rng, min(2.0 / high, 20.0), octaves=2)
    canvas.blend(cover * noise * 0.75, (shade, shade, shade), glow=(0.10, 0.07, 0.05))


def _paint_logs(canvas: Canvas, rng: np.random.Generator, foot: tuple[float, float], wide: float) -> None:
    thick = max(0.014, 0.11 * wide)
    bark = np.asarray((0.30, 0.19, 0.12)) * rng.uniform(0.7, 1.2)
    for side in (-1, 1, -0.6, 0.6):
        start = (foot[0] + side * 0.62 * wide, foot[1] + 0.02 * wide + thick * 0.3)
        end = (foot[0] - side * 0.25 * wide, foot[1] - rng.uniform(0.12, 0.30) * wide)
        canvas.line([start, end], thick, bark * rng.uniform(0.8, 1.2))
        canvas.ellipse(start, (0.5 * thick, 0.55 * thick), (0.62, 0.45, 0.28))
    if rng.random() < 0.6:  # a ring of stones
        for turn in np.linspace(0.1, np.pi - 0.1, 8):
            stone = (foot[0] + np.cos(turn) * 0.72 * wide, foot[1] + np.sin(turn) * 0.16 * wide + thick * 0.3)
            canvas.ellipse(stone, (0.10 * wide, 0.075 * wide), np.full(3, rng.uniform(0.32, 0.5)))


def _paint_brush(stage: Stage, rng: np.random.Generator, foot: tuple[float, float], high: float, wide: float) -> None:
    """Heap scorched bushes along the ground."""
    for x in np.linspace(-0.48, 0.48, 7):
        centre = (foot[0] + (x + rng.uniform(-0.05, 0.05)) * wide, foot[1] - 0.03 * high)
        size = rng.uniform(0.07, 0.12) * wide
        shade = mix((0.10, 0.08, 0.06), stage.ground, rng.uniform(0.0, 0.3))
        stage.canvas.ellipse(centre, (size, min(size, 0.16 * high)), shade, glow=(0.06, 0.02, 0.0))


def _paint_tongues(
    stage: Stage,
    rng: np.random.Generator,
    foot: tuple[float, float],
    high: float,
    wide: float,
    colours: tuple[tuple[float, Colour], ...],
) -> None:
    count = int(np.clip(round(5 * wide / high), 5, 14))
    at = np.linspace(-0.40, 0.40, count) + rng.uniform(-0.04, 0.04, count)
    peak = 1.0 - (1.6 * at) ** 2 if wide < high else np.ones(count)
    tall = high * np.clip(peak, 0.3, 1.0) * rng.uniform(0.55, 1.0, count)
    tall[count // 2] = high
    base = wide / count * rng.uniform(0.75, 1.15, count)
    lean = (stage.wind * 0.9 + rng.uniform(-0.2, 0.2, count)) * tall - at * wide * (0.5 if wide < high else 0)
    phase = rng.uniform(0, 2 * np.pi, count)
    for share, colour in colours:
        for i in range(count):
            outline = _tongue(foot[0] + at[i] * wide, foot[1], base[i], tall[i], lean[i], phase[i], share)
            stage.canvas.polygon(outline, (0, 0, 0), glow=colour)


def _tongue(x: float, y: float, half: float, tall: float, lean: float, phase: float, share: float) -> Points:
    """Return the outline of one lick of flame; `share` shrinks it towards its foot."""
    up = np.linspace(0.0, 1.0, 10)
    width = half * share**0.9 * (0.75 + 1.5 * up) * (1.0 - up) ** 1.1
    middle = x + lean * (up * share) ** 1.6 + 0.07 * tall * np.sin(5.5 * up * share + phase) * up
    level = y + 0.02 * tall - tall * share * up
    return np.concatenate([np.stack([middle - width, level], 1), np.stack([middle + width, level], 1)[::-1]])


def _paint_sparks(
    canvas: Canvas, rng: np.random.Generator, start: tuple[float, float], high: float, wide: float
) -> None:
    for _ in range(int(rng.integers(5, 12))):
        rise = rng.uniform(0.0, 0.9) * high
        place = (start[0] + rng.normal(0, 0.3) * min(wide, high) + 0.2 * rise, start[1] - rise)
        size = max(0.0065, 0.016 * high * rng.uniform(0.6, 1.2))
        canvas.ellipse(place, (size, size), (0, 0, 0), glow=(1.0, rng.uniform(0.5, 0.8), 0.2))
