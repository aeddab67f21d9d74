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
        reach: how far below the threshold of a heat map, as a share of its range, the photograph may change.
        iterations: predictions for each level of a DDIM inversion.
        steps: sampling steps as a factor of those that the adapter was tuned for, at most 50 of them; None takes 50.
    """

    inversion: Literal["ddim", "fixed-point", "ddpm", "noise"]
    skipped: tuple[float, float]
    attention: tuple[float, float]
    features: tuple[float, float]
    guidance: tuple[float, float] = (1.5, 1.5)
    is_local: bool = False
    reach: tuple[float, float] = (0.0, 0.0)
    iterations: int = 1
    steps: float | None = None

    def num_steps(self, tuned: int) -> int:
        """Return the sampling steps for an adapter that was tuned for `tuned` of them."""
        return 50 if self.steps is None else max(1, min(50, round(self.steps * tuned)))

    def at(self, strength: float) -> "EditSettings":
        """Return the settings at an edit strength from 0 to 1."""

        def between(ends: tuple[float, float]) -> float:
            return ends[0] + strength * (ends[1] - ends[0])

        skipped, attention, features, reach = (
            min(1.0, max(0.0, between(ends))) for ends in (self.skipped, self.attention, self.features, self.reach)
        )
        return EditSettings(skipped, attention, features, between(self.guidance), reach)


@dataclass(frozen=True)
class EditSettings:
    """What a method does at one strength.

    Args:
        skipped: share of the steps that is left out at the noisy end.
        attention: share of the steps in which self-attention queries and keys are the photograph's.
        features: share of the steps in which residual features are the photograph's.
        guidance: factor of the guidance that the adapter was tuned for.
        reach: how far below the threshold of a heat map, as a share of its range, the photograph may change.
    """

    skipped: float
    attention: float
    features: float
    guidance: float
    reach: float


METHODS: dict[str, EditMethod] = {
    "published": EditMethod("ddim", (1.0, -1.0), (1.0, 0.6), (1.0, 0.6)),  # 0, 0.8 and 0.8 at strength 0.5
    "exact": EditMethod(
        "fixed-point",
        skipped=(1.0, -1.0),
        attention=(1.3, 0.3),
        features=(1.3, 0.3),
        guidance=(1.2, 2.8),
        is_local=True,
        reach=(-0.2, 0.2),
        iterations=3,
        steps=1,
    ),
    "friendly": EditMethod("ddpm", (1.0, -1.0), (0.8, 0.0), (0.8, 0.0), (1.2, 2.0), is_local=True, steps=4 / 3),
    "redraw": EditMethod("noise", (1.0, 0.0), (0.0, 0.0), (0.0, 0.0), (1.0, 1.0), steps=4 / 3),
}
"""The ways of editing by name."""

DEFAULT_METHOD = "exact"
DEFAULT_STRENGTH = 0.5
