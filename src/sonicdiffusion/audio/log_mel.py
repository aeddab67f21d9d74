"""Logarithmic mel spectra in numpy, and the constants that a network's front end shares with them.

References:
    M. Slaney, "Auditory Toolbox", version 2, 1998: the mel scale and the area-normalised triangles.
    B. Elizalde et al., "CLAP: Learning Audio Concepts from Natural Language Supervision", 2022: front end.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sonicdiffusion.errors import AudioError, ConfigError

_LINEAR_HERTZ_PER_MEL = 200.0 / 3.0  # below 1000 Hz the scale is linear
_BREAK_HERTZ = 1000.0
_BREAK_MEL = _BREAK_HERTZ / _LINEAR_HERTZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0  # above, 27 mels span a factor of 6.4
_FRAMES_AT_ONCE = 1024


@dataclass(frozen=True)
class LogMelSettings:
    """How a log-mel spectrum is computed.

    Args:
        sample_rate: of the samples, in hertz.
        window_samples: length of the Hann window and of the transform.
        hop_samples: step between frames.
        num_mels: bands.
        low_hertz: lower edge of the lowest band.
        high_hertz: upper edge of the highest band.
        floor: the least power; the lowest value of the spectrum is 10 * log10(floor) decibels.

    Raises:
        ConfigError: if a number is not positive or the band does not fit below half the sample rate.
    """

    sample_rate: int
    window_samples: int
    hop_samples: int
    num_mels: int
    low_hertz: float
    high_hertz: float
    floor: float = 1e-10

    def __post_init__(self) -> None:
        if min(self.sample_rate, self.window_samples, self.hop_samples, self.num_mels) < 1 or self.floor <= 0:
            raise ConfigError(f"Rates, lengths, counts and floor must be positive, got {self}.")
        if not 0 <= self.low_hertz < self.high_hertz <= self.sample_rate / 2:
            raise ConfigError(
                f"The band must lie between 0 and {self.sample_rate / 2:g} Hz, half the sample rate; "
                f"got {self.low_hertz:g} to {self.high_hertz:g} Hz."
            )


MSCLAP_LOG_MEL = LogMelSettings(
    sample_rate=44_100, window_samples=1024, hop_samples=320, num_mels=64, low_hertz=50.0, high_hertz=14_000.0
)
"""The front end of Microsoft CLAP 2022."""


def hertz_to_mel(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert frequencies to the Slaney mel scale (Slaney 1998)."""
    above = _BREAK_MEL + np.log(np.maximum(hertz, _BREAK_HERTZ) / _BREAK_HERTZ) / _LOG_STEP
    return np.where(hertz < _BREAK_HERTZ, hertz / _LINEAR_HERTZ_PER_MEL, above)


def mel_to_hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert Slaney mels to frequencies; the inverse of `hertz_to_mel`."""
    above = _BREAK_HERTZ * np.exp(_LOG_STEP * (np.maximum(mel, _BREAK_MEL) - _BREAK_MEL))
    return np.where(mel < _BREAK_MEL, mel * _LINEAR_HERTZ_PER_MEL, above)


def mel_filterbank(
    sample_rate: int, n_fft: int, num_mels: int, low_hertz: float, high_hertz: float
) -> NDArray[np.float32]:
    """Build triangular bands, evenly spaced on the Slaney mel scale, each of unit area in hertz.

    Args:
        sample_rate: in hertz.
        n_fft: length of the transform.
        num_mels: bands.
        low_hertz: lower edge of the lowest band.
        high_hertz: upper edge of the highest band.

    Returns:
        Weights of a power spectrum, shape (n_fft // 2 + 1, num_mels).

    Source: Slaney 1998.
    """
    ends = hertz_to_mel(np.array([low_hertz, high_hertz], dtype=np.float64))
    edges = mel_to_hertz(np.linspace(ends[0], ends[1], num_mels + 2))  # (num_mels + 2,)
    bins = np.fft.rfftfreq(n_fft, 1.0 / sample_rate)[:, None]  # (bins, 1)
    lower, middle, upper = edges[:-2], edges[1:-1], edges[2:]  # (num_mels,) each
    rising = (bins - lower) / (middle - lower)
    falling = (upper - bins) / (upper - middle)
    triangles = np.maximum(0.0, np.minimum(rising, falling))  # (bins, num_mels)
    return (triangles * (2.0 / (upper - lower))).astype(np.float32)


def hann_window(num_samples: int) -> NDArray[np.float32]:
    """Build the periodic Hann window, shape (num_samples,)."""
    phase = 2.0 * np.pi * np.arange(num_samples) / num_samples
    return (0.5 - 0.5 * np.cos(phase)).astype(np.float32)


def log_mel(samples: NDArray[np.float32], settings: LogMelSettings) -> NDArray[np.float32]:
    """Compute log-mel spectra of a batch of clips.

    Frames are centred on multiples of the hop, the clip being mirrored at its ends.

    Args:
        samples: at `settings.sample_rate`, shape (batch, samples).
        settings: window, hop and bands.

    Returns:
        Decibels, shape (batch, frames, num_mels) with 1 + samples // hop_samples frames.

    Raises:
        AudioError: if the samples are not a batch of clips or the clips are empty.
    """
    if samples.ndim != 2 or samples.shape[1] == 0:
        raise AudioError(f"Expected clips of shape (batch, samples), got {samples.shape}. Add a batch axis.")
    window, weights = _constants(settings)
    num_frames = 1 + samples.shape[1] // settings.hop_samples
    result = np.empty((samples.shape[0], num_frames, settings.num_mels), np.float32)
    for clip, decibels in zip(samples, result, strict=True):
        padded = np.pad(clip.astype(np.float32, copy=False), settings.window_samples // 2, mode="reflect")
        # An odd window would leave the padding one sample short of the last frame.
        padded = np.pad(padded, (0, settings.window_samples % 2))
        every = np.lib.stride_tricks.sliding_window_view(padded, settings.window_samples)
        frames = every[:: settings.hop_samples]  # (frames, window_samples), a view
        for first in range(0, num_frames, _FRAMES_AT_ONCE):
            block = slice(first, min(first + _FRAMES_AT_ONCE, num_frames))
            spectrum = np.fft.rfft(frames[block] * window, axis=1)  # (frames, bins)
            power = np.square(spectrum.real) + np.square(spectrum.imag)
            decibels[block] = 10.0 * np.log10(np.maximum(power @ weights, settings.floor))
    return result


@lru_cache(maxsize=8)
def _constants(settings: LogMelSettings) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return window and bands of one setting, shared and therefore read-only."""
    window = hann_window(settings.window_samples)
    weights = mel_filterbank(
        settings.sample_rate,
        settings.window_samples,
        settings.num_mels,
        settings.low_hertz,
        settings.high_hertz,
    )
    window.flags.writeable = weights.flags.writeable = False
    return window, weights
