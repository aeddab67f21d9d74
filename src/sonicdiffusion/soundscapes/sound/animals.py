"""Birds and insects."""

import numpy as np

from sonicdiffusion.soundscapes.sound.noise import (
    Samples,
    Span,
    add_at,
    arch,
    bell,
    coloured,
    fade,
    gliding_phase,
    graded,
    harmonic_tone,
    high_pass,
    log_uniform,
    low_pass,
    occasions,
    shaped_noise,
    sine,
    tilt,
    unit_level,
    wander,
)


def birds(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    """Return calls and songs of one to several birds; intensity adds singers and phrases."""
    mix = span.silence()
    singers = round(graded(rng, intensity, 1.0, 5.0))
    for singer in range(singers):
        level = 1.0 if singer == 0 else log_uniform(rng, 0.05, 0.8)
        mix += level * _singer(rng, intensity, span)
    return mix


def _singer(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    """Return one bird repeating its phrase with small changes."""
    mix = span.silence()
    make = (_song, _trill, _gull, _caw, _hoot, _screech, _whistle)[
        int(rng.choice(7, p=(0.36, 0.22, 0.09, 0.07, 0.06, 0.1, 0.1)))
    ]
    phrase = make(rng, span)
    rate = graded(rng, intensity, 0.15, 1.9)
    starts = occasions(rng, span, rate, regular=rng.uniform(0.0, 0.8))
    free = 0
    for start in starts.tolist():
        if start < free:  # one bird has one beak
            continue
        if rng.random() < 0.3:
            phrase = make(rng, span) if rng.random() < 0.25 else phrase
        add_at(mix, start, phrase, log_uniform(rng, 0.5, 1.0))
        free = start + phrase.size
    return mix


def _syllable(
    rng: np.random.Generator, rate: int, seconds: float, pitch: Samples, harmonics: float, sharpness: float
) -> Samples:
    """Return one whistled note that follows `pitch`, shape (points,), resampled to its length."""
    span = Span(max(64, int(seconds * rate)), rate)
    where = np.linspace(0.0, pitch.size - 1.0, span.samples)
    line = np.interp(where, np.arange(pitch.size), pitch)
    phase = gliding_phase(line, span)
    tone = sine(phase)
    if harmonics > 0.01:
        for order in (2, 3):
            audible = (order * line < 0.45 * rate).astype(np.float32)
            tone = tone + harmonics / (order - 1) * audible * sine(np.mod(order * phase, 1.0))
    part = np.linspace(0.0, 1.0, span.samples, dtype=np.float32)
    shape = arch(part, rng.uniform(0.5, 1.6), sharpness)
    return (tone * shape).astype(np.float32)


def _contour(rng: np.random.Generator, base: float, reach: float) -> Samples:
    """Return a pitch line in hertz: rising, falling, arched, warbled or steady."""
    part = np.linspace(0.0, 1.0, 24)
    kind = int(rng.integers(0, 5))
    shape = (
        part - 0.5,
        0.5 - part,
        1 - 4 * (part - 0.5) ** 2,
        np.sin(2 * np.pi * rng.uniform(1.0, 4.0) * part + rng.uniform(0.0, 6.0)),
        0.15 * np.sin(2 * np.pi * part),
    )[kind]
    return (base * 2.0 ** (reach * shape)).astype(np.float32)


def _song(rng: np.random.Generator, span: Span) -> Samples:
    """A phrase of several different notes, as of thrush, wren, finch or sparrow."""
    mix = span.part(rng.uniform(0.15, 2.2)).silence()
    centre, reach = log_uniform(rng, 1800.0, 6500.0), rng.uniform(0.1, 0.9)
    harmonics = rng.uniform(0.05, 0.4) if rng.random() < 0.35 else 0.0
    pace = log_uniform(rng, 0.03, 0.25)
    kinds = [_contour(rng, centre * 2.0 ** rng.normal(0.0, 0.25), reach) for _ in range(int(rng.integers(1, 6)))]
    place = 0
    while place < mix.size - 200:
        kind = kinds[int(rng.integers(0, len(kinds)))]
        length = pace * rng.uniform(0.6, 1.5)
        for _ in range(int(rng.integers(1, 4))):
            note = _syllable(rng, span.sample_rate, length, kind, harmonics, rng.uniform(0.4, 1.5))
            add_at(mix, place, note, log_uniform(rng, 0.4, 1.0))
            place += int((length + pace * rng.uniform(0.05, 1.2)) * span.sample_rate)
    return fade(mix, span.sample_rate, 0.003, 0.02)


def _trill(rng: np.random.Generator, span: Span) -> Samples:
    """One note repeated fast, or one long note with fast vibrato."""
    own = span.part(rng.uniform(0.2, 2.0))
    centre, speed = log_uniform(rng, 1800.0, 7000.0), log_uniform(rng, 6.0, 45.0)
    beat = np.mod(own.times() * speed, 1.0)
    depth, form = rng.uniform(0.05, 0.5), int(rng.integers(0, 3))
    move = (beat - 0.5, 0.5 - beat, 0.5 * np.sin(2 * np.pi * beat))[form]
    drift = rng.uniform(-0.3, 0.3) * own.times() / own.seconds
    phase = gliding_phase(centre * 2.0 ** (depth * move + drift), own)
    gate = arch(beat, 1.0, rng.uniform(0.3, 2.0)) if rng.random() < 0.7 else 1.0
    return fade((sine(phase) * gate).astype(np.float32), span.sample_rate, rng.uniform(0.01, 0.2), 0.05)


def _whistle(rng: np.random.Generator, span: Span) -> Samples:
    """A few drawn-out notes, pure or fluting with overtones: blackbird, oriole, plover, kite."""
    mix = span.part(rng.uniform(0.5, 1.8)).silence()
    centre, overtones = log_uniform(rng, 800.0, 4000.0), rng.uniform(0.0, 0.6)
    place = 0
    while place < mix.size - 200:
        length = rng.uniform(0.2, 1.0)
        line = _contour(rng, centre * 2.0 ** rng.normal(0.0, 0.2), rng.uniform(0.05, 0.6))
        add_at(mix, place, _syllable(rng, span.sample_rate, length, line, overtones, rng.uniform(0.2, 0.8)))
        place += int(length * rng.uniform(1.05, 1.6) * span.sample_rate)
    return fade(mix, span.sample_rate, 0.005, 0.03)


def _voiced(
    rng: np.random.Generator, span: Span, pitch: Samples, formants: int, rough: float, brightness: float
) -> Samples:
    """Return a tone with harmonics and a rough, breathy voice: gulls, crows, hawks, geese, parrots."""
    rasp = 1 + rough * wander(rng, span, log_uniform(rng, 60.0, 200.0))
    phase = gliding_phase(pitch * (1 + 0.02 * rough * wander(rng, span, 90.0)), span)
    count = max(1, int(0.45 * span.sample_rate / float(pitch.max())))
    orders = np.arange(1, min(count, 60) + 1, dtype=np.float64)
    middle = float(np.median(pitch))
    weights = orders**-brightness
    for _ in range(formants):
        weights = weights * (0.3 + 1.5 * bell(orders * middle, log_uniform(rng, 900.0, 4500.0), 0.35))
    tone = unit_level(harmonic_tone(phase, weights) * rasp)
    centre = log_uniform(rng, 1500.0, 4000.0)
    breath = shaped_noise(rng, span, lambda f: bell(f, centre, 0.8))
    return tone + rough * rng.uniform(0.1, 0.9) * breath


def _calls(rng: np.random.Generator, span: Span, length: float, count: int, one: Samples) -> Samples:
    """Return `one` call repeated `count` times with a short gap."""
    gap = int((length * rng.uniform(1.1, 2.2)) * span.sample_rate)
    mix = Span(min(span.samples, gap * count + one.size), span.sample_rate).silence()
    for index in range(count):
        add_at(mix, index * gap, one, rng.uniform(0.6, 1.0))
    return mix


def _gull(rng: np.random.Generator, span: Span) -> Samples:
    own = span.part(rng.uniform(0.2, 0.7))
    part = own.times() / own.seconds
    base = log_uniform(rng, 600.0, 1500.0)
    pitch = base * (1 + rng.uniform(0.2, 0.8) * np.sin(np.pi * part**0.6)) * (1 - 0.25 * part)
    call = _voiced(rng, own, pitch.astype(np.float32), 2, rng.uniform(0.05, 0.3), 0.8)
    return _calls(rng, span, own.seconds, int(rng.integers(1, 7)), fade(call, span.sample_rate, 0.03, 0.1))


def _caw(rng: np.random.Generator, span: Span) -> Samples:
    own = span.part(rng.uniform(0.12, 0.45))
    part = own.times() / own.seconds
    pitch = log_uniform(rng, 250.0, 650.0) * (1 + 0.2 * np.sin(np.pi * part))
    call = _voiced(rng, own, pitch.astype(np.float32), 3, rng.uniform(0.3, 0.9), 0.4)
    return _calls(rng, span, own.seconds, int(rng.integers(1, 6)), fade(call, span.sample_rate, 0.02, 0.08))


def _hoot(rng: np.random.Generator, span: Span) -> Samples:
    """Owl, dove or cuckoo: soft low notes."""
    base = log_uniform(rng, 280.0, 800.0)
    mix = span.part(rng.uniform(1.0, 2.5)).silence()
    place = 0
    for _ in range(int(rng.integers(1, 6))):
        length = rng.uniform(0.12, 0.6)
        pitch = base * rng.choice((1.0, 1.0, 1.2, 0.8)) * (1 + 0.06 * np.sin(np.pi * np.linspace(0, 1, 16)))
        note = _syllable(rng, span.sample_rate, length, pitch.astype(np.float32), 0.12, 0.8)
        add_at(mix, place, note)
        place += int((length + rng.uniform(0.05, 0.4)) * span.sample_rate)
    return mix


def _screech(rng: np.random.Generator, span: Span) -> Samples:
    """Hawk, vulture, parrot, jay: a long hoarse cry."""
    own = span.part(rng.uniform(0.2, 1.3))
    part = own.times() / own.seconds
    pitch = log_uniform(rng, 450.0, 3200.0) * 2.0 ** (rng.uniform(-0.9, 0.4) * part)
    call = _voiced(rng, own, pitch.astype(np.float32), 1, log_uniform(rng, 0.2, 2.5), rng.uniform(0.3, 1.0))
    return _calls(
        rng, span, own.seconds, int(rng.integers(1, 4)), fade(call, span.sample_rate, 0.03, 0.2 * own.seconds)
    )


def crickets(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    """Return chirping, rasping and buzzing insects; intensity adds insects and quickens them."""
    model = int(rng.choice(5, p=(0.27, 0.13, 0.15, 0.13, 0.32)))
    make = (_chirper, _chorus, _rasp, _cicada, _flier)[model]
    mix = make(rng, intensity, span)
    if model in (0, 2, 4):
        for _ in range(round(graded(rng, intensity, 1.0, 4.0)) - 1):
            mix = mix + log_uniform(rng, 0.2, 0.9) * make(rng, intensity, span)
    return mix


def _pulses(rng: np.random.Generator, span: Span, speed: float, duty: float, jitter: float) -> Samples:
    """Return an on-off envelope of rounded pulses, `speed` a second."""
    beat = span.times() * speed + jitter * wander(rng, span, 3.0) + rng.uniform(0.0, 1.0)
    part = np.mod(beat, 1.0) / duty
    return arch(part, 1.0, rng.uniform(0.4, 1.5))


def _chirper(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    """A field or tree cricket: pulses of a pure tone, grouped in chirps or without end."""
    centre = log_uniform(rng, 2300.0, min(7000.0, 0.42 * span.sample_rate))
    tone = sine(gliding_phase(centre * (1 + 0.01 * wander(rng, span, 2.0)), span))
    if centre * 2 < 0.45 * span.sample_rate:
        tone += rng.uniform(0.0, 0.3) * sine(gliding_phase(2 * centre + 0 * tone, span))
    pulse_rate = log_uniform(rng, 14.0, 70.0)
    envelope = _pulses(rng, span, pulse_rate, rng.uniform(0.4, 0.9), 0.05)
    if rng.random() < 0.75:
        chirp_rate = graded(rng, intensity, 0.48, 6.0)
        envelope = envelope * (_pulses(rng, span, chirp_rate, rng.uniform(0.15, 0.7), 0.15) > 0.1)
    return unit_level(tone * envelope + 1e-6)


def _chorus(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    """A field of insects at night: several narrow bands that shimmer."""
    mix = span.silence()
    for _ in range(int(rng.integers(1, 4)) + int(3 * intensity)):
        centre, width = log_uniform(rng, 2300.0, 8000.0), log_uniform(rng, 0.02, 0.15)
        base = shaped_noise(rng, span, lambda f, centre=centre, width=width: bell(f, centre, width))
        shimmer = _pulses(rng, span, log_uniform(rng, 4.0, 60.0), rng.uniform(0.5, 1.0), 0.3)
        mix += log_uniform(rng, 0.2, 1.0) * base * (rng.uniform(0.0, 0.8) + shimmer)
    return mix


def _rasp(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    """A grasshopper or katydid: bright scratches in bursts."""
    centre, width = log_uniform(rng, 3000.0, 10_000.0), rng.uniform(0.1, 0.5)
    base = shaped_noise(rng, span, lambda f: bell(f, centre, width))
    envelope = _pulses(rng, span, log_uniform(rng, 15.0, 90.0), rng.uniform(0.3, 0.8), 0.1)
    bursts = _pulses(rng, span, graded(rng, intensity, 0.55, 7.2), rng.uniform(0.3, 0.8), 0.1)
    return base * envelope * bursts


def _cicada(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    """A drawn-out buzz of a few kilohertz that swells."""
    centre, width = log_uniform(rng, 2800.0, 8500.0), rng.uniform(0.1, 0.45)
    base = shaped_noise(rng, span, lambda f: bell(f, centre, width) + 0.15 * bell(f, 0.5 * centre, 0.3))
    buzz = 1 + rng.uniform(0.3, 1.0) * np.sin(2 * np.pi * log_uniform(rng, 60.0, 350.0) * span.times())
    swell = np.exp(rng.uniform(0.1, 0.9) * wander(rng, span, graded(rng, intensity, 0.2, 3.0)))
    return base * buzz * swell


def _flier(rng: np.random.Generator, intensity: float, span: Span) -> Samples:
    """Bee, hornet, fly or mosquito: the beat of wings, passing or hovering."""
    mix = span.silence()
    base = log_uniform(rng, 110.0, 650.0)
    for _ in range(1 if rng.random() < 0.5 else int(rng.integers(2, 7))):
        pitch = base * 2.0 ** rng.normal(0.0, 0.12)
        wobble = rng.uniform(0.005, 0.05) * wander(rng, span, log_uniform(rng, 0.7, 6.0))
        phase = gliding_phase(pitch * 2.0**wobble, span)
        orders = np.arange(1, min(60, int(0.42 * span.sample_rate / pitch)) + 1, dtype=np.float64)
        slope, formant = rng.uniform(0.2, 1.4), log_uniform(rng, 300.0, 3500.0)
        weights = (
            orders**-slope * (0.4 + 2.0 * bell(orders * pitch, formant, 0.8)) * np.exp(rng.normal(0, 0.5, orders.size))
        )
        near = np.exp(rng.uniform(0.1, 1.0) * wander(rng, span, graded(rng, intensity, 0.22, 4.0)))
        mix += log_uniform(rng, 0.2, 1.0) * unit_level(harmonic_tone(phase, weights)) * near
    corner = log_uniform(rng, 2000.0, 16_000.0)
    rush = shaped_noise(rng, span, lambda f: tilt(f, -3.0) * high_pass(f, 100.0, 1.0))
    rush = rush * np.exp(0.3 * wander(rng, span, 8.0))
    mix = unit_level(mix) + log_uniform(rng, 0.02, 1.0) * rush
    return coloured(mix.astype(np.float32), span.sample_rate, lambda f: low_pass(f, corner, 1.0))
