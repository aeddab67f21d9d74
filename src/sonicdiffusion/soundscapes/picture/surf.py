"""Waves that roll in and break in the foreground."""

import numpy as np

from sonicdiffusion.soundscapes.picture.canvas import Field, mix, ridge, smoothstep
from sonicdiffusion.soundscapes.picture.stage import Stage
from sonicdiffusion.soundscapes.picture.water import FOAM, draw_tone, foam_glow, mirrored_sky


def waves(stage: Stage, rng: np.random.Generator, intensity: float) -> None:
    """Paint a shore with rows of breaking waves; their number and height follow the intensity."""
    canvas = stage.canvas
    tone = draw_tone(rng)
    share = 0.03 + 0.38 * intensity
    width = min(1.0, rng.uniform(0.55, 1.0) + 0.6 * max(0.0, intensity - 0.4))
    across = share / width
    bottom = rng.uniform(max(stage.horizon + across, 0.80), 1.03) if stage.horizon + across < 1.03 else 1.03
    top = max(stage.horizon + 0.015, bottom - across)
    u = canvas.x[0] / canvas.aspect
    side = rng.choice((-1, 1))
    reach = u if side < 0 else 1.0 - u  # 0 where the water comes in, `width` where it ends
    open_ = smoothstep(0.0, 0.25, np.float32(width + 0.06) - reach) if width < 0.94 else np.ones_like(u)
    wobble = 0.25 * across * (ridge(rng, canvas.width, 2.5, octaves=2) - 0.5)
    middle = 0.5 * (top + bottom) + (bottom - top) * rng.uniform(-0.25, 0.25) * (u - 0.5)
    far = middle - (middle - top) * open_ + 0.3 * wobble * open_
    near = middle + (bottom - middle) * open_ + wobble * open_
    _wet_shore(stage, far, near, open_, across)
    shade, foam, cover = _rolling(stage, rng, far, near, open_, intensity)
    dark, light = tone * 0.55, mix(tone * 1.15, (0.55, 0.85, 0.80), 0.35)
    field = dark + (light - dark) * shade[..., None]
    canvas.blend(cover, field, glow=mirrored_sky(stage) * (0.08 + 0.30 * shade[..., None]))
    canvas.blend(foam, FOAM * (0.82 + 0.18 * shade[..., None]), glow=foam_glow(stage))


def _wet_shore(stage: Stage, far: Field, near: Field, open_: Field, across: float) -> None:
    """Darken the ground that the waves have just left and let it mirror some sky."""
    canvas = stage.canvas
    margin = (0.012 + 0.10 * across) * open_
    wet = smoothstep(-0.006, 0.006, canvas.y - (far - 0.3 * margin)[None, :])
    wet *= smoothstep(-0.008, 0.008, (near + margin)[None, :] - canvas.y) * (open_ > 0.02)
    ground = np.asarray(stage.ground, np.float32) * np.float32(0.55)
    canvas.blend(wet * 0.9, ground, glow=mirrored_sky(stage) * 0.16)


def _rolling(
    stage: Stage, rng: np.random.Generator, far: Field, near: Field, open_: Field, intensity: float
) -> tuple[Field, Field, Field]:
    """Return shade, foam and cover of all waves, each of shape (height, width) in [0, 1]."""
    canvas = stage.canvas
    y = canvas.y
    cover = smoothstep(-0.003, 0.003, y - far[None, :]) * smoothstep(-0.003, 0.003, near[None, :] - y)
    cover *= open_ > 0.02
    shade = 0.25 + 0.5 * canvas.noise(rng, 14.0, octaves=2, stretch=6.0)
    lace = canvas.noise(rng, 16.0, octaves=2, stretch=2.2)
    edge = near[None, :] - y
    foam = smoothstep(0.004 + 0.03 * intensity, 0.0, edge - 0.03 * lace) * cover
    count = 2 + round(3.5 * intensity)
    steps = ((np.arange(count) + rng.uniform(0.35, 0.6, count)) / count) ** 1.15
    tallest = int(rng.integers(max(0, count - 3), count))
    for index, step in enumerate(steps):
        base = far + (near - far) * float(step)
        height = (0.028 + 0.12 * intensity) * stage.size_at(float(base.mean())) * rng.uniform(0.7, 1.1)
        height *= (1.0, 1.9)[index == tallest]
        swell = 0.35 + 0.65 * ridge(rng, canvas.width, rng.uniform(1.5, 3.5), octaves=2)
        broken = smoothstep(0.40, 0.62, ridge(rng, canvas.width, rng.uniform(2, 4), octaves=2))
        crest = base - height * swell * open_
        foot = base + 0.30 * height * open_
        _roll(y, lace, shade, foam, cover, crest, foot, broken, open_)
    return shade, foam, cover


def _roll(
    y: Field, lace: Field, shade: Field, foam: Field, cover: Field,
    crest: Field, foot: Field, broken: Field, open_: Field,
) -> None:  # fmt: skip
    """Raise one wave in `shade`, `foam` and `cover`; `crest`, `foot` and `broken` run along x."""
    tall = y.shape[0]
    rows = slice(max(0, int((crest.min() - 0.03) * tall)), min(tall, int((foot.max() + 0.03) * tall) + 1))
    if rows.stop - rows.start < 2:
        return
    y, lace = y[rows], lace[rows]
    face = np.maximum(foot - crest, 1e-3)[None, :]
    t = (y - crest[None, :]) / face
    inside = smoothstep(-0.003, 0.003, y - crest[None, :]) * smoothstep(-0.02, 0.05, 1.0 - t) * (open_ > 0.05)
    ramp = np.clip(1.0 - 1.25 * t, 0.0, 1.0) + 0.35 * smoothstep(0.8, 1.1, t) - 0.25 * (lace - 0.5)
    shade[rows] += inside * (ramp - shade[rows])
    foam[rows] *= 1.0 - inside
    lip = 0.012 / face + 0.10 + 0.75 * broken[None, :] * lace * 1.3
    white = smoothstep(0.10, -0.10, t - lip) * inside
    apron = 0.008 + 0.10 * face * broken[None, :] + 0.3 * face * (lace - 0.45)
    white = np.maximum(white, smoothstep(0.006, -0.004, np.abs(y - foot[None, :]) - apron) * (open_ > 0.05) * 0.95)
    foam[rows] = np.maximum(foam[rows], white)
    cover[rows] = np.maximum(cover[rows], inside)
