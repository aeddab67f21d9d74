"""Classifier-free guidance with one number for text and one for sound.

References: Ho and Salimans 2022, arXiv 2207.12598 (one condition); Brooks et al. 2023, arXiv 2211.09800, section 3.2.1
(two conditions); Biner et al. 2024, arXiv 2405.00878 (the joint guidance of text and sound); Lin et al. 2024,
arXiv 2305.08891, section 3.4 (rescaling); Kynkäänniemi et al. 2024, arXiv 2404.07724 (the interval).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
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
        rescale: share, 0 to 1, of the guided prediction that gets the standard deviation of the conditioned one,
            against the glare of large guidance.
        interval: from which share of the sampling to which there is guidance. Before and after, text and sound are
            followed plainly, by a single prediction.

    Raises:
        ConfigError: if a number is out of range.

    Source: Brooks et al. 2023, equation 3, with text in the place of the picture.
    """

    text_guidance: float = 5.0
    audio_guidance: float = 5.0
    rescale: float = 0.0
    interval: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self) -> None:
        for name in ("text_guidance", "audio_guidance"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be a number from 0 up, usually 1 to 10.")
        if not 0 <= self.rescale <= 1:
            raise ConfigError(f"guidance_rescale is {self.rescale}; it is a share, from 0 to 1.")
        start, end = self.interval if len(self.interval) == 2 else (0.0, 0.0)
        if not 0 <= start < end <= 1:
            raise ConfigError(
                f"The guidance interval is {start} to {end}; both are shares of the sampling, 0 to 1, "
                "and it must begin before it ends."
            )

    def at(self, done: float, *, is_heard: bool) -> "Guidance":
        """Return the guidance when a share of the sampling is done and sound is heard or not."""
        start, end = self.interval
        plain = Guidance(float(self.text_guidance != 0), float(self.audio_guidance != 0))
        now = self if start <= done < end else plain
        return now if is_heard else replace(now, audio_guidance=0.0)

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
        """The predictions that have to be made, in the order of a batch; the most conditioned comes last."""
        return tuple(self.coefficients)

    def combine(self, predictions: Mapping[Branch, Tensor]) -> Tensor:
        """Mix the predictions of the needed branches, tensors (images, ...), to the guided one."""
        terms = [factor * predictions[branch] for branch, factor in self.coefficients.items()]
        guided = sum(terms[1:], start=terms[0])
        if self.rescale == 0 or len(terms) == 1:
            return guided
        axes = tuple(range(1, guided.ndim))
        plain = predictions[self.branches[-1]].std(dim=axes, keepdim=True)
        return guided * (1 - self.rescale + self.rescale * plain / guided.std(dim=axes, keepdim=True))

    def combine_batch(self, predictions: Tensor) -> Tensor:
        """Mix predictions (branches * images, ...), ordered as `branches`, to (images, ...)."""
        parts = predictions.chunk(len(self.branches))
        return self.combine(dict(zip(self.branches, parts, strict=True)))
