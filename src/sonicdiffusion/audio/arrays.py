"""Samples that are in memory already become a recording."""

import math
from typing import Any

import numpy as np

from sonicdiffusion.errors import AudioError
from sonicdiffusion.values import Waveform


def from_array(samples: Any, sample_rate: float) -> Waveform:
    """Return samples as a mono recording.

    Args:
        samples: shape (samples,), or with channels along either axis, the shorter one being theirs; amplitudes in
            [-1, 1] as floating point, or whole numbers of 8, 16 or 32 bits over their range (unsigned ones around its
            middle).
        sample_rate: in hertz.

    Raises:
        AudioError: if it has another shape, is empty or not finite.
    """
    given = np.asarray(samples.detach().cpu() if hasattr(samples, "detach") else samples)
    if given.dtype.kind not in "fiu" or given.ndim not in (1, 2) or not given.size:
        raise AudioError(
            f"Samples are numbers of shape (samples,) or (samples, channels); got {given.dtype} of shape {given.shape}."
        )
    if given.dtype.kind != "f" and given.dtype.itemsize > 4:
        raise AudioError(
            f"Samples as {given.dtype} have no known range. Convert them to int16, or to float in [-1, 1]."
        )
    if not (math.isfinite(sample_rate) and int(sample_rate) == sample_rate):
        raise AudioError(f"The sample rate is a whole number of hertz; got {sample_rate}.")
    values = given.astype(np.float64)
    if given.dtype.kind != "f":
        half = 2.0 ** (8 * given.dtype.itemsize - 1)
        values = (values - (half if given.dtype.kind == "u" else 0)) / half
    if values.ndim == 2:
        values = values.mean(axis=int(np.argmin(values.shape)))
    return Waveform(values.astype(np.float32), int(sample_rate))
