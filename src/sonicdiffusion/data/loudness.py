"""Where a recording is loud: its power over time, the clips worth cutting out, and their loudest moments."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HOPS_PER_SECOND = 100
_SMOOTHED_HOPS = 10  # a tenth of a second, so that no single click is taken for the loudest moment
_NEAR = 1.0 - 1e-6  # among places that are equally loud but for rounding, the earliest wins


@dataclass(frozen=True, eq=False)
class Loudness:
    """The power of a recording over time.

    Args:
        power: mean square of each hundredth of a second, shape (hops,).
        duration_seconds: length of the recording.
    """

    power: NDArray[np.float64]
    duration_seconds: float

    def loudest_starts(self, clip_seconds: float, count: int, least_power: float) -> list[float]:
        """Return where the loudest clips begin, the loudest first; none overlaps another.

        Args:
            clip_seconds: length of a clip.
            count: most clips.
            least_power: mean square from which on a clip counts; the first counts in any case.

        Returns:
            Seconds, at least one; 0 for a recording that is no longer than a clip.

        Source: ours.
        """
        hops = round(clip_seconds * HOPS_PER_SECOND)
        if self.power.size <= hops:
            return [0.0]
        until = np.concatenate([[0.0], np.cumsum(self.power)])  # (hops + 1,)
        means = (until[hops:] - until[:-hops]) / hops  # (starts,)
        starts: list[float] = []
        while len(starts) < count:
            start = int(np.argmax(means >= means.max() * _NEAR))
            if starts and not means[start] > max(least_power, 0.0):  # taken places are below
                break
            starts.append(start / HOPS_PER_SECOND)
            means[max(0, start - hops + 1) : start + hops] = -1.0
        return starts

    def peak_seconds(self, start_seconds: float, clip_seconds: float) -> float:
        """Return the loudest moment of a clip, after smoothing over a tenth of a second."""
        first = min(round(start_seconds * HOPS_PER_SECOND), self.power.size - 1)
        part = self.power[first : first + max(1, round(clip_seconds * HOPS_PER_SECOND))]
        smooth = np.convolve(part, np.ones(_SMOOTHED_HOPS), "same")[: part.size]
        peak = int(np.argmax(smooth >= smooth.max() * _NEAR))
        return (first + peak + 0.5) / HOPS_PER_SECOND


class LoudnessMeter:
    """Gathers the power of a recording block by block, in memory that grows by 800 bytes a second."""

    def __init__(self, sample_rate: int) -> None:
        self._hop = max(1, sample_rate // HOPS_PER_SECOND)
        self._scale = sample_rate / (self._hop * HOPS_PER_SECOND)  # hops of the meter in a hundredth of a second
        self._sample_rate = sample_rate
        self._sums = np.zeros(1024)
        self._end = 0

    def add(self, first: int, block: NDArray[np.float32]) -> None:
        """Count samples, shape (samples,), of which the first has number `first`; those before 0 are left out."""
        if first < 0:
            first, block = 0, block[-first:]
        if not block.size:
            return
        places = (np.arange(first, first + block.size) / (self._hop * self._scale)).astype(np.int64)
        needed = int(places[-1]) + 1
        if needed > self._sums.size:
            self._sums = np.pad(self._sums, (0, max(needed - self._sums.size, self._sums.size)))
        sums = np.bincount(places - places[0], np.square(block, dtype=np.float64))
        self._sums[places[0] : needed] += sums
        self._end = max(self._end, first + block.size)

    def finish(self) -> Loudness:
        """Return the loudness of what was added; without samples, a recording of length 0."""
        hops = -(-self._end * HOPS_PER_SECOND // self._sample_rate)
        power = self._sums[: max(1, hops)] * (HOPS_PER_SECOND / self._sample_rate)
        return Loudness(power, self._end / self._sample_rate)
