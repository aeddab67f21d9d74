"""Wind: what it bends on the ground and what it carries through the air."""

import numpy as np
from numpy.typing import NDArray

from sonicdiffusion.soundscapes.picture.canvas import mix, smoothstep
from sonicdiffusion.soundscapes.picture.shapes import Points, curve, figure, ribbon, rim_light
from sonicdiffusion.soundscapes.picture.stage import Stage

_CLOTH = ((0.88, 0.22, 0.16), (0.16, 0.36, 0.72), (0.95, 0.72, 0.14), (0.93, 0.93, 0.92), (0.20, 0.55, 0.32))
_LEAF = curve([(-1.0, 0.0), (-0.3, -0.42), (0.5, -0.32), (1.0, 0.0), (0.4, 0.36), (-0.4, 0.30)], 3)
_SHEET = np.array([(-0.9, -0.5), (0.2, -0.75), (0.9, -0.3), (0.75, 0.6), (-0.3, 0.45), (-0.8, 0.7)])


def _side(stage: Stage) -> float:
    """Return where the wind blows to: 1 is right, -1 left."""
    return 1.0 if stage.wind >= 0 else -1.0


def wind_on_ground(stage: Stage, rng: np.random.Generator, intensity: float) -> None:
    """Bend trees, stretch flags, windsocks and washing, and lay tufts of grass over."""
    canvas, side = stage.canvas, _side(stage)
    count = 1 + int(intensity > 0.4) + int(intensity > 0.75)
    share = (0.010 + 0.075 * intensity) * canvas.aspect * rng.uniform(0.9, 1.1)
    size = float(np.sqrt(share / count / 0.22))
    middles = (rng.permutation(count) + rng.uniform(0.25, 0.75, count)) / count * canvas.aspect
    painters = (_paint_bent_tree, _paint_flag, _paint_washing, _paint_bent_tree)
    things = [painters[i] for i in rng.permutation(len(painters))[:count]]
    levels = np.sort(rng.uniform(stage.horizon + 0.08, 0.92, count))
    _paint_tufts(stage, rng, intensity)
    for paint_thing, x, y in zip(things, middles, levels, strict=True):
        paint_thing(stage, rng, (float(x), max(float(y), 0.9 * size)), size * rng.uniform(0.85, 1.15), side)


def _paint_tufts(stage: Stage, rng: np.random.Generator, intensity: float) -> None:
    canvas, side = stage.canvas, _side(stage)
    straw = np.asarray(stage.ground) * (0.55 if stage.light.brightness > 0.2 else 1.3)
    for level in np.sort(rng.uniform(stage.horizon + 0.08, 1.0, round(4 + 12 * intensity))):
        x, size = rng.uniform(0, canvas.aspect), 0.15 * stage.size_at(float(level))
        for reach in (0.7, 1.0, 1.25):
            t = np.linspace(0, 1, 5)
            path = np.stack([x + side * size * reach * t**1.5, level - 0.62 * size * t * (1.6 - reach * t)], 1)
            canvas.polygon(ribbon(path, 0.16 * size * (1.0 - t) + 0.003), straw * rng.uniform(0.85, 1.15))


