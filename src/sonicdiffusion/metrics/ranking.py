"""Rank correlation and averages over classes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from sonicdiffusion.errors import ConfigError


def spearman(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Return the rank correlation of two lists, ties sharing their mean rank; NaN if one of them is constant.

    Args:
        first: numbers, shape (examples,).
        second: numbers, shape (examples,).

    Raises:
        ConfigError: if the lengths differ or there are fewer than two examples.

    Source: Spearman 1904, "The Proof and Measurement of Association between Two Things".
    """
    if first.shape != second.shape or first.ndim != 1 or first.size < 2:
        raise ConfigError(f"Expected two lists of at least 2 numbers; got shapes {first.shape} and {second.shape}.")
    # Not scipy's spearmanr, which warns about constant lists where we return NaN.
    ranks = np.stack([rankdata(first), rankdata(second)])
    ranks -= ranks.mean(axis=1, keepdims=True)
    scale = float(np.sqrt(np.prod((ranks**2).sum(axis=1))))
    return float(ranks[0] @ ranks[1]) / scale if scale > 0 else float("nan")


def mean_spearman(groups: Sequence[NDArray[np.floating]]) -> float:
    """Return the mean over groups of the rank correlation within each.

    A group whose second column is constant counts as 0: it does not answer at all.

    Args:
        groups: pairs, each shape (examples, 2).
    """
    values = [spearman(group[:, 0], group[:, 1]) for group in groups]
    return float(np.mean(np.nan_to_num(values)))


def macro_average(groups: Sequence[NDArray[np.floating]]) -> float:
    """Return the mean of the groups' means, so that every class counts the same however many examples it has."""
    return float(np.mean([np.mean(group) for group in groups]))


def confusion(true: NDArray[np.integer], found: NDArray[np.integer], num_classes: int) -> NDArray[np.int64]:
    """Count examples by true and found class, shape (true classes, found classes)."""
    table = np.zeros((num_classes, num_classes), np.int64)
    np.add.at(table, (true, found), 1)
    return table
