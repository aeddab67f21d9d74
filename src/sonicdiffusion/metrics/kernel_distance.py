"""Kernel distances between two sets of embeddings (KID, CMMD).

References:
    Binkowski et al. 2018, "Demystifying MMD GANs", arXiv 1801.01401: section 3.1, equation 4 for the estimator,
    section 4 for the kernel and for the average over subsets.
    Jayasumana et al. 2024, "Rethinking FID: Towards a Better Evaluation Metric for Image Generation", arXiv 2401.09603.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sonicdiffusion.errors import ConfigError

Array = NDArray[np.floating]


def polynomial_kernel(first: Array, second: Array) -> Array:
    """Return (x . y / width + 1)^3 for all pairs, shape (first, second) (Binkowski et al. 2018, section 4)."""
    return (first @ second.T / first.shape[1] + 1.0) ** 3


def squared_mmd(first: Array, second: Array) -> float:
    """Estimate the squared maximum mean discrepancy without bias, so that equal distributions give 0 on average.

    Args:
        first: embeddings, shape (examples, width).
        second: embeddings, shape (other examples, width).

    Returns:
        The estimate; it can be slightly negative.

    Raises:
        ConfigError: if a set has fewer than two embeddings or the widths differ.

    Source: Gretton et al. 2012, "A Kernel Two-Sample Test", equation 3; Binkowski et al. 2018, equation 4.
    """
    _check(first, second)
    first, second = first.astype(np.float64), second.astype(np.float64)
    within = sum(_mean_off_diagonal(polynomial_kernel(one, one)) for one in (first, second))
    return float(within - 2.0 * polynomial_kernel(first, second).mean())


def _check(first: Array, second: Array) -> None:
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1] or min(len(first), len(second)) < 2:
        raise ConfigError(
            f"Expected two sets of at least 2 embeddings of one width; got {first.shape} and {second.shape}."
        )


def _mean_off_diagonal(kernel: Array) -> float:
    count = len(kernel)
    return float((kernel.sum() - np.trace(kernel)) / (count * (count - 1)))


@dataclass(frozen=True)
class KernelDistance:
    """A kernel distance with its spread over random subsets.

    Args:
        value: mean over the subsets.
        spread: standard deviation over the subsets.
        subset_size: embeddings of each set in a subset.
    """

    value: float
    spread: float
    subset_size: int


def kernel_distance(
    first: Array, second: Array, *, num_subsets: int = 100, subset_size: int = 1000, seed: int = 0
) -> KernelDistance:
    """Return KID: the squared discrepancy averaged over random subsets (Binkowski et al. 2018, section 4).

    Args:
        first: embeddings, shape (examples, width).
        second: embeddings, shape (other examples, width).
        num_subsets: how many subsets are drawn.
        subset_size: embeddings of each set in a subset; half of the smaller set if that is less, since subsets
            that are the whole set would all be the same and hide the spread.
        seed: chooses the subsets.

    Raises:
        ConfigError: if a set has fewer than four embeddings or the widths differ.
    """
    size = min(subset_size, len(first) // 2, len(second) // 2)
    rng = np.random.default_rng(seed)
    values = [
        squared_mmd(
            first[rng.choice(len(first), size, replace=False)], second[rng.choice(len(second), size, replace=False)]
        )
        for _ in range(num_subsets)
    ]
    return KernelDistance(float(np.mean(values)), float(np.std(values)), size)


CMMD_BANDWIDTH = 10.0
CMMD_SCALE = 1000.0


def clip_mmd(first: Array, second: Array) -> float:
    """Return CMMD: the squared discrepancy under a Gaussian kernel, times 1000; made for CLIP embeddings.

    It is the estimate of least variance, with each example beside itself, as the authors compute it: not less than 0,
    and above it by about one part in the number of examples where the distributions are equal.

    Args:
        first: embeddings, shape (examples, width); they are made unit length.
        second: embeddings, shape (other examples, width).

    Raises:
        ConfigError: if a set has fewer than two embeddings or the widths differ.

    Source: Jayasumana et al. 2024, section 4: kernel exp(-|x - y|^2 / (2 * 10^2)), scale 1000; Gretton et al. 2012,
        equation 5, for the estimate.
    """
    _check(first, second)
    first, second = _unit(first), _unit(second)

    def mean_kernel(some: Array, others: Array) -> float:
        squared = 2.0 - 2.0 * some @ others.T  # of unit vectors
        return float(np.exp(-squared / (2.0 * CMMD_BANDWIDTH**2)).mean())

    within = mean_kernel(first, first) + mean_kernel(second, second)
    return CMMD_SCALE * (within - 2.0 * mean_kernel(first, second))


def _unit(embeddings: Array) -> Array:
    embeddings = embeddings.astype(np.float64)
    return embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
