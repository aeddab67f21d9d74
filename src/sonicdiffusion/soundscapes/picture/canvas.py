"""A canvas that keeps colour and light apart, so that whatever is drawn is lit and veiled by the same air.

Coordinates are in units of the picture's height: x runs from 0 (left) to `aspect` (right), y from 0 (top)
to 1 (bottom).
Colours are display RGB in [0, 1]. The picture is `albedo * light + emission`.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Colour = Sequence[float] | NDArray[np.floating]
Field = NDArray[np.floating]

_SUBPIXEL_BITS = 4


def smoothstep(low: float, high: float, value: NDArray[np.floating]) -> Field:
    """Rise smoothly from 0 at `low` to 1 at `high`, elementwise."""
    ramp = np.clip((value - low) / (high - low), 0.0, 1.0)
    return (ramp * ramp * (3.0 - 2.0 * ramp)).astype(np.float32, copy=False)


def mix(first: Colour, second: Colour, amount: float) -> NDArray[np.float32]:
    """Blend two colours, `amount` in [0, 1] of the second."""
    return (np.asarray(first) * (1.0 - amount) + np.asarray(second) * amount).astype(np.float32)


def _cut(colour: Colour, box: tuple[slice, slice]) -> Field:
    """Return the part of a colour field inside `box`; a plain colour, or an axis of length 1, stays whole."""
    field = np.asarray(colour, dtype=np.float32)
    if field.ndim == 1:
        return field
    return field[tuple(part if length > 1 else slice(None) for part, length in zip(box, field.shape, strict=False))]


class Canvas:
    """The buffers of one picture in the making.

    Args:
        height: working height in pixels.
        width: working width in pixels.
        ambient: colour of the light that reaches everything, RGB, about 1 by day.
        haze: colour of the air that veils what is far.
    """

    def __init__(self, height: int, width: int, ambient: Colour, haze: Colour) -> None:
        self.height, self.width = height, width
        self.aspect = width / height
        self.haze = np.asarray(haze, dtype=np.float32)
        self.albedo = np.zeros((height, width, 3), np.float32)
        self.emission = np.zeros((height, width, 3), np.float32)
        self.light = np.empty((height, width, 3), np.float32)
        self.light[:] = np.asarray(ambient, dtype=np.float32)
        self.y, self.x = np.meshgrid(
            (np.arange(height, dtype=np.float32) + 0.5) / height,
            (np.arange(width, dtype=np.float32) + 0.5) / height,
            indexing="ij",
        )

    def _points(self, points: NDArray[np.floating] | Sequence[Sequence[float]]) -> NDArray[np.int32]:
        scaled = np.asarray(points, dtype=np.float64) * self.height * (1 << _SUBPIXEL_BITS)
        return np.round(scaled).clip(-(2**26), 2**26).astype(np.int32)

    def _shades(self, colour: Colour, depth: float, glow: Colour | None) -> tuple[list[float], list[float]]:
        """Split a colour at a depth in [0, 1] into what light falls on and what shines or is haze."""
        albedo = np.asarray(colour, dtype=np.float32) * (1.0 - depth)
        emission = self.haze * depth
        if glow is not None:
            emission = emission + np.asarray(glow, dtype=np.float32) * (1.0 - depth)
        return [float(c) for c in albedo], [float(c) for c in emission]

    def polygon(
        self,
        points: NDArray[np.floating] | Sequence[Sequence[float]],
        colour: Colour,
        depth: float = 0.0,
        glow: Colour | None = None,
    ) -> None:
        """Fill the polygon `points`, shape (points, 2) as x, y; `depth` in [0, 1] is how much haze veils it.

        `glow` is light of its own (a lit window, a flame), RGB.
        """
        albedo, emission = self._shades(colour, depth, glow)
        corners = [self._points(points)]
        cv2.fillPoly(self.albedo, corners, albedo, cv2.LINE_8, _SUBPIXEL_BITS)
        cv2.fillPoly(self.emission, corners, emission, cv2.LINE_8, _SUBPIXEL_BITS)

    def line(
        self,
        points: NDArray[np.floating] | Sequence[Sequence[float]],
        thickness: float,
        colour: Colour,
        depth: float = 0.0,
        glow: Colour | None = None,
    ) -> None:
        """Draw an open polyline; `thickness` in units of the height (at least one working pixel)."""
        albedo, emission = self._shades(colour, depth, glow)
        path, pixels = [self._points(points)], max(1, round(thickness * self.height))
        cv2.polylines(self.albedo, path, False, albedo, pixels, cv2.LINE_8, _SUBPIXEL_BITS)
        cv2.polylines(self.emission, path, False, emission, pixels, cv2.LINE_8, _SUBPIXEL_BITS)

    def ellipse(
        self,
        centre: tuple[float, float],
        radii: tuple[float, float],
        colour: Colour,
        depth: float = 0.0,
        glow: Colour | None = None,
        angle_degrees: float = 0.0,
    ) -> None:
        """Fill an ellipse with half axes `radii`, turned clockwise by `angle_degrees`."""
        turn = np.linspace(0.0, 2.0 * np.pi, 28, endpoint=False)
        along, across = radii[0] * np.cos(turn), radii[1] * np.sin(turn)
        tilt = np.deg2rad(angle_degrees)
        outline = np.stack(
            [
                centre[0] + along * np.cos(tilt) - across * np.sin(tilt),
                centre[1] + along * np.sin(tilt) + across * np.cos(tilt),
            ],
            axis=1,
        )
        self.polygon(outline, colour, depth, glow)

    def blend(
        self, cover: Field, colour: Colour | Field, depth: float = 0.0, glow: Colour | Field | None = None
    ) -> None:
        """Lay a colour over the picture where `cover`, shape (height, width) in [0, 1], says so.

        `colour` and `glow` may be fields of shape (height, width, 3).
        """
        rows, columns = np.flatnonzero(cover.max(axis=1) > 0), np.flatnonzero(cover.max(axis=0) > 0)
        if len(rows) == 0:
            return
        # Only the box that `cover` touches is worked on: most covers are small, and a full blend is dear.
        box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        weight = np.clip(cover[box], 0.0, 1.0).astype(np.float32, copy=False)[..., None]
        shone = self.haze * depth
        if glow is not None:
            shone = shone + _cut(glow, box) * np.float32(1.0 - depth)
        albedo, emission = self.albedo[box], self.emission[box]
        albedo += weight * (_cut(colour, box) * np.float32(1.0 - depth) - albedo)
        emission += weight * (shone - emission)

    def shine(self, centre: tuple[float, float], radius: float, colour: Colour, flatten: float = 1.0) -> None:
        """Add a light to the scene: everything within about `radius` of `centre` is lit by it.

        `flatten` below 1 spreads the light sideways, as on the ground.
        """
        self.light += self._spot(centre, radius, flatten)[..., None] * np.asarray(colour, np.float32)

    def halo(self, centre: tuple[float, float], radius: float, colour: Colour) -> None:
        """Add a glow in the air around `centre`, over all that is drawn so far."""
        self.emission += self._spot(centre, radius, 1.0)[..., None] * np.asarray(colour, np.float32)

    def _spot(self, centre: tuple[float, float], radius: float, flatten: float) -> Field:
        """Return a Gaussian spot, 1 at `centre`; it factors into a row and a column, which is quick."""
        across = np.exp(np.square((self.x[:1] - centre[0]) / np.float32(radius)) * np.float32(-1.0))
        down = np.exp(np.square((self.y[:, :1] - centre[1]) / np.float32(radius * flatten)) * np.float32(-1.0))
        return down * across

    def cover(self, points: NDArray[np.floating] | Sequence[Sequence[float]], blur: float = 0.0) -> Field:
        """Return the field that is 1 inside a polygon and 0 outside, blurred by `blur` units, for `blend`."""
        field = np.zeros((self.height, self.width), np.float32)
        cv2.fillPoly(field, [self._points(points)], 1.0, cv2.LINE_8, _SUBPIXEL_BITS)
        return self.soften(field, blur)

    def strokes(self, paths: Sequence[NDArray[np.floating]], thickness: float, blur: float = 0.0) -> Field:
        """Return the field covered by several polylines of one thickness, for `blend`."""
        field = np.zeros((self.height, self.width), np.float32)
        pixels = max(1, round(thickness * self.height))
        cv2.polylines(field, [self._points(path) for path in paths], False, 1.0, pixels, cv2.LINE_8, _SUBPIXEL_BITS)
        return self.soften(field, blur)

    def soften(self, field: Field, blur: float) -> Field:
        """Blur a field by a Gaussian of `blur` units of the height; 0 leaves it."""
        return field if blur <= 0 else np.asarray(cv2.GaussianBlur(field, (0, 0), blur * self.height), np.float32)

    def noise(
        self,
        rng: np.random.Generator,
        cells: float,
        octaves: int = 4,
        stretch: float = 1.0,
        persistence: float = 0.5,
    ) -> Field:
        """Return smooth fractal noise in about [0, 1], mean 0.5, `cells` bumps to the picture's height.

        `stretch` above 1 makes the bumps longer sideways.
        """
        total = np.zeros((self.height, self.width), np.float32)
        weight, weights = 1.0, 0.0
        for octave in range(octaves):
            rows = max(2, round(cells * 2**octave) + 1)
            columns = max(2, round(cells * 2**octave * self.aspect / stretch) + 1)
            grid = rng.random((rows, columns), dtype=np.float32)
            if octave == 0 or (rows < self.height and columns < self.width):
                total += weight * cv2.resize(grid, (self.width, self.height), interpolation=cv2.INTER_CUBIC)
                weights += weight
            weight *= persistence
        return np.clip((total / weights - 0.5) * 1.5 + 0.5, 0.0, 1.0)

    def render(self, height: int, width: int) -> NDArray[np.uint8]:
        """Return the finished picture, uint8, shape (height, width, 3)."""
        linear = self.albedo * self.light + self.emission
        bright = linear - 0.8  # roll highlights off softly instead of clipping them
        linear = np.where(bright > 0, 0.8 + 0.2 * np.tanh(bright / 0.35), linear)
        small = cv2.resize(linear, (width, height), interpolation=cv2.INTER_AREA)
        return np.round(np.clip(small, 0.0, 1.0) * 255.0).astype(np.uint8)


def ridge(rng: np.random.Generator, count: int, cells: float, octaves: int = 5, persistence: float = 0.5) -> Field:
    """Return a fractal outline of `count` heights in about [0, 1], `cells` bumps along it."""
    total = np.zeros(count, np.float32)
    weight, weights = 1.0, 0.0
    for octave in range(octaves):
        knots = max(2, round(cells * 2**octave) + 1)
        heights = rng.random((1, knots), dtype=np.float32)
        total += weight * cv2.resize(heights, (count, 1), interpolation=cv2.INTER_CUBIC)[0]
        weights += weight
        weight *= persistence
    return np.clip((total / weights - 0.5) * 1.5 + 0.5, 0.0, 1.0)
