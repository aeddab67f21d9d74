"""A clip of any length becomes windows of the one length that an encoder listens to."""

import math
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from sonicdiffusion.errors import ConfigError
from sonicdiffusion.values import Waveform

CropPolicy = Literal["start", "centre", "loudest", "whole"]
CROP_POLICIES: tuple[CropPolicy, ...] = get_args(CropPolicy)

_SEARCHES_PER_SECOND = 100  # how finely the loudest window is located


def windows(waveform: Waveform, window_seconds: float, policy: CropPolicy) -> NDArray[np.float32]:
    """Cut a clip to windows of equal length, always the same ones for the same clip.

    A clip shorter than the window is repeated until it fills it, as in the published implementation. That one
    crops longer clips at random, which the policies replace.

    Args:
        waveform: any recording.
        window_seconds: length of a window.
        policy: "start", "centre" or "loudest" (most energy, the earliest such place to 10 ms) take one window
            of a longer clip. "whole" takes as few as cover it, evenly spaced, to average their embeddings.

    Returns:
        New samples, shape (windows, samples); one window unless the policy is "whole".

    Raises:
        ConfigError: if the policy is unknown or the window does not last a sample.
    """
    if policy not in CROP_POLICIES:
        raise ConfigError(f"Unknown crop policy {policy!r}. Known are: {', '.join(CROP_POLICIES)}.")
    if not (math.isfinite(window_seconds) and round(window_seconds * waveform.sample_rate) >= 1):
        raise ConfigError(f"A window must last at least one sample, got {window_seconds} seconds.")
    length = round(window_seconds * waveform.sample_rate)
    samples = waveform.samples
    if samples.size <= length:
        return np.resize(samples, (1, length))  # repeats the clip
    starts = _starts(samples, length, policy, waveform.sample_rate)
    return np.stack([samples[start : start + length] for start in starts])


def _starts(samples: NDArray[np.float32], length: int, policy: CropPolicy, sample_rate: int) -> list[int]:
    spare = samples.size - length
    if policy == "start":
        return [0]
    if policy == "centre":
        return [spare // 2]
    if policy == "loudest":
        return [_loudest_start(samples, length, max(1, sample_rate // _SEARCHES_PER_SECOND))]
    count = math.ceil(samples.size / length)
    return [round(spare * index / (count - 1)) for index in range(count)]


def _loudest_start(samples: NDArray[np.float32], length: int, hop: int) -> int:
    """Return the start, a multiple of the hop or the last possible, of the loudest window."""
    spare = samples.size - length
    starts = np.unique(np.append(np.arange(0, spare + 1, hop), spare))
    edges = np.unique(np.concatenate([starts, starts + length]))  # (edges,)
    # Energy between neighbouring edges first, so that no float64 copy of the clip is needed.
    pieces = [float(np.dot(part, part)) for part in np.split(samples, edges)[1:-1]]
    until = np.concatenate([[0.0], np.cumsum(pieces)])  # (edges,): energy from the first edge on
    energy = until[np.searchsorted(edges, starts + length)] - until[np.searchsorted(edges, starts)]
    # Rounding must not choose between equally loud places: among near-equal ones the earliest wins.
    return int(starts[np.argmax(energy >= energy.max() * (1.0 - 1e-6))])
