"""Rain, thunder and wind."""

import numpy as np
from numpy.typing import NDArray

from sonicdiffusion.soundscapes.picture.canvas import mix, smoothstep
from sonicdiffusion.soundscapes.picture.stage import Stage


def rain_clouds(stage: Stage, rng: np.random.Generator, intensity: float) -> None:
    """Hang dark cloud bases over the part of the sky that it rains from."""
    _paint_cloud_bank(stage, rng, 0.25 + 0.75 * intensity, 0.35 + 0.35 * intensity)


def _cloud_position(stage: Stage, rng: np.random.Generator) -> tuple[float, float]:
    """Draw x and y of the middle of a cloud's base."""
    x = float(rng.uniform(0.2, 0.8) * stage.canvas.aspect)
    return x, float(stage.horizon * rng.uniform(0.32, 0.5))


def _paint_cloud_bank(stage: Stage, rng: np.random.Generator, reach: float, darkness: float) -> None:
    """Paint a heavy cloud across `reach` of the width."""
    canvas, light = stage.canvas, stage.light
    centre, base = _cloud_position(stage, rng)
    lumps = canvas.noise(rng, 5.0, octaves=4, stretch=1.5)
    sideways = np.abs(canvas.x - centre) / (0.62 * reach * canvas.aspect)
    cover = smoothstep(1.15, 0.75, sideways + 0.7 * (lumps - 0.5))
    cover *= smoothstep(base + 0.05, base - 0.05, canvas.y + 0.12 * (lumps - 0.5))
    shade = 0.55 + 0.9 * lumps * (1.0 - 0.6 * canvas.y / base)
    grey = mix(mix(light.horizon, light.ambient, 0.5), (0.30, 0.32, 0.37), 0.65) * np.float32(1.25 - darkness)
    canvas.blend(0.95 * cover, (0, 0, 0), glow=shade[..., None] * grey * (0.3 + 0.7 * light.brightness**0.5))


def rain(stage: Stage, rng: np.random.Generator, intensity: float) -> None:
    """Draw slanted streaks in two depths and their splashes on wet ground."""
    canvas, light = stage.canvas, stage.light
    slant = 0.9 * stage.wind + float(rng.normal(0, 0.08))
    # A light shower falls on a part of the view, a downpour on all of it.
    reach = canvas.aspect * min(1.3, 0.22 + 1.0 * intensity)
    centre = rng.uniform(0.15, 0.85) * canvas.aspect
    bright = mix((0.86, 0.91, 0.97), light.horizon, 0.3) * np.float32(0.45 + 0.5 * light.brightness)
    _paint_wet_ground(stage, rng, centre, reach, intensity)
    for count, length, thick, strength in ((85, 0.10, 0.006, 0.5), (38, 0.19, 0.010, 0.8)):
        drawn = round(count * (0.35 + 0.9 * intensity) * min(1.0, reach / canvas.aspect))
        x = centre + reach * rng.uniform(-0.55, 0.55, drawn)
        y = rng.uniform(-0.05, 0.95, drawn)
        long = length * rng.uniform(0.7, 1.3, drawn)
        starts = np.stack([x + slant * (0.5 - y), y], 1)
        ends = starts + np.stack([-slant * long, long], 1)
        streaks = canvas.strokes(list(np.stack([starts, ends], 1)), thick)
        canvas.blend(strength * streaks, bright * 0.4, glow=bright * 0.6)
    for _ in range(round(26 * intensity)):
        y = float(rng.uniform(stage.horizon + 0.06, 1.0))
        size = 0.035 * stage.size_at(y)
        at = (float(centre + reach * rng.uniform(-0.5, 0.5)), y)
        canvas.ellipse(at, (size, 0.33 * size), bright * 0.5, glow=bright * 0.4)
        canvas.ellipse(at, (0.6 * size, 0.18 * size), np.asarray(stage.ground) * 0.4, glow=bright * 0.12)


def _paint_wet_ground(stage: Stage, rng: np.random.Generator, centre: float, reach: float, intensity: float) -> None:
    """Leave puddles that mirror the sky where rain falls."""
    canvas, light = stage.canvas, stage.light
    hollows = canvas.noise(rng, 6.0, octaves=2, stretch=4.0)
    cover = smoothstep(0.66 - 0.14 * intensity, 0.72 - 0.12 * intensity, hollows)
    cover *= smoothstep(stage.horizon + 0.05, stage.horizon + 0.12, canvas.y)
    cover *= smoothstep(0.62, 0.42, np.abs(canvas.x - centre) / reach)
    sky = mix(light.horizon, light.zenith, 0.4) * 0.55
    canvas.blend(0.7 * cover, np.asarray(stage.ground) * 0.4, glow=sky)