def _paint_bent_tree(
    stage: Stage, rng: np.random.Generator, foot: tuple[float, float], size: float, side: float
) -> None:
    """Draw a tree whose trunk bows and whose crown streams out to one side."""
    canvas, place = stage.canvas, stage.scene.place
    t = np.linspace(0.0, 1.0, 8)
    trunk = np.stack([foot[0] + side * 0.55 * size * t**1.9, foot[1] - 0.85 * size * t * (1.12 - 0.12 * t)], 1)
    bark = np.asarray((0.36, 0.26, 0.18)) * rng.uniform(0.8, 1.2)
    canvas.polygon(ribbon(trunk, size * np.linspace(0.11, 0.045, 8)), bark, glow=rim_light(stage, bark))
    greens = {"arctic": (0.62, 0.74, 0.80), "desert": (0.56, 0.58, 0.26), "coast": (0.36, 0.56, 0.24)}
    leaf = np.asarray(greens.get(place, (0.30, 0.50, 0.20))) * rng.uniform(0.85, 1.2, 3)
    if place in ("desert", "coast"):  # a palm: fronds that all blow one way
        for lift in np.linspace(-0.55, 0.40, 6):
            long = size * rng.uniform(0.5, 0.75)
            path = trunk[-1] + np.stack([side * long * t, long * (lift * t + 0.5 * t**2.5)], 1)
            shade = leaf * rng.uniform(0.75, 1.15)
            canvas.polygon(
                ribbon(path, 0.15 * size * np.sin(np.pi * (0.12 + 0.88 * t))), shade, glow=rim_light(stage, shade)
            )
        return
    for joint, level, shine in ((4, 0.14, 0.7), (5, 0.06, 0.82), (7, 0.10, 0.9), (6, -0.04, 1.0), (7, -0.10, 1.15)):
        start, long = trunk[joint], size * rng.uniform(0.55, 0.85)
        along = np.linspace(0.0, 1.0, 9)
        wave = 0.04 * size * np.sin(8 * along + rng.uniform(0, 6))
        path = start + np.stack([side * long * (along - 0.22), level * size + wave + 0.10 * long * along], 1)
        wide = size * 0.30 * np.sin(np.pi * np.clip(along, 0.02, 1) ** 0.55) + 0.01 * size
        canvas.polygon(ribbon(path, wide), leaf * shine, glow=rim_light(stage, leaf * shine))


def _paint_flag(stage: Stage, rng: np.random.Generator, foot: tuple[float, float], size: float, side: float) -> None:
    """Draw a striped flag or a windsock that streams from its pole."""
    canvas = stage.canvas
    tall, pole = min(1.25 * size, foot[1] - 0.04), np.asarray((0.78, 0.78, 0.80))
    top = foot[1] - tall
    canvas.line([foot, (foot[0], top)], 0.035 * size + 0.006, pole, glow=rim_light(stage, pole))
    first, second = (np.asarray(_CLOTH[i]) for i in rng.choice(len(_CLOTH), 2, replace=False))
    t, long = np.linspace(0.0, 1.0, 15), 0.95 * size
    wave = 0.07 * size * np.sin(2 * np.pi * (1.4 * t + rng.random())) * t**0.7
    x = foot[0] + side * long * t
    sock = rng.random() < 0.45
    deep = 0.40 * size * (1.0 - 0.62 * t if sock else np.ones(15))
    middle = top + 0.22 * size + wave + 0.06 * size * t
    for part in range(5 if sock else 3):  # a sock's rings follow its length, a flag's stripes its height
        colour = first if part % 2 == 0 else second
        if sock:
            rows, low, high = slice(part * 3, part * 3 + 4), -0.5, 0.5
        else:
            rows, low, high = slice(0, 15), part / 3 - 0.5, (part + 1) / 3 - 0.5
        upper = np.stack([x[rows], (middle + low * deep)[rows]], 1)
        lower = np.stack([x[rows], (middle + high * deep)[rows]], 1)
        canvas.polygon(np.concatenate([upper, lower[::-1]]), colour, glow=rim_light(stage, colour, 0.3))
    for fold in (0.3, 0.7):
        at = int(fold * 12)
        upper, lower = middle[at] - 0.5 * deep[at], middle[at] + 0.5 * deep[at]
        shadow = np.asarray(first) * 0.7
        band = [(x[at], upper), (x[at + 1], upper + 0.02 * size), (x[at + 1], lower), (x[at], lower)]
        if not sock:
            canvas.polygon(band, shadow, glow=rim_light(stage, shadow))


def _paint_washing(stage: Stage, rng: np.random.Generator, foot: tuple[float, float], size: float, side: float) -> None:
    """Draw a washing line whose shirts and sheets are blown out."""
    canvas = stage.canvas
    wide, tall = 0.85 * size, 0.80 * size
    wood = np.asarray((0.45, 0.34, 0.25))
    for end in (-1, 1):
        post = foot[0] + end * wide
        canvas.line([(post, foot[1]), (post, foot[1] - tall)], 0.05 * size, wood, glow=rim_light(stage, wood))
    t = np.linspace(-1.0, 1.0, 9)
    rope = np.stack([foot[0] + wide * t, foot[1] - tall * (0.96 - 0.10 * (1 - t**2))], 1)
    canvas.line(rope, 0.010, (0.85, 0.83, 0.78))
    for at in (1, 3, 5):
        cloth = np.asarray(_CLOTH[rng.integers(len(_CLOTH))])
        left, right = rope[at], rope[at + 2] - (0.08 * wide, 0)
        fall, blown = 0.44 * size * rng.uniform(0.8, 1.2), side * 0.34 * size
        low = [(right[0] + blown, right[1] + fall), (0.5 * (left[0] + right[0]) + 1.15 * blown, left[1] + 0.82 * fall)]
        outline = [
            left,
            right,
            (right[0] + 0.35 * blown, right[1] + 0.6 * fall),
            *low,
            (left[0] + blown, left[1] + fall),
        ]
        outline += [(left[0] + 0.35 * blown, left[1] + 0.6 * fall)]
        canvas.polygon(np.asarray(outline), cloth, glow=rim_light(stage, cloth, 0.3))


