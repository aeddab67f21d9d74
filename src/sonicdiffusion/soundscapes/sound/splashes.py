"""Water that is struck or trodden: splashes and squelches."""

import numpy as np

from sonicdiffusion.soundscapes.sound.noise import (
    Samples,
    Span,
    add_at,
    arrivals,
    bell,
    fade,
    graded,
    high_pass,
    impulses,
    log_uniform,
    low_pass,
    occasions,
    resonance,
    scatter,
    speckle,
    texture,
    tilt,
    uneven,
    unit_level,
    wander,
)
from sonicdiffusion.soundscapes.sound.water import bubble_grains


def splashing_water(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    """Return single splashes, wading, oars or stones; intensity makes them bigger and more frequent."""
    mix = span.silence()
    model = int(rng.choice(4, p=(0.45, 0.3, 0.13, 0.12)))
    make = (_splash, _step, _plop, _pour)[model]
    if span.seconds < 3.0 and model != 3:
        starts = occasions(rng, span, rng.uniform(0.3, 0.9) / span.seconds)[:2]
    else:
        rate = graded(rng, intensity, 0.3, 2.5) if model != 3 else 0.1
        starts = occasions(rng, span, rate, regular=(0.1, 0.8, 0.1, 0.5)[model])
    for start in starts.tolist():
        rest = Span(max(64, span.samples - start), span.sample_rate)
        add_at(mix, start, make(rng, intensity, rest), log_uniform(rng, 0.4, 1.0))
    return mix


def _spray(
    rng: np.random.Generator,
    span: Span,
    *,
    rise: float,
    fall: float,
    centre: float,
    width: float,
    glide: float,
) -> Samples:
    """Return one burst of broken water: noise that swells and falls while its spectrum glides."""
    slope, spread = rng.uniform(-4.0, 0.5), rng.uniform(0.2, 1.0)
    start, corner = log_uniform(rng, 60.0, 500.0), log_uniform(rng, 3500.0, 20_000.0)
    shape = uneven(rng, np.geomspace(20, 24_000, 64).astype(np.float32), 2.5)

    def gain(t: Samples, f: Samples) -> Samples:
        level = (1 - np.exp(-((t / rise) ** 2))) * np.exp(-t / (fall * (f / 1500.0) ** -0.15))
        wiggle = np.interp(np.log(f), np.linspace(np.log(20), np.log(24_000), 64), shape)
        moving = 0.25 + bell(f, centre * 2.0 ** (glide * (1 - np.exp(-t / fall))), width)
        grains = speckle(rng, (t.shape[0], f.shape[1]), time_cells=1, bin_cells=4, spread=spread)
        return level * wiggle * moving * tilt(f, slope) * grains * high_pass(f, start, 1.0) * low_pass(f, corner, 1.0)

    spray = texture(rng, span, gain, frame_seconds=0.02)
    return spray / (np.abs(spray).max() + 1e-9)


def _drips(rng: np.random.Generator, span: Span, rate: float, after: float) -> Samples:
    grains = bubble_grains(
        rng,
        span,
        16,
        log_uniform(rng, 350.0, 900.0),
        5000.0,
        rise=rng.uniform(0.05, 0.4),
        lasting=log_uniform(rng, 0.6, 1.6),
    )
    drips = scatter(rng, span, grains, arrivals(rng, span, rate, clusters=0.8), 0.8)
    times = span.times()
    return drips * (np.exp(-times / after) * np.minimum(times / 0.05, 1.0)).astype(np.float32)


def _splash(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    """Something falls or jumps in: slap, crown, bubbles, drips."""
    own = span.part(graded(rng, intensity, 0.5, 2.8))
    fall = graded(rng, intensity, 0.055, 0.6)
    mix = _spray(
        rng,
        own,
        rise=log_uniform(rng, 0.005, 0.12),
        fall=fall,
        centre=log_uniform(rng, 0.6, 1.6) / graded(rng, intensity, 1 / 3000.0, 1 / 400.0),  # a big splash is dull
        width=rng.uniform(0.9, 2.2),
        glide=rng.uniform(-1.5, 1.5),
    )
    times = own.times()
    if rng.random() < 0.6:
        thump = np.sin(2 * np.pi * log_uniform(rng, 50.0, 220.0) * times * (1 - 0.3 * times)) * np.exp(-times / 0.05)
        mix += rng.uniform(0.1, 1.0) * thump.astype(np.float32)
    if rng.random() < 0.35:  # air dragged below comes up as a low gurgle
        grains = bubble_grains(rng, own, 12, 120.0, log_uniform(rng, 500.0, 1500.0), rise=0.4, lasting=1.5)
        gurgle = scatter(rng, own, grains, arrivals(rng, own, 60.0, clusters=0.7), 0.6)
        gurgle *= np.exp(-times / fall) * np.minimum(times / 0.08, 1.0)
        mix += rng.uniform(0.2, 1.0) * gurgle / (np.abs(gurgle).max() + 1e-9)
    if rng.random() < 0.5:  # the crown falls back
        later = int(rng.uniform(0.12, 0.7) * own.seconds * own.sample_rate)
        second = _spray(rng, own, rise=0.08, fall=fall, centre=log_uniform(rng, 1200.0, 6000.0), width=1.5, glide=0.0)
        add_at(mix, later, second, rng.uniform(0.2, 0.9))
    mix += rng.uniform(0.0, 0.6) * _drips(rng, own, graded(rng, intensity, 5.5, 110.0), own.seconds)
    return fade(mix, span.sample_rate, 0.001, 0.25 * own.seconds)


def _step(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    """A step or a stroke of an oar: water pushed aside, then drawn after."""
    own = span.part(rng.uniform(0.5, 1.8))
    centre, width = log_uniform(rng, 600.0, 3500.0), rng.uniform(0.8, 1.7)
    mix = _spray(
        rng,
        own,
        rise=rng.uniform(0.04, 0.25),
        fall=rng.uniform(0.08, 0.3),
        centre=centre,
        width=width,
        glide=0.5,
    )
    second = _spray(
        rng,
        own,
        rise=rng.uniform(0.05, 0.25),
        fall=rng.uniform(0.1, 0.35),
        centre=1.5 * centre,
        width=width,
        glide=-0.5,
    )
    add_at(mix, int(rng.uniform(0.15, 0.6) * own.samples), second, rng.uniform(0.2, 1.0))
    mix += rng.uniform(0.1, 0.6) * _drips(rng, own, graded(rng, intensity, 8.2, 130.0), 0.6)
    return fade(mix, span.sample_rate, 0.02, 0.3 * own.seconds)


def _plop(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    """A stone dropped into a pond: a short slap, then the note of the air it drew in."""
    own = span.part(rng.uniform(0.3, 0.9))
    grains = bubble_grains(rng, own, 3, log_uniform(rng, 180.0, 900.0), 1500.0, rise=1.5, lasting=2.5)
    mix = own.silence()
    for grain in grains:
        add_at(mix, int(rng.uniform(0.005, 0.12) * own.sample_rate), grain, log_uniform(rng, 0.4, 1.0))
    slap = _spray(
        rng,
        own,
        rise=0.004,
        fall=log_uniform(rng, 0.02, 0.12),
        centre=log_uniform(rng, 600.0, 4000.0),
        width=1.5,
        glide=0.0,
    )
    return mix + log_uniform(rng, 0.2, 1.2) * slap + 0.3 * _drips(rng, own, 5.0 + 30.0 * intensity, 0.4)


def _pour(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    """Bathing, rinsing, playing with the hands: restless overlapping splashes."""
    swells = np.exp(rng.uniform(0.5, 1.0) * wander(rng, span, log_uniform(rng, 1.5, 6.0)))
    centre, spread = log_uniform(rng, 700.0, 3500.0), rng.uniform(0.4, 1.0)
    start = log_uniform(rng, 80.0, 400.0)

    def gain(t: Samples, f: Samples) -> Samples:
        grains = speckle(rng, (t.shape[0], f.shape[1]), time_cells=2, bin_cells=4, spread=spread)
        return (0.2 + bell(f, centre, 1.4)) * tilt(f, -2.0) * high_pass(f, start, 1.0) * grains

    noise = unit_level(texture(rng, span, gain))
    drips = unit_level(_drips(rng, span, 20.0 + 100.0 * intensity, 10.0 * span.seconds))
    return (noise * swells + rng.uniform(0.2, 1.0) * drips * np.sqrt(swells)).astype(np.float32)


def squishing_water(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    """Return squelches, splats, suction and steps in mud; intensity makes them bigger and more frequent."""
    mix = span.silence()
    model = int(rng.choice(4, p=(0.4, 0.36, 0.1, 0.14)))
    make = (_squelch, _splat, _gloop, _squelch)[model]
    if span.seconds < 2.5:
        starts = occasions(rng, span, rng.uniform(0.4, 1.2) / span.seconds)[:3]
    else:
        rate = graded(rng, intensity, 0.52, 4.5)
        starts = occasions(rng, span, rate, regular=rng.uniform(0.0, 0.9))
    for start in starts.tolist():
        rest = Span(max(64, span.samples - start), span.sample_rate)
        add_at(mix, start, make(rng, intensity, rest), log_uniform(rng, 0.4, 1.0))
    return mix


def _sticky(rng: np.random.Generator, span: Span, low: float, high: float) -> Samples:
    """Return an irregular crackle of small wet films tearing, scaled to peak 1."""
    clicks = impulses(rng, span, log_uniform(rng, 60.0, 500.0), spread=1.1, clusters=1.0)
    mix = span.silence()
    for _ in range(3):
        mix += resonance(clicks, span.sample_rate, log_uniform(rng, low, high), log_uniform(rng, 0.0008, 0.006))
    return mix / (np.abs(mix).max() + 1e-9)


def _squelch(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    """A squeeze: noise through moving formants, crackling, with a pop of suction at its end."""
    own = span.part(graded(rng, intensity, 0.093, 0.84))
    length = own.seconds
    formants = [(log_uniform(rng, 200.0, 3500.0), rng.uniform(-1.8, 1.8), rng.uniform(0.2, 1.0)) for _ in range(3)]
    jitter = np.exp(0.8 * wander(rng, own, log_uniform(rng, 15.0, 60.0)))
    early, late = rng.uniform(0.1, 1.2), rng.uniform(0.4, 2.5)
    slope, floor = rng.uniform(-4.0, 0.0), log_uniform(rng, 0.02, 0.4)

    def gain(t: Samples, f: Samples) -> Samples:
        part = np.clip(t / length, 0.0, 1.0)
        total = np.zeros((t.shape[0], f.shape[1]), dtype=np.float32) + floor
        for centre, glide, width in formants:
            total = total + bell(f, centre * 2.0 ** (glide * (part - 0.5)), width)
        return total * tilt(f, slope) * high_pass(f, 80.0, 1.0) * part**early * (1 - part) ** late

    body = texture(rng, own, gain, frame_seconds=0.016) * jitter
    mix = body / (np.abs(body).max() + 1e-9)
    mix += rng.uniform(0.1, 0.9) * _sticky(rng, own, 400.0, 5000.0) * np.sin(np.pi * own.times() / length)
    if rng.random() < 0.3:
        pop = bubble_grains(rng, own, 1, log_uniform(rng, 250.0, 1200.0), 1800.0, rise=1.5, lasting=2.0)[0]
        add_at(mix, int(rng.uniform(0.4, 0.9) * own.samples), pop, rng.uniform(0.3, 1.0))
    return fade(mix, span.sample_rate, 0.002, 0.15 * length)


def _splat(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    """Something soft and wet lands: a dull blow, a bright slap, wet crackles."""
    own = span.part(graded(rng, intensity, 0.15, 1.4))
    times = own.times()
    blow = np.sin(2 * np.pi * log_uniform(rng, 60.0, 250.0) * times * (1 - times)) * np.exp(
        -times / log_uniform(rng, 0.02, 0.08)
    )
    mix = rng.uniform(0.1, 1.2) * blow.astype(np.float32)
    for _ in range(int(rng.integers(1, 5))):
        slap = _spray(
            rng,
            own,
            rise=log_uniform(rng, 0.002, 0.04),
            fall=log_uniform(rng, 0.015, 0.12),
            centre=log_uniform(rng, 400.0, 5000.0),
            width=rng.uniform(0.4, 1.3),
            glide=rng.uniform(-2.0, 2.0),
        )
        add_at(mix, int(rng.uniform(0.0, 0.5) ** 2 * 2 * own.samples), slap, log_uniform(rng, 0.3, 1.0))
    crackle = _sticky(rng, own, 600.0, 6000.0) * np.exp(-times / (0.4 * own.seconds))
    mix += rng.uniform(0.1, 0.8) * crackle
    return fade(mix.astype(np.float32), span.sample_rate, 0.001, 0.3 * own.seconds)


def _gloop(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    """Thick slime: slow rising notes close together under a wet film."""
    own = span.part(rng.uniform(0.3, 1.1))
    low = log_uniform(rng, 120.0, 500.0)
    grains = bubble_grains(rng, own, 6, low, low * rng.uniform(1.5, 4.0), rise=0.8, lasting=log_uniform(rng, 1.0, 3.0))
    mix = scatter(rng, own, grains, arrivals(rng, own, 4.0 + 14.0 * intensity, clusters=0.5), 0.5)
    mix = mix / (np.abs(mix).max() + 1e-9)
    mix += rng.uniform(0.2, 1.0) * _sticky(rng, own, 300.0, 3500.0)
    add_at(mix, 0, _squelch(rng, intensity, own), rng.uniform(0.1, 0.8))
    return fade(mix, span.sample_rate, 0.004, 0.3 * own.seconds)