def thundercloud(stage: Stage, rng: np.random.Generator, intensity: float) -> None:
    """Pile up the cloud that lightning strikes from."""
    del rng  # cloud and bolts share a stream of their own, so that they agree on the place
    _paint_cloud_bank(stage, stage.random("event", "thunder"), 0.35 + 0.5 * intensity, 0.55 + 0.3 * intensity)


def lightning(stage: Stage, rng: np.random.Generator, intensity: float) -> None:
    """Strike forked bolts out of the thundercloud; their number and light follow the intensity."""
    canvas = stage.canvas
    centre, base = _cloud_position(stage, stage.random("event", "thunder"))
    tone = np.asarray(((0.80, 0.84, 1.0), (0.92, 0.82, 1.0), (1.0, 0.96, 0.80))[int(rng.integers(3))])
    count = 1 + int(intensity > 0.45) + int(intensity > 0.75)
    for index in range(count):
        x = centre + rng.normal(0, 0.12) * (index + 1)
        start = (float(np.clip(x, 0.05, canvas.aspect - 0.05)), base - 0.03)
        length = (stage.horizon - base + 0.08) * (0.65 + 0.5 * intensity) * rng.uniform(0.85, 1.1)
        end = (start[0] + float(rng.normal(0, 0.08)), min(start[1] + length, stage.horizon + 0.12))
        bolt = _bolt(rng, start, end, 9, 0.16)
        thick = 0.013 + 0.010 * intensity * (1.0 if index == 0 else 0.7)
        canvas.halo(start, 0.10 + 0.10 * intensity, tone * (0.20 + 0.15 * intensity))
        glow = canvas.strokes([bolt], 2.5 * thick, blur=0.015 + 0.012 * intensity)
        canvas.emission += glow[..., None] * tone.astype(np.float32) * np.float32(0.45)
        for joint in rng.choice(np.arange(2, 8), size=1 + round(2 * intensity), replace=False):
            sideways = rng.choice((-1, 1)) * rng.uniform(0.06, 0.16)
            fork = bolt[joint] + np.asarray((sideways, rng.uniform(0.06, 0.16)))
            path = _bolt(rng, tuple(bolt[joint]), tuple(fork), 5, 0.2)
            canvas.line(path, 0.55 * thick, (0, 0, 0), glow=tone)
        canvas.line(bolt, thick, (0, 0, 0), glow=np.minimum(tone * 1.3, 1.4))
        ground = (end[0], stage.horizon + 0.1)
        canvas.shine(ground, 0.16 + 0.24 * intensity, tone * (0.12 + 0.25 * intensity), 0.6)


def _bolt(
    rng: np.random.Generator, start: tuple[float, ...], end: tuple[float, ...], joints: int, swing: float
) -> NDArray[np.float64]:
    """Return a jagged path of `joints` points; `swing` is its sideways wander over its length."""
    t = np.linspace(0.0, 1.0, joints)[:, None]
    path = np.asarray(start) * (1 - t) + np.asarray(end) * t
    reach = float(np.hypot(end[0] - start[0], end[1] - start[1]))
    path[1:-1, 0] += rng.normal(0, swing * reach * 0.55, joints - 2)
    return path


def wind_on_ground(stage: Stage, rng: np.random.Generator, intensity: float) -> None:
    """Bend a bare tree or a flag in the wind, and lay the grass over."""
    canvas = stage.canvas
    side = _direction(stage)
    x = float(rng.uniform(0.2, 0.8) * canvas.aspect)
    y = float(rng.uniform(stage.horizon + 0.1, 0.9))
    size = (0.26 + 0.34 * intensity) * rng.uniform(0.9, 1.1)
    if rng.random() < 0.55:
        _paint_bent_tree(stage, rng, (x, y), size, side, 0.35 + 0.65 * intensity)
    else:
        _paint_flag(stage, rng, (x, y), size, side, intensity)
    for _ in range(round(6 + 26 * intensity)):
        gx, gy = rng.uniform(0, canvas.aspect), float(rng.uniform(stage.horizon + 0.08, 1.0))
        blade = 0.13 * stage.size_at(gy)
        bend = [(gx, gy), (gx + 0.35 * side * blade, gy - 0.5 * blade), (gx + side * blade, gy - 0.6 * blade)]
        canvas.line(bend, 0.012 * (0.4 + stage.size_at(gy)), np.asarray(stage.ground) * 0.62)


def _direction(stage: Stage) -> float:
    return 1.0 if stage.wind >= 0 else -1.0


