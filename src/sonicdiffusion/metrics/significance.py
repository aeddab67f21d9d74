"""Whether a difference is beyond chance, one or many at a time.

References:
    Fisher 1935, "The Design of Experiments", section 21: the test that flips the signs of paired differences.
    Phipson and Smyth 2010, "Permutation P-values Should Never Be Zero".
    Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure".
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sonicdiffusion.errors import ConfigError
from sonicdiffusion.metrics.intervals import group_differences

_NUMBERS_AT_A_TIME = 2_000_000


def sign_flip_test(
    first: NDArray[np.floating],
    second: NDArray[np.floating],
    groups: Sequence[str] | None = None,
    *,
    num_flips: int = 20_000,
    seed: int = 0,
) -> float:
    """Return how likely chance alone makes a paired difference at least this large in either direction.

    If it does not matter which of the two made a trial's number, each difference could as well have the other sign.

    Args:
        first: a number for each trial, shape (trials,).
        second: the same trials' numbers, shape (trials,).
        groups: a name for each trial; trials of one name are flipped together. Each by itself if left out.
        num_flips: random choices of signs; the smallest possible result is 1 / (num_flips + 1).
        seed: chooses the signs.

    Returns:
        A probability in (0, 1]; 1 if all trials are equal.

    Raises:
        ConfigError: if the lengths differ, there is no trial, or a number is missing.

    Source: Fisher 1935; the counted one of Phipson and Smyth 2010.
    """
    sums = group_differences(first, second, groups)[:, 0]
    sums = sums[sums != 0]
    if not sums.size:
        return 1.0
    rng, reached, left = np.random.default_rng(seed), 0, num_flips
    least = abs(sums.sum()) - 1e-9 * np.abs(sums).sum()  # equal but for rounding counts as reached
    while left:
        block = min(left, max(1, _NUMBERS_AT_A_TIME // sums.size))
        signs = rng.integers(0, 2, size=(block, sums.size), dtype=np.int8) * 2.0 - 1.0
        reached += int((np.abs(signs @ sums) >= least).sum())
        left -= block
    return (reached + 1) / (num_flips + 1)


def holm(chances: Sequence[float]) -> list[float]:
    """Return probabilities corrected for their number, in the same order.

    Calling beyond chance what lies below a level after correction errs, in the whole family, no more often than that.

    Args:
        chances: probabilities of single tests, in [0, 1].

    Raises:
        ConfigError: if one is not a probability.

    Source: Holm 1979.
    """
    if any(not 0 <= chance <= 1 for chance in chances):
        raise ConfigError(f"Expected probabilities in [0, 1]; got {min(chances)} to {max(chances)}.")
    corrected, so_far = [0.0] * len(chances), 0.0
    for rank, index in enumerate(sorted(range(len(chances)), key=lambda i: chances[i])):
        so_far = max(so_far, min(1.0, (len(chances) - rank) * chances[index]))
        corrected[index] = so_far
    return corrected
