"""Which function makes the sound of which event."""

from collections.abc import Callable

import numpy as np

from sonicdiffusion.errors import ConfigError
from sonicdiffusion.soundscapes.scene import Event
from sonicdiffusion.soundscapes.sound import animals, fire_and_blasts, splashes, water, weather
from sonicdiffusion.soundscapes.sound.noise import Samples, Span
from sonicdiffusion.values import Waveform

EVENT_SOUNDS: dict[str, Callable[[np.random.Generator, float, Span], Samples]] = {
    "explosion": fire_and_blasts.explosion,
    "fire_crackling": fire_and_blasts.fire_crackling,
    "raining": weather.raining,
    "splashing_water": splashes.splashing_water,
    "squishing_water": splashes.squishing_water,
    "thunder": weather.thunder,
    "underwater_bubbling": water.underwater_bubbling,
    "waterfall_burbling": water.waterfall_burbling,
    "wind_noise": weather.wind_noise,
    "birds": animals.birds,
    "waves": water.waves,
    "crickets": animals.crickets,
}


def event_samples(event: Event, rng: np.random.Generator, span: Span) -> Samples:
    """Return the dry sound of an event, float32, peak 1, shape (samples,)."""
    sound = np.nan_to_num(EVENT_SOUNDS[event.name](rng, event.intensity, span)).astype(np.float32)
    peak = float(np.abs(sound).max())
    if peak < 1e-12:
        return (0.5 * rng.standard_normal(span.samples)).astype(np.float32).clip(-1, 1)
    return sound / np.float32(peak)


def event_clip(
    name: str, intensity: float, rng: np.random.Generator, duration_seconds: float, sample_rate: int
) -> Waveform:
    """Return an event alone: dry, without background, room, microphone or codec.

    Args:
        name: one of `EVENTS`.
        intensity: density and force of the event, in (0, 1].
        rng: decides everything else; equal states give equal clips.
        duration_seconds: length of the clip.
        sample_rate: samples a second, in hertz, 8000 to 48000.

    Raises:
        ConfigError: if the name is unknown or a number is out of range.
    """
    return Waveform(event_samples(Event(name, intensity), rng, check_span(duration_seconds, sample_rate)), sample_rate)


def check_span(duration_seconds: float, sample_rate: int) -> Span:
    """Return the span of a clip.

    Raises:
        ConfigError: if the duration or the rate is out of range.
    """
    if not 8000 <= sample_rate <= 48_000:
        raise ConfigError(f"Sounds are made at 8000 to 48000 samples a second, got {sample_rate}. Resample afterwards.")
    if not 0.25 <= duration_seconds <= 120.0:
        raise ConfigError(f"A clip lasts 0.25 to 120 seconds, got {duration_seconds}.")
    return Span(round(duration_seconds * sample_rate), sample_rate)
