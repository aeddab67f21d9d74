"""Variations of pictures and sounds to learn from; the plain ones are made here as well, so that both fit."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sonicdiffusion.errors import ConfigError
from sonicdiffusion.values import Waveform

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Variation:
    """How far copies differ from what was recorded.

    Args:
        mirror_share: share of the pictures that is mirrored.
        least_crop: smallest side of a crop, as a share of the largest square.
        gain_db: largest change of level, up or down.
        noise_db: level of added noise below the sound's own, least and most, in decibels.

    Raises:
        ConfigError: if a number is out of range.
    """

    mirror_share: float = 0.5
    least_crop: float = 0.8
    gain_db: float = 6.0
    noise_db: tuple[float, float] = (20.0, 60.0)

    def __post_init__(self) -> None:
        if not (0 <= self.mirror_share <= 1 and 0 < self.least_crop <= 1 and self.gain_db >= 0):
            raise ConfigError("mirror_share lies from 0 to 1, least_crop above 0 and up to 1, and gain_db from 0 on.")
        if self.noise_db[0] > self.noise_db[1]:
            raise ConfigError("noise_db is the least and the most; the first is larger than the second.")


def square(picture: Picture, size: int) -> Picture:
    """Return the middle of a picture (height, width, 3) as a square of `size` pixels."""
    side = min(picture.shape[:2])
    top, left = ((length - side) // 2 for length in picture.shape[:2])
    return _resized(picture[top : top + side, left : left + side], size)


def varied_square(picture: Picture, size: int, variation: Variation, rng: np.random.Generator) -> Picture:
    """Return some square part of a picture, half of the time mirrored, as a square of `size` pixels."""
    side = max(1, round(min(picture.shape[:2]) * rng.uniform(variation.least_crop, 1.0)))
    top, left = (int(rng.integers(length - side + 1)) for length in picture.shape[:2])
    part = _resized(picture[top : top + side, left : left + side], size)
    return part[:, ::-1].copy() if rng.random() < variation.mirror_share else part


def varied_sound(waveform: Waveform, window_seconds: float, variation: Variation, rng: np.random.Generator) -> Waveform:
    """Return some window of a clip, louder or quieter, with noise."""
    length = round(window_seconds * waveform.sample_rate)
    spare = max(0, waveform.samples.size - length)
    start = int(rng.integers(spare + 1))
    samples = waveform.samples[start : start + length]
    gain = 10 ** (rng.uniform(-variation.gain_db, variation.gain_db) / 20)
    noise = rng.standard_normal(samples.size, np.float32) * _rms(samples)
    samples = gain * (samples + noise * 10 ** (-rng.uniform(*variation.noise_db) / 20))
    return Waveform(samples.astype(np.float32), waveform.sample_rate)


def mixed(one: Waveform, other: Waveform) -> Waveform:
    """Return two clips of one rate at once, equally loud; the second is repeated or cut to the length of the first."""
    samples = np.resize(other.samples, one.samples.size) * (_rms(one.samples) / max(1e-9, _rms(other.samples)))
    return Waveform(((one.samples + samples) / 2).astype(np.float32), one.sample_rate)


def _rms(samples: NDArray[np.float32]) -> np.float32:
    return np.float32(np.sqrt(np.square(samples, dtype=np.float64).mean()))


def _resized(picture: Picture, size: int) -> Picture:
    shrinks = size < picture.shape[0]
    resized = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    return np.asarray(resized, np.uint8)
