"""Density and coverage: do generated pictures lie among true ones, and do they reach all of them?

Reference: Naeem et al. 2020, "Reliable Fidelity and Diversity Metrics for Generative Models", arXiv 2002.09797,
section 3.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from sonicdiffusion.errors import ConfigError

Array = NDArray[np.floating]

NEAREST = 5
"""Neighbours that a true picture's ball reaches to (Naeem et al. 2020, section 4)."""


@dataclass(frozen=True)
class Neighbourhood:
    """Where generated pictures lie among true ones.

    Args:
        density: how many true pictures' balls hold a generated one, over the number of neighbours: 1 for equal
            distributions on average; it can be larger.
        coverage: share of the true pictures whose ball holds a generated one.
    """

    density: float
    coverage: float


def density_and_coverage(true: Array, generated: Array, nearest: int = NEAREST) -> Neighbourhood:
    """Measure fidelity and diversity by the balls of true pictures, each reaching to its k-th true neighbour.

    Args:
        true: embeddings, shape (examples, width).
        generated: embeddings, shape (other examples, width).
        nearest: k.

    Raises:
        ConfigError: if there are not more than k true embeddings, none generated, or the widths differ.

    Source: Naeem et al. 2020, section 3.
    """
    return neighbourhood(cdist(true, generated), radii(true, nearest), nearest)


def radii(true: Array, nearest: int = NEAREST) -> NDArray[np.float64]:
    """Return the distance of each true embedding to its k-th neighbour among the others, shape (examples,).

    Raises:
        ConfigError: if there are not more than k.
    """
    if true.ndim != 2 or not 1 <= nearest < len(true):
        raise ConfigError(f"Density and coverage need more than {nearest} true pictures; got shape {true.shape}.")
    distances = np.asarray(cdist(true, true), np.float64)
    return np.partition(distances, nearest, axis=1)[:, nearest]  # the nearest of all is itself


def neighbourhood(distances: Array, reaches: Array, nearest: int = NEAREST) -> Neighbourhood:
    """Return density and coverage from distances (true, generated) and the true ones' radii (true,)."""
    if distances.shape[1] == 0:
        raise ConfigError("Density and coverage need at least one generated picture.")
    inside = distances < reaches[:, None]
    return Neighbourhood(float(inside.sum(axis=0).mean() / nearest), float(inside.any(axis=1).mean()))
