"""Building blocks of synthetic sound: spans of time, shaped noise, slow curves and scattered grains."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft, signal

# Single precision for speed; a step may return double, the finished recording is single again.
Samples = NDArray[np.floating[Any]]
Curve = Callable[[Samples], Samples]


@dataclass(frozen=True)
class Span:
    """A stretch of time to be filled with sound.

    Args:
        samples: its length in samples.
        sample_rate: samples a second, in hertz.
    """

    samples: int
    sample_rate: int

    @property
    def seconds(self) -> float:
        return self.samples / self.sample_rate

    def times(self) -> Samples:
        """Return the time of each sample in seconds, shape (samples,)."""
        return np.arange(self.samples, dtype=np.float32) / np.float32(self.sample_rate)

    def part(self, seconds: float) -> "Span":
        """Return a span of this rate that lasts `seconds`, but no longer than this one."""
        return Span(int(np.clip(seconds * self.sample_rate, 32, max(self.samples, 32))), self.sample_rate)

    def silence(self) -> Samples:
        return np.zeros(self.samples, dtype=np.float32)


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a number whose logarithm is uniform between those of `low` and `high`."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def graded(rng: np.random.Generator, intensity: float, low: float, high: float) -> float:
    """Draw a number that grows geometrically with an event's intensity, from about `low` at 0.15 to `high` at 1.

    So the density and force of an event can be heard, whatever else a clip leaves to chance.
    """
    share = np.clip((intensity - 0.15) / 0.85 + rng.normal(0.0, 0.1), 0.0, 1.0)
    return float(low * (high / low) ** share)


def low_pass(frequencies: ArrayLike, corner: ArrayLike, order: float = 2.0) -> Samples:
    """Return a Butterworth low-pass magnitude; both arguments in hertz, broadcast against each other."""
    ratio = np.asarray(frequencies, np.float32) / np.asarray(corner, np.float32)
    return 1.0 / np.sqrt(1.0 + ratio ** np.float32(2 * order))


def high_pass(frequencies: ArrayLike, corner: ArrayLike, order: float = 2.0) -> Samples:
    """Return a Butterworth high-pass magnitude; both arguments in hertz, broadcast against each other."""
    ratio = np.asarray(corner, np.float32) / np.maximum(np.asarray(frequencies, np.float32), 1.0)
    return 1.0 / np.sqrt(1.0 + np.minimum(ratio, 1e4) ** np.float32(2 * order))


def bell(frequencies: ArrayLike, centre: ArrayLike, octaves: ArrayLike) -> Samples:
    """Return a bump around `centre` hertz whose standard deviation is `octaves`."""
    distance = np.log2(np.maximum(np.asarray(frequencies, np.float32), 1.0) / np.asarray(centre, np.float32))
    return np.exp(-0.5 * (distance / np.asarray(octaves, np.float32)) ** 2)


def tilt(frequencies: ArrayLike, decibels_per_octave: float, pivot: float = 200.0) -> Samples:
    """Return a spectral slope that is flat below `pivot` hertz."""
    octaves = np.log2(1.0 + np.asarray(frequencies, np.float32) / np.float32(pivot))
    return np.float32(10.0) ** (octaves * np.float32(decibels_per_octave / 20.0))


def uneven(rng: np.random.Generator, frequencies: Samples, decibels: float) -> Samples:
    """Return a smooth random magnitude over log-frequency that deviates by about `decibels`."""
    knots = np.geomspace(30.0, 24_000.0, 14)
    values = rng.normal(0.0, decibels, size=knots.size)
    return np.float32(10.0) ** (
        np.interp(np.log(np.maximum(frequencies, 20.0)), np.log(knots), values).astype(np.float32) / 20
    )


def unit_level(samples: Samples) -> Samples:
    """Scale to root mean square 1; silence stays silence."""
    return samples / np.float32(np.sqrt(np.mean(samples * samples)) + 1e-9)


def active_level(samples: Samples, sample_rate: int) -> float:
    """Return the root mean square of the louder moments: the 90th percentile over blocks of 50 ms."""
    block = max(1, min(samples.size, sample_rate // 20))
    power = np.square(samples[: samples.size // block * block]).reshape(-1, block).mean(axis=1)
    # A lone click in a long clip would fall below the percentile, so the mean has a say too.
    return float(np.sqrt(max(np.quantile(power, 0.9), power.mean(), 1e-20)))


def fast_length(samples: int) -> int:
    """Return the next length at which a real Fourier transform is fast."""
    return int(fft.next_fast_len(samples, real=True) or samples)


def _magnitudes(curve: Curve, size: int, sample_rate: int) -> Samples:
    """Evaluate `curve` on a fine logarithmic grid and interpolate it to the bins of a real transform."""
    knots = np.geomspace(8.0, 0.5 * sample_rate, 1024).astype(np.float32)
    frequencies = np.arange(size // 2 + 1) * (sample_rate / size)
    return np.interp(frequencies, knots, curve(knots)).astype(np.float32)


def shaped_noise(rng: np.random.Generator, span: Span, curve: Curve) -> Samples:
    """Return stationary Gaussian noise of level 1 whose magnitude is `curve` of the frequency in hertz."""
    size = fast_length(span.samples)
    parts = rng.standard_normal(2 * (size // 2 + 1), dtype=np.float32).view(np.complex64)
    spectrum = parts * _magnitudes(curve, size, span.sample_rate)
    spectrum[0] = 0.0
    return unit_level(np.fft.irfft(spectrum, size)[: span.samples])


def coloured(samples: Samples, sample_rate: int, curve: Curve) -> Samples:
    """Filter with the magnitude `curve` of the frequency in hertz, without delay."""
    size = fast_length(samples.size + sample_rate // 20)
    return np.fft.irfft(np.fft.rfft(samples, size) * _magnitudes(curve, size, sample_rate), size)[: samples.size]


def texture(
    rng: np.random.Generator,
    span: Span,
    gain: Callable[[Samples, Samples], Samples],
    *,
    frame_seconds: float = 0.024,
) -> Samples:
    """Return noise whose magnitude follows a function of time and frequency.

    Args:
        rng: decides everything that is left open.
        span: the time to fill.
        gain: maps times (frames, 1) in seconds and frequencies (1, bins) in hertz to magnitudes (frames,
            bins).
        frame_seconds: length of the half-overlapping frames: the resolution in time.
    """
    hop = max(16, int(frame_seconds * span.sample_rate) // 2)
    size = 2 * hop
    frames = span.samples // hop + 2
    times = (np.arange(frames, dtype=np.float32)[:, None] * hop) / np.float32(span.sample_rate)
    frequencies = np.arange(hop + 1, dtype=np.float32)[None, :] * np.float32(span.sample_rate / size)
    parts = rng.standard_normal((frames, 2 * (hop + 1)), dtype=np.float32).view(np.complex64)
    spectrum = parts * gain(times, np.maximum(frequencies, 1.0)).astype(np.float32)
    window = np.sin(np.pi * (np.arange(size, dtype=np.float32) + 0.5) / size).astype(np.float32)
    pieces = np.fft.irfft(spectrum, size, axis=1) * window
    joined = pieces[1:, :hop] + pieces[:-1, hop:]
    return joined.reshape(-1)[: span.samples] * np.float32(np.sqrt(size))


def speckle(
    rng: np.random.Generator, shape: tuple[int, int], *, time_cells: int, bin_cells: int, spread: float
) -> Samples:
    """Return log-normal gains of mean about 1 over (frames, bins), constant in cells: a grainy texture."""
    rows, columns = -(-shape[0] // time_cells), -(-shape[1] // bin_cells)
    cells = rng.standard_normal((rows, columns), dtype=np.float32)
    grown = np.repeat(np.repeat(cells, time_cells, axis=0), bin_cells, axis=1)
    return np.exp(spread * grown[: shape[0], : shape[1]] - 0.5 * spread**2)


def wander(rng: np.random.Generator, span: Span, rate: float) -> Samples:
    """Return a smooth random curve, mean about 0 and variance about 1, that changes `rate` times a second."""
    points = int(np.ceil(span.seconds * rate)) + 4
    knots = rng.standard_normal(points)
    fine = (
        signal.resample_poly(knots, 8, 1)
        if points > 8
        else np.interp(np.arange(points * 8) / 8, np.arange(points), knots)
    )
    offset = rng.uniform(0.0, 1.0) + 1.0
    places = (np.arange(span.samples) * (rate / span.sample_rate) + offset) * 8
    return np.interp(places, np.arange(fine.size), fine).astype(np.float32)


def arrivals(rng: np.random.Generator, span: Span, rate: float, *, clusters: float = 0.0) -> NDArray[np.int64]:
    """Return sorted sample positions of random events, `rate` a second on average and at least one.

    Args:
        rng: decides everything that is left open.
        span: the time to fill.
        rate: events a second.
        clusters: 0 spreads them evenly; 1 and more gathers them in bursts.
    """
    count = max(1, int(rng.poisson(rate * span.seconds)))
    drawn = np.sort(rng.uniform(0.0, 1.0, size=count))
    if clusters > 0:
        weight = np.exp(clusters * rng.standard_normal(max(4, int(span.seconds * 12))))
        steps = np.concatenate([[0.0], np.cumsum(weight)])
        drawn = np.interp(drawn, steps / steps[-1], np.linspace(0.0, 1.0, steps.size))
    return np.minimum((drawn * span.samples).astype(np.int64), span.samples - 1)


def add_at(out: Samples, start: int, grain: Samples, gain: float = 1.0) -> None:
    """Add a grain to `out` from sample `start`, cut at the end."""
    end = min(out.size, start + grain.size)
    if end > start >= 0:
        out[start:end] += np.float32(gain) * grain[: end - start]


def scatter(
    rng: np.random.Generator, span: Span, grains: Sequence[Samples], starts: NDArray[np.int64], spread: float
) -> Samples:
    """Return randomly picked grains at the positions `starts`, their levels log-normal with `spread`."""
    out = span.silence()
    picks = rng.integers(0, len(grains), size=starts.size)
    gains = np.exp(spread * rng.standard_normal(starts.size))
    for start, pick, gain in zip(starts.tolist(), picks.tolist(), gains.tolist(), strict=True):
        add_at(out, start, grains[pick], gain)
    return out


def impulses(
    rng: np.random.Generator, span: Span, rate: float, *, spread: float = 0.8, clusters: float = 0.0
) -> Samples:
    """Return single-sample clicks of random sign and log-normal size, `rate` a second."""
    starts = arrivals(rng, span, rate, clusters=clusters)
    sizes = np.exp(spread * rng.standard_normal(starts.size)) * rng.choice((-1.0, 1.0), size=starts.size)
    return np.bincount(starts, weights=sizes, minlength=span.samples).astype(np.float32)


def resonance(samples: Samples, sample_rate: int, frequency: float, decay_seconds: float) -> Samples:
    """Let a resonator of that frequency and decay time (to 1/e) ring."""
    frequency = min(frequency, 0.45 * sample_rate)
    radius = np.exp(-1.0 / max(decay_seconds * sample_rate, 1.0))
    angle = 2 * np.pi * frequency / sample_rate
    return np.asarray(
        signal.lfilter([1.0 - radius], [1.0, -2 * radius * np.cos(angle), radius**2], samples), np.float32
    )


def harmonic_tone(phase: Samples, harmonics: Samples) -> Samples:
    """Return a periodic tone from its phase in cycles and the amplitudes of its harmonics."""
    size = 4096
    spectrum = np.zeros(size // 2 + 1, dtype=np.complex128)
    count = min(harmonics.size, size // 4)
    # Quadratic phases keep the peaks of many harmonics apart.
    spectrum[1 : count + 1] = harmonics[:count] * np.exp(1j * np.pi * np.arange(count) ** 2 / max(count, 1))
    table = np.fft.irfft(spectrum, size).astype(np.float32) * size / 2
    return table[(phase * size).astype(np.int64) % size]


def gliding_phase(frequency: ArrayLike, span: Span) -> Samples:
    """Return the phase in cycles of a tone whose frequency in hertz is given for each sample."""
    limited = np.clip(np.broadcast_to(frequency, span.samples), 0.0, 0.48 * span.sample_rate)
    return np.mod(np.cumsum(limited, dtype=np.float64) / span.sample_rate, 1.0).astype(np.float32)


def sine(phase: Samples) -> Samples:
    return np.sin(np.float32(2 * np.pi) * phase)


def fade(samples: Samples, sample_rate: int, rise_seconds: float, fall_seconds: float) -> Samples:
    """Fade in and out with raised cosines, in a copy."""
    out = samples.copy()
    rise = min(out.size, max(1, int(rise_seconds * sample_rate)))
    fall = min(out.size, max(1, int(fall_seconds * sample_rate)))
    out[:rise] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(rise, dtype=np.float32) / rise)
    out[-fall:] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(fall, dtype=np.float32) / fall)
    return out


def occasions(rng: np.random.Generator, span: Span, rate: float, *, regular: float = 0.0) -> NDArray[np.int64]:
    """Return where single happenings begin: the first near the start of a short span, anywhere in a long one.

    Args:
        rng: decides everything that is left open.
        span: the time to fill.
        rate: happenings a second.
        regular: 0 for random gaps, 1 for a steady beat.
    """
    period = 1.0 / rate
    lead = rng.uniform(0.0, 0.06) if span.seconds < 3.5 else rng.uniform(0.0, min(period, 0.5 * span.seconds))
    count = int(span.seconds / period * 2) + 2
    gaps = period * (regular + (1 - regular) * rng.gamma(2.0, 0.5, size=count)) * rng.uniform(0.9, 1.1, size=count)
    starts = lead + np.concatenate([[0.0], np.cumsum(gaps)])
    kept = starts[(starts < span.seconds * 0.92) | (np.arange(starts.size) == 0)]
    return (kept * span.sample_rate).astype(np.int64)


def arch(part: Samples, skew: float = 1.0, sharpness: float = 1.0) -> Samples:
    """Return a rounded rise and fall over `part` in [0, 1]; a skew below 1 puts the top early."""
    # The sine of a rounded pi can dip below zero, where powers are undefined.
    return np.maximum(np.sin(np.pi * np.clip(part, 0.0, 1.0) ** skew), 0.0).astype(np.float32) ** np.float32(sharpness)
