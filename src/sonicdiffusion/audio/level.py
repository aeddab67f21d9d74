"""Levels in decibels relative to full scale (dBFS), where amplitude 1 is 0 dB."""

import numpy as np

from sonicdiffusion.values import Waveform

FLOOR_DBFS = -120.0  # reported for silence and for anything below; about the noise of a 20-bit recording


def level_dbfs(waveform: Waveform) -> float:
    """Measure the root mean square of a clip.

    A sine at full scale measures -3.01 dBFS, a full-scale square wave 0.

    Returns:
        The level in dBFS, at least `FLOOR_DBFS`.
    """
    power = np.square(waveform.samples, dtype=np.float64).mean()
    return _decibels(float(np.sqrt(power)))


def peak_dbfs(waveform: Waveform) -> float:
    """Measure the largest absolute sample of a clip.

    Returns:
        The level in dBFS, at least `FLOOR_DBFS`.
    """
    return _decibels(float(np.abs(waveform.samples).max()))


def _decibels(amplitude: float) -> float:
    return 20.0 * float(np.log10(max(amplitude, 10.0 ** (FLOOR_DBFS / 20.0))))
