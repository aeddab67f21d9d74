"""What a sound does over time: how loud each moment is, and where something begins.

References:
    Stevens 1957, "On the psychophysical law": loudness grows as intensity to the power of 0.3.
    Böck, Krebs and Schedl 2012, "Evaluating the online capabilities of onset detection methods": peaks of the spectral
    flux above a moving threshold.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, median_filter

from sonicdiffusion.audio.log_mel import LogMelSettings, log_mel
from sonicdiffusion.audio.resample import resample
from sonicdiffusion.values import Waveform

HOP_SECONDS = 0.01
_SETTINGS = LogMelSettings(
    sample_rate=16_000, window_samples=512, hop_samples=160, num_mels=40, low_hertz=40.0, high_hertz=7800.0
)
_RANGE_DB = 60.0  # below the loudest band, nothing counts as a change
_LAG = 2  # frames between which a rise is measured
_LEAST_RISE_DB = 3.0  # mean over the bands


def loudness_db(waveform: Waveform) -> NDArray[np.float64]:
    """Return the loudness of every hundredth of a second in decibels, shape (moments,); 0 is arbitrary.

    Each mel band is compressed before the sum, so that a broad sound is louder than a narrow one of its power.

    Source: Stevens 1957 for the exponent.
    """
    power = 10.0 ** (_spectrum(waveform).astype(np.float64) / 10.0)
    return 10.0 / 0.3 * np.log10(np.mean(power**0.3, axis=1))


def activity(loudness: NDArray[np.float64], least_range_db: float = 12.0, most_range_db: float = 40.0) -> NDArray:
    """Return from 0, the background of a recording, to 1, its loudest moments, shape (moments,).

    A steady sound stays near 1: its background is taken to lie `least_range_db` below its top at least.

    Args:
        loudness: in decibels, shape (moments,).
        least_range_db: least distance of the background from the top.
        most_range_db: largest distance.
    """
    top, low = np.quantile(loudness, 0.995), np.quantile(loudness, 0.1)
    floor = max(min(low + 3.0, top - least_range_db), top - most_range_db)
    return np.clip((loudness - floor) / (top - floor), 0.0, 1.0)


def onsets(waveform: Waveform) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return when something begins, in seconds, and by how many decibels the bands rise on average, (onsets,) each.

    Source: Böck, Krebs and Schedl 2012, section 2.
    """
    levels = _spectrum(waveform)
    levels = np.maximum(levels, levels.max() - _RANGE_DB)
    before = maximum_filter1d(levels, 3, axis=1)  # a gliding tone is no onset
    flux = np.zeros(len(levels))
    flux[_LAG:] = np.maximum(levels[_LAG:] - before[:-_LAG], 0.0).mean(axis=1)
    threshold = median_filter(flux, 101, mode="nearest") * 2.0 + _LEAST_RISE_DB
    peaks = np.flatnonzero((flux >= maximum_filter1d(flux, 11)) & (flux > threshold))
    kept = [peak for i, peak in enumerate(peaks) if not i or peak - peaks[i - 1] > 5]
    return np.array(kept, float) * HOP_SECONDS, flux[kept]


def _spectrum(waveform: Waveform) -> NDArray[np.float32]:
    return log_mel(resample(waveform, _SETTINGS.sample_rate).samples[None], _SETTINGS)[0]  # (moments, mels)
