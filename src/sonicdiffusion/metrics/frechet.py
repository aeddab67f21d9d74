"""The Fréchet distance between two sets of embeddings (FID, with Inception's), from statistics that are streamed.

Reference: Heusel et al. 2017, "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium",
arXiv 1706.08500, section 2.
"""

import numpy as np
from numpy.typing import NDArray

from sonicdiffusion.errors import ConfigError

Array = NDArray[np.floating]


class FeatureStatistics:
    """Mean and covariance of embeddings that come in batches; memory does not grow with their number.

    Args:
        width: numbers in an embedding.

    Source: Chan, Golub & LeVeque 1983, "Algorithms for Computing the Sample Variance", equation 2.1, for batches.
    """

    def __init__(self, width: int) -> None:
        self.count = 0
        self.mean = np.zeros(width)
        self._scatter = np.zeros((width, width))

    @classmethod
    def of(cls, embeddings: Array) -> "FeatureStatistics":
        """Return the statistics of embeddings, (examples, width)."""
        statistics = cls(embeddings.shape[-1])
        statistics.add(embeddings)
        return statistics

    @property
    def covariance(self) -> NDArray[np.float64]:
        """The unbiased covariance, shape (width, width).

        Raises:
            ConfigError: if there are fewer than two embeddings.
        """
        if self.count < 2:
            raise ConfigError(f"A covariance needs at least 2 embeddings; got {self.count}.")
        return self._scatter / (self.count - 1)

    def add(self, embeddings: Array) -> None:
        """Take in a batch, shape (examples, width).

        Raises:
            ConfigError: if the width is another.
        """
        if embeddings.ndim != 2 or embeddings.shape[1] != self.mean.size:
            raise ConfigError(f"Expected embeddings of width {self.mean.size}; got shape {embeddings.shape}.")
        if len(embeddings):
            batch = embeddings.astype(np.float64)
            mean = batch.mean(axis=0)
            self._take(len(batch), mean, (batch - mean).T @ (batch - mean))

    def merge(self, other: "FeatureStatistics") -> None:
        """Take in what others have counted.

        Raises:
            ConfigError: if the width is another.
        """
        if other.mean.size != self.mean.size:
            raise ConfigError(f"Statistics of width {other.mean.size} do not go with those of {self.mean.size}.")
        if other.count:
            self._take(other.count, other.mean, other._scatter)

    def _take(self, count: int, mean: Array, scatter: Array) -> None:
        total, shift = self.count + count, mean - self.mean
        self._scatter += scatter + np.outer(shift, shift) * (self.count * count / total)
        self.mean = self.mean + shift * (count / total)
        self.count = total


def frechet_distance(first: FeatureStatistics, second: FeatureStatistics) -> float:
    """Return |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)), at least 0.

    The trace of the root is that of (R C2 R)^(1/2) with R the root of C1, which stays symmetric: no complex numbers,
    also where there are fewer examples than numbers in an embedding.

    Raises:
        ConfigError: if the widths differ or a set has fewer than two embeddings.

    Source: Heusel et al. 2017, section 2; Dowson & Landau 1982, "The Fréchet distance between multivariate normal
        distributions", equation 4.
    """
    if first.mean.size != second.mean.size:
        raise ConfigError(f"Embeddings of width {first.mean.size} and {second.mean.size} cannot be compared.")
    one, other = first.covariance, second.covariance
    values, vectors = np.linalg.eigh(one)
    root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    shared = np.sqrt(np.linalg.eigvalsh(root @ other @ root).clip(min=0)).sum()
    shift = float(np.square(first.mean - second.mean).sum())
    return max(0.0, shift + float(np.trace(one) + np.trace(other) - 2.0 * shared))


def frechet_distance_of(first: Array, second: Array) -> float:
    """Return the same distance from embeddings, fast also where there are fewer of them than their width.

    With C = A^T A for centred rows A, the trace of (C1 C2)^(1/2) is the sum of the singular values of A1 A2^T.

    Args:
        first: shape (examples, width).
        second: shape (other examples, width).

    Raises:
        ConfigError: if the widths differ or a set has fewer than two embeddings.
    """
    if first.ndim != 2 or second.ndim != 2 or min(len(first), len(second)) > first.shape[1]:
        return frechet_distance(FeatureStatistics.of(first), FeatureStatistics.of(second))
    if first.shape[1] != second.shape[1] or min(len(first), len(second)) < 2:
        raise ConfigError(f"Expected sets of at least 2 embeddings of one width; got {first.shape}, {second.shape}.")
    first, second = first.astype(np.float64), second.astype(np.float64)
    shift = float(np.square(first.mean(axis=0) - second.mean(axis=0)).sum())
    one, other = ((rows - rows.mean(axis=0)) / np.sqrt(len(rows) - 1) for rows in (first, second))
    shared = np.linalg.svd(one @ other.T, compute_uv=False).sum()
    return max(0.0, shift + float(np.square(one).sum() + np.square(other).sum() - 2.0 * shared))
