"""The examples of Soundscapes that training reads: pictures, sounds and their ground truth, by seed."""

import numpy as np

from sonicdiffusion.audio.log_mel import log_mel
from sonicdiffusion.data.shards import Example
from sonicdiffusion.models.audio_encoder import MINI_ENCODER
from sonicdiffusion.soundscapes.picture.paint import paint
from sonicdiffusion.soundscapes.scene import EVENTS, PLACES, TIMES, Scene, sample_scene
from sonicdiffusion.soundscapes.sound.synthesis import synthesise


def truth(scene: Scene) -> Example:
    """Return what a scene shows as numbers: place and time as indices, intensities, shape (events,), 0 if absent."""
    intensities = np.zeros(len(EVENTS), np.float32)
    for event in scene.events:
        intensities[EVENTS.index(event.name)] = event.intensity
    return {
        "place": np.int64(PLACES.index(scene.place)),
        "time": np.int64(TIMES.index(scene.time)),
        "intensities": intensities,
    }


def picture_example(seed: int) -> Example:
    """Return scene number `seed` as a picture, uint8 (128, 128, 3), with its truth."""
    scene = sample_scene(seed)
    return {"image": paint(scene).image, **truth(scene)}


def sound_example(seed: int) -> Example:
    """Return scene number `seed` as log-mel levels in decibels, float16 (frames, mels), with its truth."""
    scene = sample_scene(seed)
    front_end = MINI_ENCODER.log_mel
    waveform = synthesise(scene, duration_seconds=MINI_ENCODER.window_seconds, sample_rate=front_end.sample_rate)
    levels = log_mel(waveform.samples[None], front_end)[0]
    return {"log_mel": levels.astype(np.float16), **truth(scene)}
