"""What an adapter must know of the audio encoder it was trained on, whatever kind of network that is."""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


@dataclass(frozen=True)
class EncoderFacts:
    """The side of an audio encoder that others see.

    Args:
        name: which encoder it is.
        version: of its weights; an adapter fits one version.
        sample_rate: of the samples it takes, in hertz.
        window_seconds: length of the clips it hears.
        embedding_width: width of its embeddings.
        normalise: whether those have length 1.
    """

    name: str
    version: str
    sample_rate: int
    window_seconds: float
    embedding_width: int
    normalise: bool


class AudioEncoder(Protocol):
    """An encoder maps samples (batch, samples) to embeddings (batch, embedding width), always the same ones."""

    @property
    def facts(self) -> EncoderFacts:
        """What an adapter must know of it."""
        ...

    def __call__(self, samples: Tensor) -> Tensor:
        """Embed clips of the encoder's window at its sample rate, in [-1, 1]."""
        ...
