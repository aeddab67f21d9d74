"""Water that keeps moving: bubbles, streams, waterfalls and waves."""

import numpy as np
from numpy.typing import NDArray

from sonicdiffusion.soundscapes.sound.noise import (
    Samples,
    Span,
    add_at,
    arch,
    arrivals,
    bell,
    coloured,
    graded,
    high_pass,
    log_uniform,
    low_pass,
    occasions,
    scatter,
    shaped_noise,
    speckle,
    texture,
    tilt,
    uneven,
    unit_level,
    wander,
)


def bubble_grains(
    rng: np.random.Generator,
    span: Span,
    count: int,
    low: float,
    high: float,
    *,
    rise: float = 0.1,
    lasting: float = 1.0,
) -> list[Samples]:
    """Return the sounds of `count` bubbles: damped sinusoids whose pitch may rise.

    A bubble of radius r metres rings at 3 / r hertz and dies away at 0.13 / r + 0.0072 r^-1.5 a second
    (Minnaert, 1933; van den Doel, "Physically based models for liquid sounds", 2005).

    Args:
        rng: draws pitches and decays.
        span: gives the sample rate.
        count: number of bubbles.
        low: lowest pitch in hertz.
        high: highest pitch in hertz, limited to the Nyquist frequency.
        rise: the largest relative rise of pitch per decay time; bubbles near the surface rise.
        lasting: lengthens the physical decay.
    """
    ceiling = min(high, 0.42 * span.sample_rate)
    pitch = np.exp(rng.uniform(np.log(min(low, 0.5 * ceiling)), np.log(ceiling), size=count))
    damping = (0.043 * pitch + 0.0014 * pitch**1.5) / (lasting * rng.uniform(0.7, 1.6, size=count))
    rises = rng.uniform(0.0, rise, size=count) * damping
    loudness = (pitch / low) ** rng.uniform(-0.7, 0.1)
    grains = []
    for tone, decay, slope, size in zip(pitch, damping, rises, loudness, strict=True):
        times = np.arange(max(16, int(min(6.0 / decay, 0.6) * span.sample_rate)), dtype=np.float32) / span.sample_rate
        climbing = np.minimum(slope * times / 2, 2.0)
        angle = 2 * np.pi * np.minimum(tone * (1 + climbing), 0.45 * span.sample_rate) * times
        onset = np.minimum(times * tone, 1.0)
        grains.append((size * np.sin(angle) * np.exp(-decay * times) * onset).astype(np.float32))
    return grains


