"""Thunder, rain and wind."""

import numpy as np

from sonicdiffusion.soundscapes.sound.noise import (
    Samples,
    Span,
    add_at,
    arrivals,
    bell,
    coloured,
    gliding_phase,
    graded,
    high_pass,
    impulses,
    log_uniform,
    low_pass,
    occasions,
    resonance,
    scatter,
    shaped_noise,
    speckle,
    texture,
    tilt,
    uneven,
    unit_level,
    wander,
)
from sonicdiffusion.soundscapes.sound.water import bubble_grains


def thunder(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    """Return strokes of lightning heard from afar; intensity brings them closer and more often."""
    out = span.silence()
    if span.seconds < 6.0:
        starts = occasions(rng, span, 0.25 / span.seconds)[: 1 + int(rng.random() < intensity - 0.4)]
    else:
        starts = occasions(rng, span, 0.08 + 0.2 * intensity)
    near = float(np.clip((intensity - 0.15) / 0.85 + rng.normal(0.0, 0.1), 0.0, 1.0))
    for start in starts.tolist():
        rest = Span(max(64, span.samples - start), span.sample_rate)
        stroke = _stroke(rng, rest, near)
        add_at(out, start, stroke, log_uniform(rng, 0.4, 1.0))
    if rng.random() < 0.35:  # an older stroke still rolls in the distance
        roll = _rumble(rng, span, log_uniform(rng, 60.0, 250.0))
        out += rng.uniform(0.03, 0.25) * np.exp(0.7 * wander(rng, span, 1.2)) * roll
    return out


def _channel_arrivals(rng: np.random.Generator, span: Span, near: float) -> Samples:
    """Return the pulse train that a tortuous lightning channel sends to the listener.

    The channel is a random walk of short segments; each sends a pulse that arrives after its distance over
    the speed of sound, weaker with distance and with the angle it is seen at (after Ribner and Roy, 1982).
    """
    segments = int(rng.integers(200, 900))
    steps = rng.standard_normal((segments, 3)) * rng.uniform(8.0, 40.0)
    steps = np.repeat(rng.standard_normal((segments // 20 + 1, 3)), 20, axis=0)[:segments] * 14.0 + steps
    steps[:, 2] = np.abs(steps[:, 2]) * rng.uniform(0.2, 1.2)
    closest = np.array([80.0 + 1500.0 * (1 - near) ** 1.5, 0.0, 0.0])
    path = closest + np.cumsum(steps, axis=0)
    distance = np.linalg.norm(path, axis=1)
    along = np.abs(np.sum(steps * path, axis=1)) / (np.linalg.norm(steps, axis=1) * distance + 1e-9)
    delay = (distance - distance.min()) / 340.0 * min(1.0, rng.uniform(0.5, 1.0) * span.seconds)
    size = (1 - along) ** 2 * (distance.min() / distance) ** rng.uniform(0.4, 1.2) * rng.gamma(1.0, 1.0, segments)
    where = (delay * span.sample_rate).astype(np.int64)
    kept = where < span.samples
    signs = rng.choice((-1.0, 1.0), segments)
    return np.bincount(where[kept], weights=(size * signs)[kept], minlength=span.samples).astype(np.float32)


def _stroke(rng: np.random.Generator, span: Span, near: float) -> Samples:
    times = span.times()
    pulses = _channel_arrivals(rng, span, near)
    peak = log_uniform(rng, 40.0, 160.0) * (1 + near)
    slope = rng.uniform(0.6, 1.3)
    low = coloured(pulses, span.sample_rate, lambda f: low_pass(f, peak, slope) * high_pass(f, 25.0, 1.0))
    decay = log_uniform(rng, 0.5, 1.8) * min(1.0, 0.3 + span.seconds / 5.0)
    rolling = np.exp(rng.uniform(0.3, 0.9) * wander(rng, span, log_uniform(rng, 1.5, 7.0)))
    lasting = np.exp(-times / decay) * (1 - np.exp(-times / (0.003 + (1 - near) * rng.uniform(0.0, 0.5) ** 2)))
    rumble = _rumble(rng, span, peak * rng.uniform(0.8, 3.0)) * rolling
    mix = unit_level(_claps(rng, span, near, peak))
    mix += log_uniform(rng, 0.2, 1.2) * unit_level((unit_level(low) + rumble) * lasting)
    if rng.random() < 0.45 * near:
        mix += log_uniform(rng, 0.1, 0.8) * _crack(rng, span)
    mix = mix / (np.abs(mix).max() + 1e-9)
    drive = log_uniform(rng, 0.3, 3.0)
    return np.tanh(drive * mix) / np.float32(np.tanh(drive))


def _claps(rng: np.random.Generator, span: Span, near: float, peak: float) -> Samples:
    """Several claps that follow each other irregularly, each bright at first and dull as it rolls away."""
    count = int(rng.integers(1, 8))
    begins = np.cumsum(rng.exponential(log_uniform(rng, 0.08, 0.6), size=count)) * min(1.0, span.seconds / 3.0)
    begins = (begins - begins[0]) * (1 if rng.random() < 0.7 else 2)
    sizes = np.exp(-begins * rng.uniform(0.0, 1.2)) * rng.gamma(2.0, 0.5, size=count)
    fades = np.array([log_uniform(rng, 0.08, 0.9) for _ in range(count)])
    rises = 0.002 + (1 - near) * np.array([log_uniform(rng, 0.005, 0.15) for _ in range(count)])
    bright = log_uniform(rng, 500.0, 7000.0) * (0.25 + 0.75 * near)
    dulling, slope, order = rng.uniform(0.15, 0.7), rng.uniform(-6.0, -1.5), rng.uniform(0.7, 1.6)
    spread, cells = rng.uniform(0.0, 0.6), int(rng.integers(1, 5))

    def gain(t: Samples, f: Samples) -> Samples:
        late = np.maximum(t - begins, 0.0)
        each = sizes * (t >= begins) * (1 - np.exp(-late / rises)) * np.exp(-late / fades)
        level = each.sum(axis=1, keepdims=True)
        shine = (each * np.exp(-late / (dulling * fades))).sum(axis=1, keepdims=True) / (level + 1e-6)
        grains = speckle(rng, (t.shape[0], f.shape[1]), time_cells=cells, bin_cells=6, spread=spread)
        falling = low_pass(f, 2 * peak + bright * shine, order) * tilt(f, slope, 150.0)
        return level * falling * high_pass(f, 28.0, 1.0) * grains

    return texture(rng, span, gain, frame_seconds=0.03)


def _rumble(rng: np.random.Generator, span: Span, corner: float) -> Samples:
    order = rng.uniform(0.7, 1.8)
    return shaped_noise(rng, span, lambda f: low_pass(f, corner, order) * high_pass(f, 22.0, 1.0) * uneven(rng, f, 2.5))


def _crack(rng: np.random.Generator, span: Span) -> Samples:
    """The tearing sound of a near stroke: a dense burst of clicks that grows irregularly and breaks off."""
    times = span.times()
    length = log_uniform(rng, 0.08, 1.1)
    clicks = impulses(rng, span, log_uniform(rng, 150.0, 3000.0), spread=1.4, clusters=1.0)
    corner, slope = log_uniform(rng, 1500.0, 8000.0), rng.uniform(-5.0, 0.0)
    tearing = coloured(
        clicks,
        span.sample_rate,
        lambda f: low_pass(f, corner, 1.0) * high_pass(f, 200.0, 1.0) * tilt(f, slope),
    )
    shape = np.exp(-times / length) * np.exp(0.8 * wander(rng, span, 9.0))
    return unit_level(tearing * shape) * np.float32(np.sqrt(span.seconds) * 0.5)


def raining(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    """Return drops over a bright wash; intensity adds drops and wash until they merge."""
    wash_share = graded(rng, intensity, 0.11, 6.5)
    mix = wash_share * _wash(rng, span)
    if rng.random() < 0.2 + 0.6 * intensity:  # what drums on roofs and ground is heard as a low murmur
        mix += graded(rng, intensity, 0.02, 3.0) * _rumble(rng, span, log_uniform(rng, 120.0, 900.0))
    surfaces = rng.permutation(5)[: int(rng.integers(1, 4))]
    for surface in surfaces.tolist():
        drops = (_leaf_drops, _roof_drops, _puddle_drops, _window_drops, _fine_drops)[surface]
        mix += log_uniform(rng, 0.15, 1.0) * unit_level(drops(rng, intensity, span))
    mix *= np.exp(rng.uniform(0.0, 0.2) * wander(rng, span, 0.5))
    return mix


def _wash(rng: np.random.Generator, span: Span) -> Samples:
    slope, corner, start = (
        rng.uniform(-4.5, 1.5),
        log_uniform(rng, 4000.0, 20_000.0),
        log_uniform(rng, 40.0, 1200.0),
    )
    bump, width, height = log_uniform(rng, 1500.0, 9000.0), rng.uniform(0.4, 1.2), rng.uniform(0.0, 2.0)
    return shaped_noise(
        rng,
        span,
        lambda f: (
            tilt(f, slope)
            * low_pass(f, corner, 1.5)
            * high_pass(f, start, rng.uniform(0.4, 1.5))
            * (1 + height * bell(f, bump, width))
            * uneven(rng, f, 1.2)
        ),
    )


def _leaf_drops(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    clicks = impulses(rng, span, graded(rng, intensity, 64.0, 4200.0), spread=1.0)
    centre, width = log_uniform(rng, 900.0, 5000.0), rng.uniform(0.7, 1.5)
    return coloured(clicks, span.sample_rate, lambda f: bell(f, centre, width))


def _roof_drops(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    clicks = impulses(rng, span, graded(rng, intensity, 17.0, 1400.0), spread=1.0)
    mix = 0.2 * clicks
    for _ in range(3):
        mix = mix + resonance(clicks, span.sample_rate, log_uniform(rng, 300.0, 5000.0), log_uniform(rng, 0.001, 0.012))
    return mix


def _puddle_drops(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    grains = bubble_grains(rng, span, 24, 1200.0, 9000.0)
    starts = arrivals(rng, span, min(400.0, graded(rng, intensity, 6.4, 510.0)))
    return scatter(rng, span, grains, starts, 0.9)


def _window_drops(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    clicks = impulses(rng, span, graded(rng, intensity, 4.8, 180.0), spread=1.0)
    taps = resonance(clicks, span.sample_rate, log_uniform(rng, 150.0, 900.0), log_uniform(rng, 0.003, 0.015))
    return unit_level(taps) + 0.3 * unit_level(coloured(clicks, span.sample_rate, lambda f: high_pass(f, 1500.0)))


def _fine_drops(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    clicks = impulses(rng, span, graded(rng, intensity, 350.0, 11000.0), spread=1.2)
    corner = log_uniform(rng, 1500.0, 6000.0)
    return coloured(clicks, span.sample_rate, lambda f: high_pass(f, corner, 1.0))


def wind_noise(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    """Return gusts of band noise, howls and whistles; intensity makes it brighter and gustier."""
    model = rng.choice(5, p=(0.28, 0.22, 0.24, 0.14, 0.12))
    gust = wander(rng, span, graded(rng, intensity, 0.15, 1.2))
    mix = span.silence()
    if model in (0, 3, 4):
        mix += _gusts(rng, span, gust, intensity)
    if model in (1, 3):
        mix += log_uniform(rng, 0.5, 2.0) * _howls(rng, span, gust, intensity)
    if model == 2:
        mix += _gusts(rng, span, gust, intensity) + log_uniform(rng, 0.3, 1.0) * _howls(rng, span, gust, intensity)
    if model == 4:
        mix += log_uniform(rng, 0.3, 1.5) * _leaves(rng, span, gust)
    if rng.random() < 0.5 * intensity:
        mix += graded(rng, intensity, 0.2, 2.0) * _buffeting(rng, span, gust)
    return mix


def _gusts(rng: np.random.Generator, span: Span, gust: Samples, intensity: float) -> Samples:
    corner = graded(rng, intensity, 78.0, 2700.0)
    swing, depth = rng.uniform(0.2, 0.8), graded(rng, intensity, 0.1, 0.9)
    order, floor = rng.uniform(0.6, 2.2), log_uniform(rng, 20.0, 150.0)
    shape = uneven(rng, np.geomspace(20, 24_000, 64).astype(np.float32), 2.0)

    def gain(t: Samples, f: Samples) -> Samples:
        level = np.interp(t * span.sample_rate, np.arange(gust.size), gust)
        wiggle = np.interp(np.log(f), np.linspace(np.log(20), np.log(24_000), 64), shape)
        moving = low_pass(f, corner * np.exp(swing * level), order)
        return moving * high_pass(f, floor, 1.0) * np.exp(depth * level) * wiggle

    return unit_level(texture(rng, span, gain, frame_seconds=0.06))


def _howls(rng: np.random.Generator, span: Span, gust: Samples, intensity: float) -> Samples:
    """Narrow bands of noise whose pitch follows the gusts: gaps, wires, caves."""
    mix = span.silence()
    for _ in range(int(rng.integers(1, 4))):
        centre = graded(rng, intensity, 130.0, 1800.0)
        width = centre * log_uniform(rng, 0.03, 0.25)
        own = 0.6 * gust + 0.6 * wander(rng, span, log_uniform(rng, 0.2, 1.0))
        phase = gliding_phase(centre * np.exp(rng.uniform(0.03, 0.25) * own), span)
        wide = shaped_noise(rng, span, lambda f, width=width: low_pass(f, width, 1.5))
        other = shaped_noise(rng, span, lambda f, width=width: low_pass(f, width, 1.5))
        angle = np.float32(2 * np.pi) * phase
        band = wide * np.cos(angle) + other * np.sin(angle)
        mix += log_uniform(rng, 0.3, 1.0) * band * np.exp(graded(rng, intensity, 0.15, 0.9) * own)
    return unit_level(mix)


def _leaves(rng: np.random.Generator, span: Span, gust: Samples) -> Samples:
    centre, width = log_uniform(rng, 1500.0, 6000.0), rng.uniform(0.6, 1.4)
    base = shaped_noise(rng, span, lambda f: bell(f, centre, width))
    return unit_level(base * np.exp(0.7 * gust + 0.3 * wander(rng, span, 5.0)))


def _buffeting(rng: np.random.Generator, span: Span, gust: Samples) -> Samples:
    corner = log_uniform(rng, 40.0, 150.0)
    base = shaped_noise(rng, span, lambda f: low_pass(f, corner, 2.0))
    return unit_level(base * np.exp(0.8 * gust + 0.8 * wander(rng, span, log_uniform(rng, 3.0, 9.0))))