def blown_leaves(stage: Stage, rng: np.random.Generator, intensity: float) -> None:
    """Carry leaves, dust, paper or snow along curling streams of air."""
    canvas = stage.canvas
    paths = [_stream(stage, rng, intensity) for _ in range(1 + round(8 * intensity))]
    pale = mix((0.97, 0.98, 1.0), stage.light.horizon, 0.25) * np.float32(0.55 + 0.40 * stage.light.brightness)
    if stage.scene.place == "desert":
        pale = mix(pale, (0.93, 0.76, 0.50), 0.6)
    dust = canvas.strokes([path[:16] for path in paths], 0.05 + 0.04 * intensity, blur=0.02)
    grain = canvas.noise(rng, 9.0, octaves=2, stretch=4.0)
    canvas.blend(0.62 * dust * smoothstep(0.30, 0.62, grain), pale * 0.45, glow=pale * 0.5)
    t = np.linspace(0.0, 1.0, len(paths[0]))
    for path in paths:
        wide = (0.014 + 0.007 * intensity) * np.sin(np.pi * (0.06 + 0.90 * t)) ** 0.5
        canvas.polygon(ribbon(path, wide), pale * 0.4, glow=pale * 0.6)
    _paint_carried(stage, rng, paths, intensity)


def _stream(stage: Stage, rng: np.random.Generator, intensity: float) -> Points:
    """Return the path of one gust, nearly level, that ends in a curl."""
    canvas = stage.canvas
    long = (0.30 + 0.25 * intensity) * rng.uniform(0.85, 1.15)
    x0, y0 = rng.uniform(-0.05, 0.70) * canvas.aspect, rng.uniform(0.12, 0.93)
    t = np.linspace(0.0, 1.0, 18)
    path = np.stack([x0 + long * t, y0 + 0.045 * np.sin(2 * np.pi * (0.8 * t + rng.random()))], 1)
    turn = np.linspace(0.15, 1.6 * np.pi, 14)
    radius = 0.06 * (0.7 + 0.5 * intensity) * (1 - 0.5 * turn / turn[-1])
    lift = 1.0 if rng.random() < 0.7 else -1.0
    curl = path[-1] + np.stack([radius * np.sin(turn), lift * (radius * np.cos(turn) - radius[0])], 1)
    path = np.concatenate([path, curl])
    if _side(stage) < 0:
        path[:, 0] = canvas.aspect - path[:, 0]
    return path


def _paint_carried(stage: Stage, rng: np.random.Generator, paths: list[NDArray[np.float64]], intensity: float) -> None:
    """Scatter what the wind carries along its streams, the nearer the larger."""
    canvas, place = stage.canvas, stage.scene.place
    for path in paths:
        for _ in range(3 + round(3 * intensity)):
            x, y = path[int(rng.integers(len(path)))] + rng.normal(0, 0.05, 2)
            size, shape = 0.018 * rng.uniform(0.8, 2.0), _LEAF
            if place == "city" and rng.random() < 0.5:
                colour, shape = np.asarray((0.94, 0.93, 0.90)), _SHEET
            elif place == "arctic":
                colour, size = np.asarray((0.97, 0.98, 1.0)), 0.6 * size
            elif place == "desert":
                colour, size = np.asarray((0.80, 0.60, 0.34)), 0.7 * size
            else:
                colour = mix((0.85, 0.38, 0.10), (0.55, 0.62, 0.18), float(rng.random()))
            outline = figure(shape, (float(x), float(y)), size, float(rng.uniform(0, 6.3)))
            canvas.polygon(outline, colour, glow=rim_light(stage, colour, 0.45))
