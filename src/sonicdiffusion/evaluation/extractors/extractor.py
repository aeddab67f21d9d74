"""What an extractor is: pictures, and if it can sounds and texts, become embeddings in one space."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import nn

from sonicdiffusion.evaluation.bench import Pictures
from sonicdiffusion.values import Waveform

Embeddings = NDArray[np.float32]


@dataclass(frozen=True)
class ExtractorFacts:
    """Which extractor it is, as a report names it.

    Args:
        name: in words.
        version: what changes with the weights: the start of their SHA-256.
        width: numbers in an embedding.
        is_published: whether it has the shape of published weights, so that, with these, numbers compare with others'.
    """

    name: str
    version: str
    width: int
    is_published: bool

    def plain(self) -> dict[str, Any]:
        """Return the facts as plain values."""
        return asdict(self)


class Extractor(Protocol):
    """Embeds pictures."""

    facts: ExtractorFacts

    def pictures(self, pictures: Pictures) -> Embeddings:
        """Return embeddings (pictures, width) of pictures in RGB, (pictures, height, width, 3)."""
        ...


@runtime_checkable
class SoundExtractor(Extractor, Protocol):
    """Embeds sounds beside pictures."""

    def sounds(self, sounds: Sequence[Waveform]) -> Embeddings:
        """Return embeddings of recordings, (sounds, width)."""
        ...


@runtime_checkable
class TextExtractor(Extractor, Protocol):
    """Embeds texts beside pictures."""

    def texts(self, texts: Sequence[str]) -> Embeddings:
        """Return embeddings of texts, (texts, width)."""
        ...


def weights_version(network: nn.Module) -> str:
    """Return the first twelve digits of the SHA-256 of a network's weights, in order of their names."""
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]
