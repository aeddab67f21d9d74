"""The ways of editing: how a photograph becomes noise, and how much of it is kept on the way back."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class EditMethod:
    """One way.

    Each pair is a share of the steps at edit strength 0 and at 1; between, it follows the strength in a straight line,
    as far as that lies between 0 and 1.

    Args:
        inversion: "ddim" as published; "fixed-point", DDIM repeated until it comes back; "ddpm", the edit-friendly one;
            "noise", none at all (SDEdit).
        skipped: share of the steps that is left out at the noisy end.
        attention: share of the steps in which self-attention queries and keys are the photograph's.
        features: share of the steps in which residual features are the photograph's.
        guidance: factor of the guidance that the adapter was tuned for.
        is_local: whether the photograph changes only where the sound acts, by its heat map, unless told otherwise.
        iterations: predictions for each level of a DDIM inversion.
    """

    inversion: Literal["ddim", "fixed-point", "ddpm", "noise"]
    skipped: tuple[float, float]
    attention: tuple[float, float]
    features: tuple[float, float]
    guidance: tuple[float, float] = (1.5, 1.5)
    is_local: bool = False
    iterations: int = 1

    def at(self, strength: float) -> "EditSettings":
        """Return the settings at an edit strength from 0 to 1."""

        def between(ends: tuple[float, float]) -> float:
            return ends[0] + strength * (ends[1] - ends[0])

        skipped, attention, features = (
            min(1.0, max(0.0, between(ends))) for ends in (self.skipped, self.attention, self.features)
        )
        return EditSettings(skipped, attention, features, between(self.guidance))


@dataclass(frozen=True)
class EditSettings:
    """What a method does at one strength.

    Args:
        skipped: share of the steps that is left out at the noisy end.
        attention: share of the steps in which self-attention queries and keys are the photograph's.
        features: share of the steps in which residual features are the photograph's.
        guidance: factor of the guidance that the adapter was tuned for.
    """

    skipped: float
    attention: float
    features: float
    guidance: float


METHODS: dict[str, EditMethod] = {
    "published": EditMethod("ddim", (1.0, -1.0), (1.0, 0.6), (1.0, 0.6)),  # 0, 0.8 and 0.8 at strength 0.5
    "exact": EditMethod("fixed-point", (1.0, -1.0), (1.0, 0.6), (1.0, 0.6), iterations=3),
    "friendly": EditMethod("ddpm", (1.0, -1.0), (0.8, 0.0), (0.8, 0.0), (1.2, 2.0), is_local=True),
    "redraw": EditMethod("noise", (1.0, 0.0), (0.0, 0.0), (0.0, 0.0), (1.0, 1.0)),
}
"""The ways of editing by name."""

DEFAULT_METHOD = "friendly"
DEFAULT_STRENGTH = 0.5
