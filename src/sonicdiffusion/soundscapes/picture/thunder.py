"""Thunderstorms: a towering cloud and the forked lightning that strikes out of it."""

from dataclasses import dataclass

import numpy as np

from sonicdiffusion.soundscapes.picture.billow import billow
from sonicdiffusion.soundscapes.picture.canvas import mix, smoothstep
from sonicdiffusion.soundscapes.picture.shapes import Points, ribbon
from sonicdiffusion.soundscapes.picture.stage import Stage

_CLOUDS = ((0.24, 0.25, 0.34), (0.30, 0.29, 0.32), (0.28, 0.24, 0.34), (0.24, 0.29, 0.34))
_TONES = ((0.82, 0.88, 1.0), (0.93, 0.84, 1.0), (1.0, 0.95, 0.80))


@dataclass(frozen=True)
class _Storm:
    """Where a thundercloud stands, where its bolts leave it, and the colour of their light."""

    middle: float
    width: float
    base: float
    strikes: tuple[float, ...]
    tone: tuple[float, float, float]
    cloud: tuple[float, float, float]


def _storm(stage: Stage, intensity: float) -> _Storm:
    rng = stage.random("event", "thunder", "storm")
    aspect = stage.canvas.aspect
    width = aspect * (0.20 + 0.68 * intensity) * rng.uniform(0.95, 1.05)
    margin = min(0.45 * width, 0.5 * aspect)
    middle = float(rng.uniform(margin, aspect - margin))
    count = 1 + int(intensity > 0.42) + int(intensity > 0.72)
    spread = (np.arange(count) - (count - 1) / 2 + rng.uniform(-0.25, 0.25, count)) / max(count, 2)
    strikes = np.clip(middle + spread * width * 0.85, 0.08, aspect - 0.08)
    return _Storm(
        middle,
        float(width),
        float(rng.uniform(0.17, 0.27) + 0.08 * intensity),
        tuple(float(x) for x in strikes),
        _TONES[rng.integers(len(_TONES))],
        _CLOUDS[rng.integers(len(_CLOUDS))],
    )


def thundercloud(stage: Stage, rng: np.random.Generator, intensity: float) -> None:
    """Pile up the cloud that lightning strikes from, lit from within where it does."""
    canvas, light, storm = stage.canvas, stage.light, _storm(stage, intensity)
    high = 0.13 + 0.20 * intensity
    count = 16 + round(14 * storm.width)
    across = rng.uniform(-0.5, 0.5, count)
    up = rng.uniform(0.0, 1.0, count) * (1.0 - 1.5 * np.abs(across) ** 1.5)
    radius = (0.05 + 0.08 * intensity) * rng.uniform(0.7, 1.35, count) * (1.15 - 0.7 * np.abs(across))
    puffs = np.stack([storm.middle + across * storm.width, storm.base - up * high - 0.3 * radius, radius], 1)
    ruffle = canvas.noise(rng, 8.0, octaves=3)
    body = billow(canvas, puffs, ruffle, ruffle_size=0.03, edge=0.35)
    lit = body.lit_from((0.6 * float(np.sign(stage.sun[0] - storm.middle)), -0.8))
    under = smoothstep(storm.base + 0.06, storm.base - 0.03, canvas.y + 0.07 * (ruffle - 0.5))
    shade = (0.40 + 1.05 * lit - 0.20 * smoothstep(storm.base - high, storm.base, canvas.y))[..., None]
    tone = mix(storm.cloud, light.horizon, 0.18) * np.float32(0.80 + 0.22 * light.brightness**0.6)
    glow = shade * tone
    for strike in storm.strikes:
        near = np.exp(np.square(canvas.x[:1] - strike) * -100.0) * np.exp(
            np.square(canvas.y[:, :1] - storm.base + 0.03) * -100.0
        )
        glow = glow + (near * lit)[..., None] * np.asarray(storm.tone, np.float32) * 0.75
    # The rain under the cloud darkens the sky, so that a bolt stands out by day.
    sideways = smoothstep(1.0, 0.55, np.abs(canvas.x - storm.middle) / (0.5 * storm.width))
    veil = sideways * smoothstep(storm.base - 0.06, storm.base + 0.02, canvas.y)
    canvas.blend(0.50 * veil, (0, 0, 0), glow=tone * 0.75)
    canvas.blend(0.97 * body.cover * under, (0, 0, 0), glow=glow)


def lightning(stage: Stage, rng: np.random.Generator, intensity: float) -> None:
    """Strike a forked bolt from each place the cloud chose, down to lit ground."""
    canvas, storm = stage.canvas, _storm(stage, intensity)
    tone = np.asarray(storm.tone, np.float32)
    trunks, forks = [], []
    for strike in storm.strikes:
        end = (strike + float(rng.normal(0, 0.09)), stage.horizon + float(rng.uniform(-0.03, 0.10)))
        trunk = _bolt(rng, (strike, storm.base - 0.02), end, 7)
        trunks.append(trunk)
        for joint in rng.choice(np.arange(1, 6), size=2 + int(rng.integers(0, 2)), replace=False):
            reach = 0.42 * (end[1] - trunk[joint, 1]) + 0.05
            side = float(rng.choice((-1.0, 1.0)))
            tip = trunk[joint] + (side * rng.uniform(0.6, 1.3) * reach, rng.uniform(0.6, 1.0) * reach)
            forks.append(_bolt(rng, tuple(trunk[joint]), tuple(tip), 4))
        canvas.shine(end, 0.10 + 0.10 * intensity, tone * (0.45 + 0.35 * intensity), flatten=0.5)
    thick = (0.018 + 0.012 * intensity) * (1.35 if stage.scene.place == "forest" else 1.0)
    glow = canvas.strokes(trunks, 2.2 * thick, blur=0.020) + 0.6 * canvas.strokes(forks, 1.3 * thick, blur=0.012)
    canvas.emission += glow[..., None] * (tone * tone * np.float32(0.55))
    white = np.minimum(tone * 0.35 + 0.85, 1.2)
    for fork in forks:
        canvas.polygon(ribbon(fork, np.linspace(0.75, 0.35, len(fork)) * thick), (0, 0, 0), glow=white)
    for trunk in trunks:
        canvas.polygon(ribbon(trunk, np.linspace(1.25, 0.60, len(trunk)) * thick), (0, 0, 0), glow=white)


def _bolt(rng: np.random.Generator, start: tuple[float, ...], end: tuple[float, ...], joints: int) -> Points:
    """Return a jagged path whose corners swing from side to side."""
    t = np.linspace(0.0, 1.0, joints)
    t[1:-1] += rng.uniform(-0.3, 0.3, joints - 2) / joints
    path = np.asarray(start) + t[:, None] * (np.asarray(end) - np.asarray(start))
    reach = float(np.hypot(end[0] - start[0], end[1] - start[1]))
    swing = np.where(np.arange(joints - 2) % 2 == 0, 1.0, -1.0) * rng.choice((-1.0, 1.0))
    path[1:-1, 0] += swing * reach * rng.uniform(0.03, 0.16, joints - 2)
    return path
