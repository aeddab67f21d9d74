"""A picture of a sound, to see what the model listens to."""

import cv2
import numpy as np
from numpy.typing import NDArray

from sonicdiffusion.audio.log_mel import LogMelSettings, log_mel
from sonicdiffusion.errors import ConfigError
from sonicdiffusion.values import Waveform

_NUM_MELS = 128
_LOW_HERTZ = 40.0
_HIGH_HERTZ = 16_000.0
_WINDOW_SECONDS = 0.046
_MAX_HOP_SECONDS = 0.0115  # a quarter of the window, so that no sound falls between frames
_RANGE_DB = 80.0


def spectrogram_picture(waveform: Waveform, width: int, height: int) -> NDArray[np.uint8]:
    """Draw a log-mel spectrogram: time from left to right, low frequencies at the bottom.

    Colours span the 80 dB below the loudest point, so that gain does not change them; silence is black.

    Args:
        waveform: any recording.
        width: of the picture, in pixels.
        height: of the picture, in pixels.

    Returns:
        Red, green and blue, shape (height, width, 3).

    Raises:
        ConfigError: if the width or height is not positive.
    """
    if width < 1 or height < 1:
        raise ConfigError(f"A picture must be at least 1 by 1 pixels, got {width} by {height}.")
    settings = _settings(waveform, width)
    decibels = log_mel(waveform.samples[None], settings)[0].T  # (mels, frames)
    peak = float(decibels.max())
    silence = 10.0 * np.log10(settings.floor)
    shades = np.clip((decibels - max(peak - _RANGE_DB, silence)) / _RANGE_DB, 0.0, 1.0)
    # Averaging where the picture is smaller, interpolating where it is larger; the axes differ.
    shades = cv2.resize(shades, (width, shades.shape[0]), interpolation=_interpolation(shades.shape[1], width))
    shades = cv2.resize(shades, (width, height), interpolation=_interpolation(shades.shape[0], height))
    levels = np.round(255.0 * shades[::-1]).astype(np.uint8)  # (height, width)
    return cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_MAGMA), cv2.COLOR_BGR2RGB).astype(np.uint8)


def _settings(waveform: Waveform, width: int) -> LogMelSettings:
    rate = waveform.sample_rate
    window = max(16, 2 ** round(np.log2(_WINDOW_SECONDS * rate)))
    hop = min(waveform.samples.size // width, int(_MAX_HOP_SECONDS * rate))
    return LogMelSettings(
        sample_rate=rate,
        window_samples=window,
        hop_samples=max(1, hop),
        num_mels=_NUM_MELS,
        low_hertz=min(_LOW_HERTZ, rate / 8),
        high_hertz=min(_HIGH_HERTZ, rate / 2),
    )


def _interpolation(before: int, after: int) -> int:
    return cv2.INTER_AREA if after < before else cv2.INTER_LINEAR
