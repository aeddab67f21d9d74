"""Classifier-free guidance with one number for text and one for sound.

References: Ho and Salimans 2022, arXiv 2207.12598 (one condition); Brooks et al. 2023, arXiv 2211.09800,
    section 3.2.1
(two conditions); Biner et al. 2024, arXiv 2405.00878 (the joint guidance of text and sound).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from sonicdiffusion.errors import ConfigError

Branch = Literal["null", "text", "audio"]


@dataclass(frozen=True)
class Guidance:
    """How far to follow text and sound, and which predictions that needs.

    With eps_null for negative text and null audio, eps_text for text and null audio, and eps_audio for both:

        eps = eps_null + text_guidance * (eps_text - eps_null) + audio_guidance * (eps_audio - eps_text)

    Equal numbers are the published joint guidance: eps_text cancels, and only two branches are evaluated.

    Args:
        text_guidance: 1 follows the text plainly, more exaggerates it, 0 ignores it.
        audio_guidance: 1 follows the sound plainly, more exaggerates it, 0 ignores it.

    Raises:
        ConfigError: if a number is negative or not finite.

    Source: Brooks et al. 2023, equation 3, with text in the place of the picture.
    """

    text_guidance: float = 5.0
    audio_guidance: float = 5.0

    def __post_init__(self) -> None:
        for name in ("text_guidance", "audio_guidance"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be a number from 0 up, usually 1 to 10.")

    @property
    def coefficients(self) -> dict[Branch, float]:
        """The factor of each branch's prediction; they sum to 1, and branches with factor 0 are left out."""
        factors: dict[Branch, float] = {
            "null": 1 - self.text_guidance,
            "text": self.text_guidance - self.audio_guidance,
            "audio": self.audio_guidance,
        }
        return {branch: factor for branch, factor in factors.items() if factor != 0}

    @property
    def branches(self) -> tuple[Branch, ...]:
        """The predictions that have to be made, in the order of a batch."""
        return tuple(self.coefficients)

    def combine(self, predictions: Mapping[Branch, Tensor]) -> Tensor:
        """Mix the predictions of the needed branches, tensors of one shape, to the guided one."""
        terms = [factor * predictions[branch] for branch, factor in self.coefficients.items()]
        return sum(terms[1:], start=terms[0])

    def combine_batch(self, predictions: Tensor) -> Tensor:
        """Mix predictions (branches * images, ...), ordered as `branches`, to (images, ...)."""
        parts = predictions.chunk(len(self.branches))
        return self.combine(dict(zip(self.branches, parts, strict=True)))
