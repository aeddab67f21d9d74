"""Noise that wanders and stays unit normal."""

import math

from torch import Tensor


def on_circle(home: Tensor, ahead: Tensor, aside: Tensor, radius: float, turn: float) -> Tensor:
    """Return noise on a circle of the sphere around `home`; the circle closes after each whole turn.

    The squares of the factors sum to 1, so three independent unit normal tensors of one shape give a unit normal one.

    Args:
        home: the centre.
        ahead: where the circle points at turn 0.
        aside: where it points a quarter of a turn later.
        radius: angle between centre and circle in radians; 0 stays at home.
        turn: how far around, in turns.

    Source: Shoemake 1985, "Animating Rotation with Quaternion Curves", section 3.3, applied twice.
    """
    angle = 2.0 * math.pi * turn
    return math.cos(radius) * home + math.sin(radius) * (math.cos(angle) * ahead + math.sin(angle) * aside)
