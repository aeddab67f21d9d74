"""The sound of a scene: its events and its background, recorded."""

import numpy as np

from sonicdiffusion.soundscapes.scene import Event, Scene
from sonicdiffusion.soundscapes.sound.ambience import ambience
from sonicdiffusion.soundscapes.sound.events import check_span, event_samples
from sonicdiffusion.soundscapes.sound.noise import Samples, Span, active_level, log_uniform
from sonicdiffusion.soundscapes.sound.recording import converter, microphone, recording_gain, room
from sonicdiffusion.values import Waveform

# How often a clip of each event is a short recording that repeats, and how many seconds that lasts.
_LOOPS = {
    "explosion": (0.7, 0.6, 3.5),
    "fire_crackling": (0.25, 1.5, 4.5),
    "raining": (0.12, 1.5, 4.5),
    "splashing_water": (0.7, 0.5, 2.8),
    "squishing_water": (0.75, 0.35, 1.8),
    "thunder": (0.65, 2.0, 4.8),
    "underwater_bubbling": (0.45, 0.35, 3.5),
    "waterfall_burbling": (0.2, 1.5, 4.5),
    "wind_noise": (0.08, 2.0, 4.8),
    "birds": (0.45, 0.4, 3.0),
    "waves": (0.25, 1.4, 4.5),
    "crickets": (0.3, 0.8, 4.0),
}


def _recorded_span(scene: Scene, span: Span) -> Span:
    """Return how much is recorded before it repeats: the whole span, or a short part of it."""
    if not scene.events:
        return span
    rng = scene.random("sound", "loop")
    share, shortest, longest = _LOOPS[scene.events[0].name]
    if rng.random() >= share:
        return span
    return span.part(log_uniform(rng, shortest, longest))


def event_to_background_decibels(scene: Scene, event: Event) -> float:
    """Return how far the active moments of an event stand above the background: more with intensity."""
    rng = scene.random("sound", "ratio", event.name)
    clean = 22.0 if scene.random("sound", "clean").random() < 0.15 else 0.0
    return 32.0 * event.intensity + float(rng.normal(0.0, 1.5)) + clean


def layers(scene: Scene, span: Span) -> dict[str, Samples]:
    """Return the dry parts of a scene by name, at their levels in the mix: `background` and each event.

    Each comes from a random stream of its own: leaving out an event changes no other part.
    """
    parts = {"background": ambience(scene.random("sound", "background"), scene.place, scene.time, span)}
    for event in scene.events:
        sound = event_samples(event, scene.random("sound", event.name), span)
        gain = 10 ** (event_to_background_decibels(scene, event) / 20) / active_level(sound, span.sample_rate)
        parts[event.name] = sound * np.float32(gain)
    return parts


def synthesise(scene: Scene, *, duration_seconds: float = 5.0, sample_rate: int = 16_000) -> Waveform:
    """Return the recording of a scene: equal scenes give equal recordings.

    Events and background are mixed by intensity, placed in a room, heard by a microphone, stored by a
    converter or codec and scaled to a random level, so that the level says nothing about intensity. Some
    recordings are short and repeat until the duration is filled, as effects in games do.

    Args:
        scene: what is heard.
        duration_seconds: length of the clip.
        sample_rate: samples a second, in hertz, 8000 to 48000.

    Raises:
        ConfigError: if the duration or the rate is out of range.
    """
    span = check_span(duration_seconds, sample_rate)
    own = _recorded_span(scene, span)
    mix = np.stack(list(layers(scene, own).values())).sum(axis=0)
    mix = room(scene.random("sound", "room"), mix, sample_rate)
    mix = microphone(scene.random("sound", "microphone"), mix, sample_rate)
    mix = converter(scene.random("sound", "converter"), mix, sample_rate)
    repeats = -(-span.samples // own.samples)
    mix = np.tile(mix, repeats)[: span.samples]
    return Waveform(recording_gain(scene.random("sound", "gain"), mix), sample_rate)
