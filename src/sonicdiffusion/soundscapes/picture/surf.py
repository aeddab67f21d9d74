"""Waves that roll in and break in the foreground."""

from collections.abc import Sequence

import numpy as np

from sonicdiffusion.soundscapes.picture.canvas import Field, mix, ridge, smoothstep
from sonicdiffusion.soundscapes.picture.stage import Stage
from sonicdiffusion.soundscapes.picture.water import FOAM, draw_tone, foam_glow, mirrored_sky

# A breaking crest seen from its side, one unit high, running to the right: the back, the lip, the hollow below it.
_BACK = ((-1.7, 0.04), (-1.25, -0.10), (-0.85, -0.38), (-0.5, -0.76), (-0.15, -0.97), (0.2, -1.0))
_LIP = ((0.5, -0.90), (0.72, -0.70), (0.80, -0.44))
_HOLLOW = ((0.62, -0.58), (0.38, -0.68), (0.14, -0.58), (0.04, -0.36), (0.14, -0.14), (0.45, -0.02), (0.9, 0.05))


def waves(stage: Stage, rng: np.random.Generator, intensity: float) -> None:
    """Paint a shore with rows of breaking waves; their number and height follow the intensity."""
    canvas = stage.canvas
    tone = draw_tone(rng)
    far, near, inside = _shore(stage, rng, intensity)
    _wet_shore(stage, far, near, inside)
    y = canvas.y
    cover = smoothstep(-0.003, 0.003, y - far) * smoothstep(-0.003, 0.003, near - y) * (inside > 0.02)
    cover = np.asarray(cover, np.float32)
    shade = np.asarray(0.22 + 0.4 * canvas.noise(rng, 13.0, octaves=2, stretch=5.0), np.float32)
    foam = np.zeros_like(y)
    count = 1 + round(4 * intensity)
    steps = (np.arange(count) + rng.uniform(0.55, 0.85, count)) / (count + 0.4)
    for step in steps:
        base = np.asarray(far + (near - far) * float(step), np.float32)
        height = (0.045 + 0.06 * intensity) * (0.35 + 0.65 * stage.size_at(float(base.mean())))
        _roll(stage, rng, (shade, foam, cover), base, height * rng.uniform(0.8, 1.2) * inside)
    lace = canvas.noise(rng, 12.0, octaves=2, stretch=2.5)
    edge = near - y
    swash = smoothstep(0.0, 0.008, 0.012 + (0.012 + 0.025 * intensity) * lace * inside - edge)
    foam = np.maximum(foam, swash * cover)
    dark, bright = tone * 0.6, mix(tone * 1.25, (0.60, 0.90, 0.85), 0.35)
    field = dark + (bright - dark) * shade[..., None]
    canvas.blend(cover, field, glow=mirrored_sky(stage) * (0.10 + 0.26 * shade[..., None]))
    canvas.blend(foam, FOAM, glow=foam_glow(stage))
    at = float(rng.uniform(0.35, 0.8))
    column = int(np.clip((0.15 + 0.7 * rng.random()) * canvas.width, 0, canvas.width - 1))
    if inside[column] < 0.5:
        column = int(np.argmax(inside * (1 - np.abs(np.linspace(-1, 1, canvas.width)))))
    foot = (column / canvas.height, float(far[column] + at * (near - far)[column]))
    size = (0.055 + 0.20 * intensity) * rng.uniform(0.85, 1.15)
    _paint_breaker(stage, rng, foot, size, float(rng.choice((-1.0, 1.0))), (tone * 0.55, dark, bright))


def _shore(stage: Stage, rng: np.random.Generator, intensity: float) -> tuple[Field, Field, Field]:
    """Return y of the far and the near edge of the water and how open it is, each along x, shape (width,)."""
    canvas = stage.canvas
    share = 0.025 + 0.39 * intensity
    width = min(1.2, rng.uniform(0.55, 1.0) + 0.55 * max(0.0, intensity - 0.3))
    across = min(1.1 * share / min(width, 1.0), 1.04 - stage.horizon)
    lowest = max(stage.horizon + across + 0.01, 0.78)
    bottom = float(rng.uniform(min(lowest, 1.02), 1.04))
    u = canvas.x[0] / canvas.aspect
    reach = u if rng.random() < 0.5 else 1.0 - u  # 0 where the water comes in, `width` where it ends
    inside = np.sqrt(np.clip(1.0 - (reach / width) ** 3, 0.0, 1.0)).astype(np.float32)
    middle = bottom - 0.5 * across + rng.uniform(-0.12, 0.12) * across * (u - 0.5)
    wobble = 0.22 * across * (ridge(rng, canvas.width, 3.0, octaves=2) - 0.5)
    far = middle - 0.5 * across * inside + 0.35 * wobble
    return far.astype(np.float32), (middle + 0.5 * across * inside + wobble).astype(np.float32), inside


def _wet_shore(stage: Stage, far: Field, near: Field, inside: Field) -> None:
    """Darken the ground that the waves have just left and let it mirror some sky."""
    canvas = stage.canvas
    margin = 0.012 + 0.12 * (near - far)
    wet = smoothstep(-0.004, 0.004, canvas.y - far + 0.004) * (inside > 0.02)
    wet *= smoothstep(-0.008, 0.008, near + margin - canvas.y)
    ground = np.asarray(stage.ground, np.float32) * np.float32(0.55)
    canvas.blend(wet * 0.9, ground, glow=mirrored_sky(stage) * 0.16)


