"""The faint background of a place at a time of day."""

import numpy as np

from sonicdiffusion.soundscapes.sound.noise import (
    Samples,
    Span,
    bell,
    gliding_phase,
    high_pass,
    log_uniform,
    low_pass,
    shaped_noise,
    sine,
    tilt,
    uneven,
    unit_level,
    wander,
)

# How much of traffic, leaves, open air and indoor-like murmur a place has.
_LAYERS = {
    "mountains": (0.02, 0.1, 1.0, 0.05),
    "forest": (0.02, 1.0, 0.4, 0.02),
    "desert": (0.01, 0.02, 1.0, 0.02),
    "city": (1.0, 0.05, 0.3, 0.5),
    "village": (0.3, 0.3, 0.5, 0.3),
    "meadow": (0.1, 0.6, 0.7, 0.02),
    "coast": (0.05, 0.2, 1.0, 0.05),
    "arctic": (0.01, 0.01, 1.0, 0.02),
}
_TRAFFIC_BY_TIME = {"dawn": 0.5, "day": 1.0, "dusk": 0.8, "night": 0.3}


def ambience(rng: np.random.Generator, place: str, time: str, span: Span) -> Samples:
    """Return the background of a place, level 1: air, leaves, distant traffic, murmur and hum."""
    traffic, leaves, air, murmur = _LAYERS[place]
    mix = air * log_uniform(rng, 0.3, 2.0) * _air(rng, span)
    mix += 0.2 * log_uniform(rng, 0.1, 2.0) * _room_tone(rng, span)
    for share, make in (
        (traffic * _TRAFFIC_BY_TIME[time], _traffic),
        (leaves, _leaves),
        (murmur * _TRAFFIC_BY_TIME[time], _murmur),
    ):
        if rng.random() < share:
            mix += log_uniform(rng, 0.3, 1.5) * make(rng, span)
    if rng.random() < 0.05 + 0.25 * murmur:
        mix += log_uniform(rng, 0.02, 0.4) * _hum(rng, span)
    return unit_level(mix)


def _air(rng: np.random.Generator, span: Span) -> Samples:
    slope, floor = rng.uniform(-9.0, -2.0), log_uniform(rng, 15.0, 80.0)
    base = shaped_noise(rng, span, lambda f: tilt(f, slope) * high_pass(f, floor, 1.0) * uneven(rng, f, 2.0))
    return base * np.exp(rng.uniform(0.0, 0.25) * wander(rng, span, 0.4))


def _room_tone(rng: np.random.Generator, span: Span) -> Samples:
    slope = rng.uniform(-5.0, 0.0)
    return shaped_noise(rng, span, lambda f: tilt(f, slope) * uneven(rng, f, 1.0))


def _traffic(rng: np.random.Generator, span: Span) -> Samples:
    corner = log_uniform(rng, 150.0, 900.0)
    base = shaped_noise(
        rng, span, lambda f: low_pass(f, corner, 1.2) * high_pass(f, 40.0) + 0.05 * bell(f, 1200.0, 0.7)
    )
    return unit_level(base * np.exp(0.5 * wander(rng, span, 0.25)))


def _leaves(rng: np.random.Generator, span: Span) -> Samples:
    centre = log_uniform(rng, 1500.0, 5000.0)
    base = shaped_noise(rng, span, lambda f: bell(f, centre, 1.0))
    return 0.6 * unit_level(base * np.exp(0.4 * wander(rng, span, 0.8)))


def _murmur(rng: np.random.Generator, span: Span) -> Samples:
    base = shaped_noise(rng, span, lambda f: bell(f, 450.0, 0.8) + 0.2 * bell(f, 1800.0, 0.6))
    return 0.5 * unit_level(base * np.exp(0.3 * wander(rng, span, 3.0)))


def _hum(rng: np.random.Generator, span: Span) -> Samples:
    mains = float(rng.choice((50.0, 60.0)))
    mix = span.silence()
    for order in (1, 2, 3, 4):
        mix += log_uniform(rng, 0.1, 1.0) / order * sine(gliding_phase(mains * order, span))
    return unit_level(mix)
