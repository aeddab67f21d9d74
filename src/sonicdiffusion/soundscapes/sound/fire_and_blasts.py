"""Explosions and fires."""

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
    sine,
    texture,
    tilt,
    uneven,
    unit_level,
    wander,
)


def explosion(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    """Return blasts with a sharp onset and a falling spectrum; intensity makes them bigger and more."""
    out = span.silence()
    far = float(np.clip(0.75 * (1.0 - intensity) + rng.normal(0.0, 0.08), 0.0, 1.0))
    if span.seconds < 3.5 or rng.random() < 0.4:
        starts = occasions(rng, span, 0.3 / span.seconds)[:1]
    else:
        starts = occasions(rng, span, graded(rng, intensity, 0.13, 1.3))
    model = rng.choice(3, p=(0.62, 0.2, 0.18))
    for start in starts.tolist():
        rest = Span(max(64, span.samples - start), span.sample_rate)
        if model == 0:
            blast = _blast(rng, rest, intensity, far)
        elif model == 1:
            blast = _chip_blast(rng, rest, intensity)
        else:
            blast = _shell(rng, rest, intensity, far)
        add_at(out, start, blast, log_uniform(rng, 0.35, 1.0))
    return out


def _blast(rng: np.random.Generator, span: Span, intensity: float, far: float) -> Samples:
    times = span.times()
    size = graded(rng, intensity, 0.33, 2.3)
    decay = log_uniform(rng, 0.15, 0.3) * size
    if rng.random() < 0.3:  # stretched and compressed by a sound designer until it fills its clip
        decay = graded(rng, intensity, 0.25, 1.0) * min(2.0, span.seconds)
    bright = log_uniform(rng, 1200.0, 9000.0) * (1 - 0.9 * far)
    dark = log_uniform(rng, 70.0, 600.0)
    fall = log_uniform(rng, 0.04, 0.5) * size
    slope, order = -rng.uniform(1.0, 6.5), rng.uniform(0.7, 2.0)
    faster_highs = rng.uniform(0.05, 0.45)
    shape = uneven(rng, np.geomspace(20, 24_000, 64).astype(np.float32), 3.0)

    def gain(t: Samples, f: Samples) -> Samples:
        corner = dark + (bright - dark) * np.exp(-t / fall)
        lasting = decay * (f / 150.0) ** -faster_highs
        wiggle = np.interp(np.log(f), np.linspace(np.log(20), np.log(24_000), 64), shape)
        return tilt(f, slope) * low_pass(f, corner, order) * np.exp(-t / lasting) * wiggle

    body = unit_level(texture(rng, span, gain)) * np.float32(np.sqrt(span.seconds))
    deep = log_uniform(rng, 28.0, 70.0)
    sweep = deep * (1 + rng.uniform(0.5, 3.0) * np.exp(-times / log_uniform(rng, 0.02, 0.12)))
    boom = sine(gliding_phase(sweep, span)) * np.exp(-times / (decay * rng.uniform(0.5, 1.3)))
    attack = log_uniform(rng, 0.0008, 0.012) + far * rng.uniform(0.0, 0.06)
    mix = (body + rng.uniform(0.0, 2.2) * boom) * (1 - np.exp(-times / attack))
    if rng.random() < 0.45:  # a second layer shortly after the first, as sound designers stack them
        add_at(mix, int(rng.uniform(0.04, 0.25) * span.sample_rate), body, rng.uniform(0.2, 0.8))
    if rng.random() < 0.45 * (1 - far):
        mix += rng.uniform(0.1, 0.6) * _debris(rng, span, decay)
    drive = log_uniform(rng, 0.4, 6.0)
    return np.tanh(drive * mix / (np.abs(mix).max() + 1e-9)) / np.tanh(drive)


def _debris(rng: np.random.Generator, span: Span, decay: float) -> Samples:
    times = span.times()
    clicks = impulses(rng, span, log_uniform(rng, 20.0, 250.0), spread=1.2, clusters=0.8)
    rain = resonance(clicks, span.sample_rate, log_uniform(rng, 500.0, 4000.0), log_uniform(rng, 0.001, 0.008))
    later = rng.uniform(0.1, 0.5)
    swell = (times / later) * np.exp(1 - times / later) * np.exp(-times / (4 * decay))
    return unit_level(rain * swell.astype(np.float32)) * np.float32(np.sqrt(span.seconds) * 0.5)


def _chip_blast(rng: np.random.Generator, span: Span, intensity: float) -> Samples:
    """Sample-and-hold noise whose rate falls: the explosion of early games."""
    times = span.times()
    lasting = graded(rng, intensity, 0.09, 0.96)
    rate = log_uniform(rng, 300.0, 1500.0) + log_uniform(rng, 2000.0, 12_000.0) * np.exp(-times / lasting)
    steps = np.floor(np.cumsum(rate, dtype=np.float64) / span.sample_rate).astype(np.int64)
    held = rng.standard_normal(int(steps[-1]) + 1).astype(np.float32)[steps]
    corner = log_uniform(rng, 900.0, 9000.0)
    rumble = shaped_noise(rng, span, lambda f: low_pass(f, 180.0, 1.5) * high_pass(f, 25.0))
    mix = (held + rng.uniform(0.0, 2.0) * rumble) * np.exp(-times / lasting)
    mix = coloured(mix.astype(np.float32), span.sample_rate, lambda f: low_pass(f, corner, 1.0) * high_pass(f, 30.0))
    return np.tanh(log_uniform(rng, 0.5, 3.0) * mix)


def _shell(rng: np.random.Generator, span: Span, intensity: float, far: float) -> Samples:
    """A blast wave alone (one N-shaped pulse), its echoes and a noisy tail: cannon, mortar, firework."""
    times = span.times()
    width = graded(rng, intensity, 0.0015, 0.032)
    wave = (1 - times / width) * np.exp(-times / width)
    decay = graded(rng, intensity, 0.038, 0.56)
    corner = log_uniform(rng, 600.0, 6000.0) * (1 - 0.85 * far)
    tail = shaped_noise(rng, span, lambda f: tilt(f, -4.0) * low_pass(f, corner, 1.0)) * np.exp(-times / decay)
    mix = wave + log_uniform(rng, 0.2, 1.0) * tail
    for delay in rng.uniform(0.03, 0.9, size=int(rng.integers(0, 5))):
        add_at(mix, int(delay * span.sample_rate), mix[: mix.size // 2].copy(), 0.35 * np.exp(-delay * 2))
    return coloured(np.tanh(2 * mix), span.sample_rate, lambda f: low_pass(f, 1.5 * corner, 1.0))


def fire_crackling(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    """Return pops of power-law size over a low roar and a hiss; intensity adds pops and roar."""
    pops, roar, hiss = (
        (1.0, 0.02, 0.01),  # embers, close
        (1.0, 0.12, 0.06),  # a small open fire
        (0.35, 0.35, 1.0),  # a hissing blaze
        (0.8, 0.6, 0.25),  # a large fire
        (0.12, 1.0, 0.04),  # a furnace
    )[round(graded(rng, intensity, 1.0, 5.0)) - 1]
    mix = pops * log_uniform(rng, 0.8, 1.3) * _pops(rng, intensity, span)
    mix += roar * graded(rng, intensity, 0.21, 2.4) * _roar(rng, span)
    mix += hiss * log_uniform(rng, 0.4, 2.0) * _hiss(rng, span)
    return mix


def _pops(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    rate = graded(rng, intensity, 2.0, 74.0)
    short = span.part(0.06)
    times = short.times()
    grains = []
    for _ in range(14):
        decay = log_uniform(rng, 0.0006, 0.009)
        click = rng.standard_normal(short.samples).astype(np.float32) * np.exp(-times / decay)
        if rng.random() < 0.5:
            click = resonance(click, span.sample_rate, log_uniform(rng, 300.0, 6000.0), decay)
        grains.append(click / (np.abs(click).max() + 1e-9))
    starts = arrivals(rng, span, rate, clusters=rng.uniform(0.3, 1.6))
    loud = scatter(rng, span, grains, starts, rng.uniform(0.6, 1.3))
    tiny = impulses(rng, span, rate * log_uniform(rng, 5.0, 40.0), spread=1.3, clusters=0.8)
    centre = log_uniform(rng, 1500.0, 7000.0)
    tiny = coloured(tiny, span.sample_rate, lambda f: bell(f, centre, 1.2))
    return 3.0 * (loud / (np.abs(loud).max() + 1e-9)) + log_uniform(rng, 0.1, 0.7) * unit_level(tiny)


def _roar(rng: np.random.Generator, span: Span) -> Samples:
    corner, order = log_uniform(rng, 80.0, 900.0), rng.uniform(0.7, 4.0)
    base = shaped_noise(rng, span, lambda f: low_pass(f, corner, order) * high_pass(f, 25.0, 1.0) * uneven(rng, f, 2.5))
    flutter = np.exp(rng.uniform(0.1, 0.6) * wander(rng, span, log_uniform(rng, 3.0, 14.0)))
    return unit_level(base * flutter * np.exp(0.25 * wander(rng, span, 0.8)))


def _hiss(rng: np.random.Generator, span: Span) -> Samples:
    centre, slope = log_uniform(rng, 1500.0, 9000.0), rng.uniform(0.9, 2.5)
    base = shaped_noise(rng, span, lambda f: bell(f, centre, slope) * uneven(rng, f, 2.0))
    return unit_level(base * np.exp(rng.uniform(0.2, 0.6) * wander(rng, span, log_uniform(rng, 2.0, 25.0))))