def underwater_bubbling(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    """Return bubbles under water; intensity adds bubbles and makes their bursts denser."""
    model = int(rng.choice(7, p=(0.16, 0.22, 0.17, 0.16, 0.13, 0.06, 0.1)))
    make = (_stream, _breaths, _boiling, _blubs, _deep, _gurgle, _fizz)[model]
    return make(rng, intensity, span)


def _stream(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    """A steady string of bubbles, as from an aquarium pump or a straw."""
    low = log_uniform(rng, 150.0, 1600.0)
    grains = bubble_grains(
        rng,
        span,
        24,
        low,
        low * rng.uniform(2.0, 6.0),
        rise=rng.uniform(0.1, 0.9),
        lasting=log_uniform(rng, 1.0, 4.0),
    )
    starts = arrivals(rng, span, graded(rng, intensity, 4.1, 100.0), clusters=rng.uniform(0.0, 1.2))
    mix = scatter(rng, span, grains, starts, rng.uniform(0.3, 0.9))
    return unit_level(mix) + log_uniform(rng, 0.01, 0.3) * _murk(rng, span)


def _murk(rng: np.random.Generator, span: Span) -> Samples:
    corner = log_uniform(rng, 100.0, 900.0)
    return shaped_noise(rng, span, lambda f: low_pass(f, corner, 1.5) * high_pass(f, 30.0, 1.0) * uneven(rng, f, 2.0))


def _breaths(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    """A diver's breaths: bursts of bubbles with rushing noise between quiet moments."""
    mix = span.silence()
    low, top = log_uniform(rng, 100.0, 500.0), log_uniform(rng, 1500.0, 5000.0)
    grains = bubble_grains(rng, span, 30, low, top, rise=rng.uniform(0.0, 0.3), lasting=log_uniform(rng, 1.0, 3.0))
    for start in occasions(rng, span, rng.uniform(0.3, 0.9), regular=0.7).tolist():
        burst = span.part(rng.uniform(0.4, 1.8))
        shape = arch(burst.times() / burst.seconds, rng.uniform(0.5, 1.2), 1.5)
        starts = arrivals(rng, burst, graded(rng, intensity, 16.0, 280.0), clusters=0.7)
        bubbles = unit_level(scatter(rng, burst, grains, starts, 0.7))
        bubbles *= np.exp(rng.uniform(0.2, 1.0) * wander(rng, burst, 9.0))
        centre = log_uniform(rng, 250.0, 1500.0)
        rush = shaped_noise(rng, burst, lambda f, centre=centre: bell(f, centre, 0.7))
        add_at(mix, start, (bubbles + rng.uniform(0.1, 1.2) * rush) * shape)
    return mix + log_uniform(rng, 0.005, 0.15) * _murk(rng, span)


def _boiling(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    """A pot on the boil: dense low bubbles over noise."""
    low = log_uniform(rng, 80.0, 400.0)
    grains = bubble_grains(
        rng, span, 40, low, low * rng.uniform(4.0, 12.0), rise=0.4, lasting=log_uniform(rng, 1.0, 2.5)
    )
    starts = arrivals(rng, span, graded(rng, intensity, 27.0, 320.0), clusters=0.6)
    mix = unit_level(scatter(rng, span, grains, starts, 0.9))
    hiss_slope = rng.uniform(-6.0, -1.5)
    hiss = shaped_noise(rng, span, lambda f: tilt(f, hiss_slope, 400.0) * high_pass(f, 60.0, 1.0) * uneven(rng, f, 2.0))
    hiss = hiss * np.exp(rng.uniform(0.2, 0.7) * wander(rng, span, log_uniform(rng, 6.0, 30.0)))
    return mix + log_uniform(rng, 0.05, 0.8) * hiss


def _blubs(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    """Single big bubbles: a tone that slides up and breaks off."""
    mix = span.silence()
    rate = graded(rng, intensity, 0.54, 6.8)
    base, reach = log_uniform(rng, 90.0, 500.0), rng.uniform(1.5, 6.0)
    for start in occasions(rng, span, rate, regular=rng.uniform(0.0, 0.9))[:60].tolist():
        own = span.part(log_uniform(rng, 0.04, 0.25))
        part = own.times() / own.seconds
        pitch = base * log_uniform(rng, 0.7, 1.5) * reach ** (part ** rng.uniform(0.8, 2.0))
        angle = 2 * np.pi * np.cumsum(np.minimum(pitch, 0.45 * span.sample_rate)) / span.sample_rate
        shape = part ** rng.uniform(0.1, 1.2) * (1 - part) ** rng.uniform(0.3, 1.5)
        blub = np.sin(angle) + rng.uniform(0.0, 0.4) * np.sin(2 * angle) + rng.uniform(0.0, 0.2) * np.sin(3 * angle)
        add_at(mix, start, (blub * shape).astype(np.float32), log_uniform(rng, 0.3, 1.0))
    return mix + (0.0 if rng.random() < 0.5 else 0.05) * _murk(rng, span)


def _deep(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    """Far below the surface: a dull rumble with a few muffled bubbles."""
    grains = bubble_grains(rng, span, 20, 60.0, log_uniform(rng, 300.0, 800.0), rise=0.5, lasting=2.0)
    starts = arrivals(rng, span, graded(rng, intensity, 2.8, 56.0), clusters=1.0)
    bubbles = unit_level(scatter(rng, span, grains, starts, 0.7))
    corner = log_uniform(rng, 150.0, 700.0)
    mix = bubbles + log_uniform(rng, 0.2, 1.2) * _murk(rng, span) * np.exp(0.4 * wander(rng, span, 4.0))
    return coloured(mix.astype(np.float32), span.sample_rate, lambda f: low_pass(f, corner, 2.5))


def _fizz(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    """A dense cloud of small bubbles."""
    low = log_uniform(rng, 300.0, 1500.0)
    grains = bubble_grains(rng, span, 40, low, 8000.0, rise=0.4, lasting=log_uniform(rng, 1.0, 4.0))
    starts = arrivals(rng, span, graded(rng, intensity, 33.0, 420.0), clusters=rng.uniform(0.2, 1.0))
    return unit_level(scatter(rng, span, grains, starts, 0.6)) + log_uniform(rng, 0.005, 0.1) * _murk(rng, span)


def _gurgle(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    """Water glugging out of a bottle or down a drain: a steady beat of low resonant pulses."""
    grains = bubble_grains(rng, span, 12, log_uniform(rng, 120.0, 400.0), 900.0, rise=0.5, lasting=2.5)
    mix = span.silence()
    beat = graded(rng, intensity, 3.9, 14.0)
    starts = np.cumsum(rng.gamma(12.0, 1 / (12.0 * beat), size=int(span.seconds * beat * 1.3) + 1)) * span.sample_rate
    for start in starts.astype(np.int64).tolist():
        add_at(mix, start, grains[int(rng.integers(0, 12))], log_uniform(rng, 0.3, 1.0))
    return unit_level(mix) + log_uniform(rng, 0.02, 0.3) * _murk(rng, span)


def waterfall_burbling(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    """Return a brook, river, fall or fountain; intensity turns separate burbles into a dense roar."""
    bubbles, rush = ((1.0, 0.25), (0.6, 0.6), (0.12, 1.0), (0.4, 0.8))[int(rng.choice(4, p=(0.28, 0.27, 0.3, 0.15)))]
    mix = rush * graded(rng, intensity, 0.25, 3.0) * _rush(rng, intensity, span)
    mix += bubbles * log_uniform(rng, 0.7, 1.4) * _burbles(rng, intensity, span)
    if rng.random() < 0.6 * intensity:
        low = shaped_noise(rng, span, lambda f: low_pass(f, 180.0, 1.5) * high_pass(f, 30.0, 1.0))
        mix += graded(rng, intensity, 0.1, 1.5) * low * np.exp(0.3 * wander(rng, span, 4.0))
    return mix * np.exp(rng.uniform(0.0, 0.15) * wander(rng, span, 0.8))


def _rush(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    """Broadband falling water, weighted to the low middle and uneven in small cells of time and frequency."""
    # The higher the fall, the lower the roar, and the finer its grain.
    centre, width = log_uniform(rng, 0.7, 1.4) / graded(rng, intensity, 1 / 3500.0, 1 / 350.0), rng.uniform(1.0, 2.6)
    slope, spread = rng.uniform(-4.5, 1.0), 0.07 / graded(rng, intensity, 0.1, 0.8)
    start, corner = log_uniform(rng, 40.0, 500.0), log_uniform(rng, 3000.0, 20_000.0)

    def gain(t: Samples, f: Samples) -> Samples:
        smooth = (0.15 + bell(f, centre, width)) * tilt(f, slope) * high_pass(f, start, 1.0) * low_pass(f, corner, 1.0)
        grains = speckle(rng, (t.shape[0], f.shape[1]), time_cells=2, bin_cells=5, spread=spread)
        return smooth * uneven(rng, f[0], 1.5) * grains

    return unit_level(texture(rng, span, gain))


def _burbles(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    low = log_uniform(rng, 250.0, 900.0)
    grains = bubble_grains(
        rng, span, 40, low, low * rng.uniform(3.0, 12.0), rise=0.15, lasting=log_uniform(rng, 0.8, 2.5)
    )
    rate = min(500.0, graded(rng, intensity, 22.0, 460.0))
    starts: NDArray[np.int64] = arrivals(rng, span, rate, clusters=rng.uniform(0.0, 0.7))
    return unit_level(scatter(rng, span, grains, starts, rng.uniform(0.6, 1.1)))


def waves(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    """Return breakers that swell, crash and run out; intensity makes them brighter."""
    mix = graded(rng, 1.15 - intensity, 0.01, 0.25) * _sea(rng, span)
    if span.seconds < 3.5:
        starts, period = np.array([rng.uniform(-0.1, 0.15)]), span.seconds * rng.uniform(0.8, 1.2)
    else:
        period = rng.uniform(2.5, 9.0)
        beats = np.arange(-1.0, span.seconds / period + 1.0) + rng.uniform(0.0, 1.0)
        starts = period * (beats + rng.normal(0.0, 0.1, size=beats.size))
    lead = int(10 * span.sample_rate)
    for start in starts.tolist():
        length = period * rng.uniform(0.9, 1.5)
        wave = _breaker(rng, Span(int(length * span.sample_rate) + 32, span.sample_rate), intensity)
        padded = int(start * span.sample_rate)
        wave = wave[max(0, -padded) :] if padded > -lead else wave[:0]
        add_at(mix, max(0, padded), wave, log_uniform(rng, 0.35, 1.0))
    return mix


def _sea(rng: np.random.Generator, span: Span) -> Samples:
    slope = rng.uniform(-6.0, -1.5)
    return shaped_noise(rng, span, lambda f: tilt(f, slope) * high_pass(f, 40.0, 1.0) * uneven(rng, f, 1.5))


def _breaker(rng: np.random.Generator, span: Span, intensity: float) -> Samples:
    crest = span.seconds * rng.uniform(0.15, 0.55)
    rise, fall = crest * rng.uniform(0.2, 0.5), (span.seconds - crest) * graded(rng, intensity, 0.1, 0.45)
    dark, bright = log_uniform(rng, 200.0, 700.0), graded(rng, intensity, 1300.0, 14000.0)
    slope, spread = rng.uniform(-4.0, -0.5), rng.uniform(0.0, 0.6)
    foam, foam_level = log_uniform(rng, 2500.0, 9000.0), graded(rng, intensity, 0.1, 1.5)

    def gain(t: Samples, f: Samples) -> Samples:
        level = np.where(t < crest, np.exp(-0.5 * ((t - crest) / rise) ** 2), np.exp(-(t - crest) / fall))
        body = low_pass(f, dark + bright * level, 1.2) * tilt(f, slope) * level
        late = np.clip((t - 0.6 * crest) / (span.seconds - 0.6 * crest), 0.0, 1.0)
        run_out = foam_level * bell(f, foam, 0.9) * np.sin(np.pi * np.sqrt(late)) ** 2 * tilt(f, slope)
        grains = speckle(rng, (t.shape[0], f.shape[1]), time_cells=2, bin_cells=5, spread=spread)
        return (body + run_out) * high_pass(f, 50.0, 1.0) * grains

    wave = texture(rng, span, gain, frame_seconds=0.04)
    edge = np.minimum(1.0, np.minimum(np.arange(wave.size), np.arange(wave.size)[::-1]) / (0.1 * wave.size))
    return wave * edge.astype(np.float32) / (np.abs(wave).max() + 1e-9)