def _roll(
    stage: Stage, rng: np.random.Generator, fields: tuple[Field, Field, Field], base: Field, height: Field
) -> None:
    """Raise one row of waves in `fields` (shade, foam, cover); `base` and `height` run along x."""
    canvas = stage.canvas
    u = np.linspace(0.0, 1.0, canvas.width, dtype=np.float32)
    swell = np.zeros_like(u)
    for centre in rng.uniform(0.0, 1.0, int(rng.integers(2, 4))):
        swell = np.maximum(swell, np.exp(-(((u - centre) / rng.uniform(0.12, 0.28)) ** 2)))
    lift = height * (0.15 + 0.85 * swell)
    crest, foot = base - lift, base + 0.35 * lift
    scallop = np.abs(np.sin(np.pi * (rng.uniform(7, 12) * u + 2.0 * ridge(rng, canvas.width, 4, octaves=1))))
    cap = 0.006 + lift * swell * (0.18 + 0.42 * scallop)
    rows = slice(max(0, int((crest.min() - 0.01) * canvas.height)), int((foot.max() + 0.01) * canvas.height) + 1)
    y = canvas.y[rows]
    shade, foam, cover = (field[rows] for field in fields)
    t = (y - crest) / np.maximum(foot - crest, 2e-3)
    face = smoothstep(-0.003, 0.003, y - crest) * smoothstep(0.0, 0.25, 1.0 - t) * (height > 0.004)
    shade += face * (np.clip(1.05 - 1.1 * t, 0.0, 1.0) - shade)
    foam *= 1.0 - face
    white = smoothstep(-0.003, 0.003, y - crest + 0.15 * cap) * smoothstep(-0.004, 0.004, crest + cap - y)
    np.maximum(foam, white * smoothstep(0.08, 0.3, swell) * (height > 0.004), out=foam)
    np.maximum(cover, face, out=cover)


def _paint_breaker(
    stage: Stage,
    rng: np.random.Generator,
    foot: tuple[float, float],
    size: float,
    side: float,
    shades: tuple[Field, Field, Field],
) -> None:
    """Draw the tallest wave: it rises to `size` above `foot` and curls over towards `side`."""
    canvas = stage.canvas
    deep, dark, bright = shades
    glow = foam_glow(stage)
    sky = mix(stage.light.horizon, stage.light.zenith, 0.5)
    scale = np.asarray((side * size * rng.uniform(0.85, 1.2), size))

    def placed(points: Sequence[Sequence[float]] | np.ndarray) -> np.ndarray:
        return np.asarray(points) * scale + foot

    canvas.polygon(placed(((0.0, -0.6), *_LIP[1:], (1.0, 0.06), (-0.2, 0.06))), deep, glow=sky * 0.10)
    canvas.polygon(placed((*_BACK, *_LIP, *_HOLLOW)), dark + (bright - dark) * 0.25, glow=sky * 0.16)
    back = np.asarray(_BACK)
    for low, high, shade in ((0.12, 0.30, 0.55), (0.42, 0.55, 0.4)):
        band = np.concatenate([np.add(back[1:], (0.1 * low, low)), np.add(back[1:], (0.1 * high, high))[::-1]])
        canvas.polygon(placed(np.minimum(band, (9.0, 0.05))), dark + (bright - dark) * shade, glow=sky * 0.2)
    inner = np.asarray(_HOLLOW[1:6])
    for near, far, shade in ((0.0, 0.17, 0.9), (0.28, 0.43, 0.65), (0.55, 0.68, 0.45)):
        band = np.concatenate([np.subtract(inner, (near, 0.35 * near)), np.subtract(inner, (far, 0.35 * far))[::-1]])
        canvas.polygon(placed(band), dark + (bright - dark) * shade, glow=sky * (0.12 + 0.16 * shade))
    crown = np.concatenate([_BACK[3:], _LIP])
    thick = np.asarray((0.10, 0.20, 0.26, 0.28, 0.26, 0.20))
    inward = np.asarray(((0.5, 0.9), (0.2, 1.0), (0.0, 1.0), (-0.4, 0.9), (-0.8, 0.5), (-0.6, 0.1)))
    cap = np.concatenate([crown, (crown + inward * thick[:, None])[::-1]])
    canvas.polygon(placed(cap), FOAM, glow=glow)
    for point, spread in zip(crown[1:], (0.10, 0.13, 0.14, 0.13, 0.13), strict=True):
        at = placed(np.add(point, rng.normal(0.0, 0.03, 2)))
        canvas.ellipse((at[0], at[1]), (spread * size, spread * size), FOAM, glow=glow)
    for x in np.linspace(-1.5, 1.35, 10):
        at = placed(np.asarray((x + rng.normal(0, 0.04), 0.05 + 0.02 * rng.normal())))
        spread = size * (0.10 + 0.13 * np.exp(-(((x - 0.85) / 0.35) ** 2))) * rng.uniform(0.8, 1.2)
        canvas.ellipse((at[0], at[1]), (1.5 * spread, 0.75 * spread), FOAM * 0.96, glow=glow)
    for _ in range(5):
        at = placed(rng.uniform((0.5, -0.95), (1.2, -0.1)))
        drop = max(0.006, 0.045 * size)
        canvas.ellipse((at[0], at[1]), (drop, drop), FOAM, glow=glow)
