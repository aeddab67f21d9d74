"""From the scene to the file: room and distance, microphone, converter, codec and gain."""

import numpy as np

from sonicdiffusion.soundscapes.sound.noise import (
    Samples,
    Span,
    coloured,
    fast_length,
    high_pass,
    log_uniform,
    low_pass,
    shaped_noise,
    tilt,
    uneven,
    unit_level,
)


def room(rng: np.random.Generator, samples: Samples, sample_rate: int) -> Samples:
    """Place a dry sound in a room or a valley, at some distance.

    Half of all recordings stay dry. Rooms are decaying noise whose high frequencies die first, open country
    is a few dull echoes; distance takes high frequencies away, as the absorption of air does.
    """
    if rng.random() < 0.5:
        return samples
    span = Span(max(64, int(min(log_uniform(rng, 0.08, 1.8), samples.size / sample_rate) * sample_rate)), sample_rate)
    times = span.times()
    decay, wet = span.seconds / rng.uniform(3.0, 7.0), log_uniform(rng, 0.03, 0.7)
    if rng.random() < 0.65:
        late = shaped_noise(rng, span, lambda f: tilt(f, -4.0, 800.0)) * np.exp(-times / decay)
    else:
        late = span.silence()
        where = rng.integers(0, span.samples, size=int(rng.integers(2, 9)))
        np.add.at(late, where, rng.standard_normal(where.size).astype(np.float32))
        late *= np.exp(-times / (2 * decay))
    late *= np.float32(wet / (np.sqrt(np.sum(late * late)) + 1e-9))
    late[0] += 1.0
    size = fast_length(samples.size + span.samples)
    response = np.fft.rfft(late, size)
    if rng.random() < 0.4:
        frequencies = np.arange(size // 2 + 1, dtype=np.float32) * np.float32(sample_rate / size)
        response = response * low_pass(frequencies, log_uniform(rng, 700.0, 7000.0), 0.6)
    return np.fft.irfft(np.fft.rfft(samples, size) * response, size)[: samples.size]


def microphone(rng: np.random.Generator, samples: Samples, sample_rate: int) -> Samples:
    """Colour the sound as microphones and loudspeakers do, and add the noise of the electronics."""
    bass = log_uniform(rng, 20.0, 150.0) if rng.random() < 0.8 else log_uniform(rng, 150.0, 350.0)
    treble = log_uniform(rng, 7000.0, 24_000.0) if rng.random() < 0.75 else log_uniform(rng, 2800.0, 7000.0)
    wiggle, slope = rng.uniform(0.3, 3.0), rng.normal(0.0, 1.0)
    steep, soft = rng.uniform(1.0, 4.0), rng.uniform(1.0, 10.0)
    heard = coloured(
        samples,
        sample_rate,
        lambda f: (
            high_pass(f, bass, steep) * low_pass(f, treble, soft) * tilt(f, slope, 1000.0) * uneven(rng, f, wiggle)
        ),
    )
    if rng.random() < 0.6:
        loudness = float(np.abs(heard).max()) * 10 ** (rng.uniform(-90.0, -42.0) / 20)
        hiss_slope = rng.uniform(-3.0, 1.0)
        heard = heard + loudness * shaped_noise(
            rng, Span(samples.size, sample_rate), lambda f: tilt(f, hiss_slope, 500.0)
        )
    return heard


def converter(rng: np.random.Generator, samples: Samples, sample_rate: int) -> Samples:
    """Pass the sound through one of the converters and codecs that recordings have seen, or through none."""
    samples = samples / np.float32(np.abs(samples).max() + 1e-9)
    if rng.random() < 0.15:
        drive = log_uniform(rng, 1.2, 5.0)
        samples = np.tanh(drive * samples)
    kind = int(rng.choice(6, p=(0.5, 0.13, 0.08, 0.17, 0.06, 0.06)))
    if kind == 1:
        return _low_rate(rng, samples, sample_rate)
    if kind == 2:
        return _few_bits(rng, samples)
    if kind == 3:
        return _band_holes(rng, samples, sample_rate)
    if kind == 4:
        return _telephone(rng, samples, sample_rate)
    if kind == 5:
        return _adaptive_steps(rng, samples, sample_rate)
    return samples


def _low_rate(rng: np.random.Generator, samples: Samples, sample_rate: int) -> Samples:
    """Down to 8 to 22 kHz and back, cleanly or with the images of repeated samples."""
    rate = float(rng.choice((8000.0, 11_025.0, 11_025.0, 12_000.0, 22_050.0)))
    if rate >= sample_rate:
        return samples
    limited = coloured(samples, sample_rate, lambda f: low_pass(f, 0.46 * rate, 16.0))
    if rng.random() < 0.7:
        return limited
    steps = np.floor(np.arange(samples.size) * (rate / sample_rate)) * (sample_rate / rate)
    return limited[np.minimum(steps.astype(np.int64), samples.size - 1)]


def _few_bits(rng: np.random.Generator, samples: Samples) -> Samples:
    levels = float(2 ** rng.integers(6, 9))
    return np.round(samples * levels) / np.float32(levels)


def _telephone(rng: np.random.Generator, samples: Samples, sample_rate: int) -> Samples:
    top = min(3400.0, 0.45 * sample_rate)
    narrow = coloured(samples, sample_rate, lambda f: low_pass(f, top, 8.0) * high_pass(f, 250.0, 4.0))
    narrow = narrow / (np.abs(narrow).max() + 1e-9)
    squeezed = np.sign(narrow) * np.log1p(255.0 * np.abs(narrow)) / np.log(256.0)
    squeezed = np.round(squeezed * 100.0 + rng.uniform(-0.3, 0.3)) / 100.0
    return (np.sign(squeezed) * np.expm1(np.abs(squeezed) * np.log(256.0)) / 255.0).astype(np.float32)


def _adaptive_steps(rng: np.random.Generator, samples: Samples, sample_rate: int) -> Samples:
    """Noise that follows the level of each short block, as ADPCM leaves it."""
    block = max(8, int(0.005 * sample_rate))
    blocks = np.abs(np.pad(samples, (0, -samples.size % block)).reshape(-1, block)).mean(axis=1)
    local = np.repeat(blocks, block)[: samples.size]
    grain = rng.standard_normal(samples.size, dtype=np.float32) * log_uniform(rng, 0.02, 0.15)
    return samples + local * coloured(grain, sample_rate, lambda f: high_pass(f, 1500.0, 1.0))


def _band_holes(rng: np.random.Generator, samples: Samples, sample_rate: int) -> Samples:
    """Drop what is weak beside its frame's loudest parts and all above a limit, as perceptual codecs do."""
    hop = max(32, int(0.012 * sample_rate))
    window = np.sin(np.pi * (np.arange(2 * hop, dtype=np.float32) + 0.5) / (2 * hop)).astype(np.float32)
    padded = np.pad(samples, (hop, 2 * hop - samples.size % hop))
    rows = padded.reshape(-1, hop)
    spectrum = np.fft.rfft(np.concatenate([rows[:-1], rows[1:]], axis=1) * window, axis=1)
    size = np.abs(spectrum)
    limit = size.max(axis=1, keepdims=True) * 10 ** (rng.uniform(-60.0, -28.0) / 20)
    frequencies = np.arange(hop + 1) * (sample_rate / (2 * hop))
    kept = (size > limit) & (frequencies < log_uniform(rng, 5500.0, 18_000.0))
    pieces = np.fft.irfft(spectrum * kept, 2 * hop, axis=1) * window
    joined = pieces[1:, :hop] + pieces[:-1, hop:]
    return joined.reshape(-1)[: samples.size]


def recording_gain(rng: np.random.Generator, samples: Samples) -> Samples:
    """Scale to a random level of -30 to 0 decibels, judged by peak and power alike, without clipping."""
    peak = float(np.abs(samples).max())
    if peak < 1e-9:  # a codec swallowed everything: leave the faintest audible trace
        return (1e-4 * unit_level(rng.standard_normal(samples.size))).astype(np.float32)
    power = float(np.sqrt(np.mean(samples * samples)))
    gain = 10 ** (rng.uniform(-30.0, 0.0) / 20) / np.sqrt(peak * 4 * power)
    return (samples * np.float32(min(gain, 0.999 / peak))).astype(np.float32)
