"""Intervals around measured shares and means.

References:
    Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference".
    Efron 1979, "Bootstrap Methods: Another Look at the Jackknife"; the percentile interval is of Efron 1981.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from sonicdiffusion.errors import ConfigError


@dataclass(frozen=True)
class Estimate:
    """A number with the interval that it is known to.

    Args:
        value: the number.
        low: lower end.
        high: upper end.
        count: examples it was measured on.
    """

    value: float
    low: float
    high: float
    count: int


def wilson(right: int, count: int, confidence: float = 0.95) -> Estimate:
    """Return a share with its score interval, which stays inside [0, 1] and is wide for few examples.

    Args:
        right: successes.
        count: trials, at least 1.
        confidence: coverage of the interval.

    Raises:
        ConfigError: if there are no trials or more successes than trials.

    Source: Wilson 1927.
    """
    if not 0 <= right <= count or count < 1:
        raise ConfigError(f"Expected 0 <= right <= count with a count of at least 1; got {right} of {count}.")
    z = float(norm.ppf(0.5 + confidence / 2.0))
    share, weight = right / count, z * z / count
    middle = (share + weight / 2.0) / (1.0 + weight)
    half = z / (1.0 + weight) * float(np.sqrt(share * (1.0 - share) / count + weight / (4.0 * count)))
    # None and all right have an exact bound, which rounding would miss by a hair.
    low, high = 0.0 if right == 0 else middle - half, 1.0 if right == count else middle + half
    return Estimate(share, low, high, count)


def share_right(right: NDArray[np.bool_]) -> Estimate:
    """Return the share of true entries with its Wilson interval."""
    return wilson(int(right.sum()), right.size)


def bootstrap(
    groups: Sequence[NDArray[np.floating]],
    statistic: Callable[[Sequence[NDArray[np.floating]]], float],
    *,
    num_resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Return a statistic of groups with its percentile interval, resampling the examples of each group.

    Args:
        groups: one array a group, the first axis being the examples; a statistic of a single set gets one group.
        statistic: from groups to a number; resamples on which it is not a number are left out.
        num_resamples: how often it is recomputed.
        confidence: coverage of the interval.
        seed: chooses the resamples.

    Raises:
        ConfigError: if there is no group or a group is empty.

    Source: Efron 1981, "Nonparametric Standard Errors and Confidence Intervals".
    """
    if not groups or any(len(group) == 0 for group in groups):
        raise ConfigError("A bootstrap needs at least one group, and an example in each.")
    rng = np.random.default_rng(seed)
    values = np.array([statistic([g[rng.integers(len(g), size=len(g))] for g in groups]) for _ in range(num_resamples)])
    values = values[~np.isnan(values)]
    value, count = float(statistic(groups)), sum(len(group) for group in groups)
    if values.size == 0:
        return Estimate(value, float("nan"), float("nan"), count)
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(values, [tail, 1.0 - tail])
    return Estimate(value, float(low), float(high), count)


def paired_difference(
    first: NDArray[np.floating],
    second: NDArray[np.floating],
    groups: Sequence[str] | None = None,
    *,
    num_resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Return the mean of `first` minus `second` over the same trials, with its paired bootstrap interval.

    A trial is drawn with both its numbers, so what makes a trial hard for both does not widen the interval.

    Args:
        first: a number for each trial, shape (trials,).
        second: the same trials' numbers, shape (trials,).
        groups: a name for each trial; trials of one name, such as the seeds of one clip, are drawn together, since they
            are not independent. Each trial by itself if left out.
        num_resamples: how often the mean is recomputed.
        confidence: coverage of the interval.
        seed: chooses the resamples.

    Returns:
        The difference; its count is that of the trials.

    Raises:
        ConfigError: if the lengths differ, there is no trial, or a number is missing.

    Source: Efron 1981, on the differences; ours for the groups.
    """
    table = group_differences(first, second, groups)
    ratio = lambda drawn: float(drawn[0][:, 0].sum() / drawn[0][:, 1].sum())  # noqa: E731
    found = bootstrap([table], ratio, num_resamples=num_resamples, confidence=confidence, seed=seed)
    return replace(found, count=len(first))


def group_differences(
    first: NDArray[np.floating], second: NDArray[np.floating], groups: Sequence[str] | None = None
) -> NDArray[np.float64]:
    """Return the sum of `first` minus `second` in each group and the group's size, shape (groups, 2).

    Raises:
        ConfigError: if the lengths differ, there is no trial, or a number is missing.
    """
    lengths = {len(first), len(second), len(first if groups is None else groups)}
    if len(lengths) > 1 or not len(first):
        raise ConfigError(f"Expected two numbers for each of the same trials; got lists of {sorted(lengths)}.")
    differences = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    if np.isnan(differences).any():
        raise ConfigError("A trial without a number cannot be paired. Leave it out of both lists.")
    if groups is None:
        return np.stack([differences, np.ones_like(differences)], axis=1)
    _, index = np.unique(np.asarray(groups), return_inverse=True)
    return np.stack([np.bincount(index, differences), np.bincount(index)], axis=1, dtype=np.float64)
