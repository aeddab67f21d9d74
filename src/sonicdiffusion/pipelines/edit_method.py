"""The ways of editing: how a photograph becomes noise, and how much of it is kept on the way back."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class EditMethod:
    """One way.

    Each pair is a share of the steps at edit strength 0 and at 1; between, it follows the strength in a straight line.

    Args:
        inversion: "ddim" as published; "fixed-point", DDIM repeated until it comes back; "ddpm", the edit-friendly one;
            "noise", none at all (SDEdit).
        skipped: share of the steps that is left out at the noisy end.
        attention: share of the steps in which self-attention queries and keys are the photograph's.
        features: share of the steps in which residual features are the photograph's.
        iterations: predictions for each level of a DDIM inversion.
    """

    inversion: Literal["ddim", "fixed-point", "ddpm", "noise"]
    skipped: tuple[float, float]
    attention: tuple[float, float]
    features: tuple[float, float]
    iterations: int = 1

    def at(self, strength: float) -> tuple[float, float, float]:
        """Return the shares skipped, with attention and with features, at an edit strength from 0 to 1."""
        first, second, third = (a + strength * (b - a) for a, b in (self.skipped, self.attention, self.features))
        return first, second, third


METHODS: dict[str, EditMethod] = {
    "published": EditMethod("ddim", (0.0, 0.0), (1.0, 0.6), (1.0, 0.6)),  # 0.8 and 0.8 at strength 0.5
    "exact": EditMethod("fixed-point", (0.0, 0.0), (1.0, 0.6), (1.0, 0.6), iterations=3),
    "friendly": EditMethod("ddpm", (1.0, 0.0), (1.0, 0.0), (1.0, 0.0)),
    "redraw": EditMethod("noise", (1.0, 0.0), (0.0, 0.0), (0.0, 0.0)),
}
"""The ways of editing by name."""

DEFAULT_METHOD = "friendly"
DEFAULT_STRENGTH = 0.5
