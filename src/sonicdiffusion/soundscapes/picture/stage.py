"""What every painter of a scene is given: the canvas, the view, and the light of the hour."""

from dataclasses import dataclass

import numpy as np

from sonicdiffusion.soundscapes.picture.canvas import Canvas
from sonicdiffusion.soundscapes.scene import Scene


@dataclass(frozen=True)
class Light:
    """The light of a time of day.

    Args:
        zenith: colour of the sky overhead, RGB.
        horizon: colour of the sky at the horizon, RGB.
        ambient: light that falls on everything, RGB, about 1 by day.
        sun: colour of the sun or moon, RGB.
        sun_height: how far above the horizon the sun or moon stands, as a share of the sky.
        brightness: 0 at deep night to 1 by day; lamps and stars show when it is low.
    """

    zenith: tuple[float, float, float]
    horizon: tuple[float, float, float]
    ambient: tuple[float, float, float]
    sun: tuple[float, float, float]
    sun_height: float
    brightness: float


LIGHTS = {
    "dawn": Light((0.42, 0.50, 0.72), (0.99, 0.76, 0.66), (0.80, 0.68, 0.70), (1.0, 0.86, 0.70), 0.12, 0.60),
    "day": Light((0.24, 0.50, 0.86), (0.74, 0.87, 0.96), (1.00, 0.98, 0.93), (1.0, 0.98, 0.88), 0.75, 1.00),
    "dusk": Light((0.26, 0.20, 0.42), (0.97, 0.50, 0.24), (0.66, 0.46, 0.44), (1.0, 0.62, 0.28), 0.08, 0.40),
    "night": Light((0.02, 0.03, 0.10), (0.10, 0.14, 0.27), (0.36, 0.40, 0.56), (0.92, 0.94, 1.0), 0.65, 0.00),
}


@dataclass(frozen=True)
class Stage:
    """A view that is being painted.

    Args:
        canvas: what is painted on.
        scene: what is shown.
        light: the light of the hour.
        horizon: y at which the flat ground meets the distance, in units of the picture's height.
        ground: colour of the ground, RGB.
        sun: x, y of the sun or moon.
        wind: lean of plants, smoke and rain, in [-1, 1]; positive leans right.
    """

    canvas: Canvas
    scene: Scene
    light: Light
    horizon: float
    ground: tuple[float, float, float]
    sun: tuple[float, float]
    wind: float

    def random(self, *names: str) -> np.random.Generator:
        """Return the scene's random stream for one part of the picture."""
        return self.scene.random("picture", *names)

    def size_at(self, y: float) -> float:
        """Return how large things on the ground at `y` look: 1 at the bottom edge, 0.15 at the horizon."""
        return 0.15 + 0.85 * max(0.0, (y - self.horizon) / (1.0 - self.horizon))
