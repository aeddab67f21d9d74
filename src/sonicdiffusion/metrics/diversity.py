"""How much pictures of one description differ from seed to seed."""

import numpy as np
from numpy.typing import NDArray

from sonicdiffusion.errors import ConfigError


def mean_pairwise_distance(embeddings: NDArray[np.floating]) -> float:
    """Return the mean cosine distance over all pairs: 0 for equal pictures, 1 for unrelated embeddings.

    Args:
        embeddings: shape (pictures, width), of any length but 0.

    Raises:
        ConfigError: if there are fewer than two pictures or an embedding is zero.

    Source: ours, after the pairwise feature distance of Zhu et al. 2017, "Toward Multimodal Image-to-Image
        Translation", section 5.1.
    """
    lengths = np.linalg.norm(embeddings.astype(np.float64), axis=-1, keepdims=True)
    if embeddings.ndim != 2 or len(embeddings) < 2 or not (lengths > 0).all():
        raise ConfigError(f"Expected at least 2 embeddings other than 0, got shape {embeddings.shape}.")
    unit = embeddings / lengths
    count = len(unit)
    total = float(np.square(unit.sum(axis=0)).sum())  # the sum of all cosines, each picture's with itself included
    return 1.0 - (total - count) / (count * (count - 1))
