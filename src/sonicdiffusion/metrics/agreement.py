"""How well each picture goes with its sound, its frame, its class and its words, in a shared embedding.

References:
    Biner et al. 2024, "SonicDiffusion", arXiv 2405.00878: AIS, IIS and AIC, as their published script computes them.
    Hessel et al. 2021, "CLIPScore", arXiv 2104.08718.
"""

import numpy as np
from numpy.typing import NDArray

from sonicdiffusion.errors import ConfigError

Array = NDArray[np.floating]


def cosines(first: Array, second: Array) -> NDArray[np.float64]:
    """Return the cosine of each pair in turn, shape (pairs,).

    Args:
        first: embeddings, shape (pairs, width).
        second: embeddings, shape (pairs, width).

    Raises:
        ConfigError: if the shapes differ.
    """
    if first.shape != second.shape or first.ndim != 2:
        raise ConfigError(f"Expected embeddings in pairs; got shapes {first.shape} and {second.shape}.")
    return (_unit(first) * _unit(second)).sum(axis=1)


def ranking_share(pictures: Array, own: Array, references: Array) -> NDArray[np.float64]:
    """Return for each picture the share of references that are less like it than its own is; chance is 0.5.

    With sounds as references it is AIS, with frames IIS, each as its mean over pictures. A reference that is just as
    like counts as not less.

    Args:
        pictures: embeddings of generated pictures, shape (pictures, width).
        own: embedding of each picture's own sound or frame, shape (pictures, width).
        references: embeddings of others, shape (references, width).

    Returns:
        Shape (pictures,), in [0, 1].

    Raises:
        ConfigError: if there is no reference or the widths differ.

    Source: Biner et al. 2024, section 4 (AIS, IIS).
    """
    if references.ndim != 2 or not len(references) or references.shape[1] != pictures.shape[-1]:
        raise ConfigError(f"Expected references of width {pictures.shape[-1]}; got shape {references.shape}.")
    true = cosines(pictures, own)
    return (_unit(pictures) @ _unit(references).T < true[:, None]).mean(axis=1)


def nearest_label(pictures: Array, labels: Array) -> NDArray[np.int64]:
    """Return the index of the label whose text is most like each picture; AIC is the share that is the clip's class.

    Args:
        pictures: embeddings, shape (pictures, width).
        labels: embeddings of the labels' texts, shape (labels, width).

    Raises:
        ConfigError: if the widths differ or there is no label.

    Source: Biner et al. 2024, section 4 (AIC); Radford et al. 2021, "CLIP", section 3.1, for choosing by text.
    """
    if labels.ndim != 2 or not len(labels) or labels.shape[1] != pictures.shape[-1]:
        raise ConfigError(f"Expected labels of width {pictures.shape[-1]}; got shape {labels.shape}.")
    return (_unit(pictures) @ _unit(labels).T).argmax(axis=1)


def clip_score(pictures: Array, texts: Array) -> NDArray[np.float64]:
    """Return max(100 cos, 0) of each picture and its text, shape (pictures,).

    The factor is the 100 that is in common use; Hessel et al. write 2.5.

    Args:
        pictures: embeddings, shape (pictures, width).
        texts: embedding of each picture's text, shape (pictures, width).

    Raises:
        ConfigError: if the shapes differ.

    Source: Hessel et al. 2021, section 3, equation 1.
    """
    return np.maximum(100.0 * cosines(pictures, texts), 0.0)


def preservation_distance(before: Array, after: Array) -> NDArray[np.float64]:
    """Return 1 - cosine of each picture before and after an edit, shape (pictures,): 0 for the same.

    Args:
        before: embeddings, shape (pictures, width).
        after: embeddings, shape (pictures, width).

    Raises:
        ConfigError: if the shapes differ.

    Source: ours, after the distances between DINO and CLIP embeddings in use for edits.
    """
    return 1.0 - cosines(before, after)


def _unit(embeddings: Array) -> NDArray[np.float64]:
    embeddings = embeddings.astype(np.float64)
    return embeddings / np.maximum(np.linalg.norm(embeddings, axis=-1, keepdims=True), 1e-12)