def _paint_bent_tree(
    stage: Stage, rng: np.random.Generator, foot: tuple[float, float], size: float, side: float, bend: float
) -> None:
    """Draw a tree whose crown is blown out to one side."""
    canvas = stage.canvas
    t = np.linspace(0.0, 1.0, 8)
    trunk = np.stack([foot[0] + side * bend * 0.5 * size * t**1.8, foot[1] - size * t * (1 - 0.25 * bend * t)], 1)
    canvas.line(trunk, 0.085 * size, (0.30, 0.22, 0.16))
    top, leaf = trunk[-1], mix((0.22, 0.42, 0.18), (0.42, 0.50, 0.20), rng.random())
    if stage.scene.place == "arctic":
        leaf = np.asarray((0.62, 0.72, 0.78), np.float32)
    for step in np.linspace(0.0, 1.0, 7):
        centre = top + np.asarray((side * (0.75 * step - 0.12), 0.10 * step + rng.normal(0, 0.05))) * size
        radii = ((0.24 - 0.11 * step) * size, (0.17 - 0.09 * step) * size)
        canvas.ellipse((centre[0], centre[1]), radii, leaf * (0.75 + 0.35 * rng.random()), angle_degrees=8 * side)


def _paint_flag(
    stage: Stage,
    rng: np.random.Generator,
    foot: tuple[float, float],
    size: float,
    side: float,
    intensity: float,
) -> None:
    """Draw a flag or windsock that streams from its pole."""
    canvas = stage.canvas
    top = (foot[0], foot[1] - 1.15 * size)
    canvas.line([foot, top], 0.035 * size + 0.004, (0.75, 0.75, 0.76))
    palette = (
        (0.88, 0.22, 0.16),
        (0.16, 0.36, 0.72),
        (0.95, 0.72, 0.14),
        (0.93, 0.93, 0.92),
        (0.20, 0.55, 0.32),
    )
    chosen = rng.choice(len(palette), 2, replace=False)
    t = np.linspace(0.0, 1.0, 14)
    long, wave = (
        size * (0.55 + 0.3 * intensity),
        0.07 * size * np.sin(2 * np.pi * (1.3 * t + rng.random())) * t,
    )
    x = foot[0] + side * long * t
    sag = (0.35 * (1 - intensity)) * size * t**1.5
    taper = 0.34 * size * (1.0 - 0.35 * t * (rng.random() < 0.5))
    for part in range(2):
        upper, lower = top[1] + wave + sag + part * taper / 2, top[1] + wave + sag + (part + 1) * taper / 2
        canvas.polygon(np.concatenate([np.stack([x, upper], 1), np.stack([x, lower], 1)[::-1]]), palette[chosen[part]])


def blown_leaves(stage: Stage, rng: np.random.Generator, intensity: float) -> None:
    """Carry leaves, dust or snow along curved streams of air."""
    canvas, side = stage.canvas, _direction(stage)
    streams = 2 + round(5 * intensity)
    pale = mix((0.95, 0.96, 0.97), stage.light.horizon, 0.3) * np.float32(0.4 + 0.55 * stage.light.brightness)
    paths = [_stream(stage, rng, intensity) for _ in range(streams)]
    streaks = canvas.strokes(paths, 0.012 + 0.006 * intensity, blur=0.003)
    canvas.blend(0.75 * streaks, pale * 0.4, glow=pale * 0.6)
    _paint_carried(stage, rng, paths, intensity, side)


def _stream(stage: Stage, rng: np.random.Generator, intensity: float) -> NDArray[np.float64]:
    """Return the path of one gust: nearly level, with a curl at its end."""
    canvas, side = stage.canvas, _direction(stage)
    long = (0.25 + 0.45 * intensity) * rng.uniform(0.8, 1.2)
    x0, y0 = rng.uniform(-0.1, 0.75) * canvas.aspect, rng.uniform(0.15, 0.92)
    t = np.linspace(0.0, 1.0, 16)
    path = np.stack([x0 + long * t, y0 + 0.05 * np.sin(2 * np.pi * (0.7 * t + rng.random()))], 1)
    turn = np.linspace(0.0, 1.5 * np.pi, 12)
    radius = 0.05 * (0.6 + intensity) * (1 - 0.45 * turn / turn[-1])
    curl = path[-1] + np.stack([radius * np.sin(turn), radius * np.cos(turn) - radius[0]], 1)
    path = np.concatenate([path, curl])
    if side < 0:
        path[:, 0] = canvas.aspect - path[:, 0]
    return path


def _paint_carried(
    stage: Stage, rng: np.random.Generator, paths: list[NDArray[np.float64]], intensity: float, side: float
) -> None:
    """Scatter what the wind carries along its streams."""
    canvas, place = stage.canvas, stage.scene.place
    leaf = {"desert": (0.90, 0.74, 0.50), "arctic": (0.97, 0.98, 1.0), "city": (0.93, 0.92, 0.88)}.get(place)
    for path in paths:
        for _ in range(3 + round(4 * intensity)):
            x, y = path[int(rng.integers(len(path)))] + rng.normal(0, 0.035, 2)
            colour = leaf or mix((0.75, 0.35, 0.10), (0.50, 0.55, 0.15), rng.random())
            size = rng.uniform(0.012, 0.024)
            canvas.ellipse((x, y), (size, 0.5 * size), colour, angle_degrees=float(rng.uniform(-50, 50)) * side)
