"""Billowing bodies of smoke, cloud and fire, modelled as a heap of round puffs."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sonicdiffusion.soundscapes.picture.canvas import Canvas, Colour, Field, smoothstep


@dataclass(frozen=True)
class Billow:
    """A heap of puffs as seen from the front, each field of shape (height, width).

    Args:
        cover: 1 inside the outline, 0 outside.
        relief: how far the surface bulges towards the viewer, 0 at the outline to 1.
        slope_x: slope of the relief to the right.
        slope_y: slope of the relief downwards.
    """

    cover: Field
    relief: Field
    slope_x: Field
    slope_y: Field

    def lit_from(self, direction: tuple[float, float]) -> Field:
        """Return the light on the surface, about 0 in the shade to 1, from a direction x, y in the picture."""
        slope = self.slope_x * np.float32(direction[0]) + self.slope_y * np.float32(direction[1])
        return np.clip(0.5 - 0.28 * slope + 0.18 * (self.relief - 0.5), 0.0, 1.0).astype(np.float32, copy=False)


def billow(
    canvas: Canvas, puffs: NDArray[np.floating], ruffle: Field, ruffle_size: float = 0.03, edge: float = 0.25
) -> Billow:
    """Model a heap of puffs at half the working resolution.

    Args:
        canvas: what the heap will be painted on.
        puffs: centre and radius of each puff, shape (puffs, 3) as x, y, radius.
        ruffle: noise about 0.5 that displaces the outlines, shape (height, width).
        ruffle_size: by how much it displaces them, in units of the height.
        edge: softness of the outline, as a share of a puff's relief.
    """
    shift = (ruffle[::2, ::2] - 0.5) * (2.0 * ruffle_size)
    x, y = canvas.x[::2, ::2] + shift, canvas.y[::2, ::2] - shift
    rows, columns = x.shape
    largest = float(puffs[:, 2].max())
    height = np.full((rows, columns), -1.0, np.float32)
    for centre_x, centre_y, radius in puffs.tolist():
        reach = radius * 1.4 + ruffle_size
        top, bottom = _span(centre_y, reach, 1.0, rows)
        left, right = _span(centre_x, reach, canvas.aspect, columns)
        if top >= bottom or left >= right:
            continue
        part = (slice(top, bottom), slice(left, right))
        square = (x[part] - centre_x) ** 2 + (y[part] - centre_y) ** 2
        height[part] = np.maximum(height[part], (1.0 - square / radius**2) * (0.35 + 0.65 * radius / largest))
    relief = np.sqrt(np.maximum(height, 0.0))
    per_unit = rows / 8.0 * largest
    slope_x = cv2.Sobel(relief, cv2.CV_32F, 1, 0) * per_unit
    slope_y = cv2.Sobel(relief, cv2.CV_32F, 0, 1) * per_unit
    full = (canvas.width, canvas.height)
    whole = [np.asarray(cv2.resize(field, full), np.float32) for field in (height, relief)]
    slopes = [np.asarray(cv2.resize(np.clip(slope, -2, 2), full), np.float32) for slope in (slope_x, slope_y)]
    return Billow(smoothstep(0.0, edge, whole[0]), whole[1], *slopes)


def _span(centre: float, reach: float, length: float, count: int) -> tuple[int, int]:
    """Return the first and last cell of `count` over `length` that lie within `reach` of `centre`."""
    scale = count / length
    return max(0, int((centre - reach) * scale)), min(count, int((centre + reach) * scale) + 1)


def ramp(value: NDArray[np.floating], stops: list[tuple[float, Colour]]) -> NDArray[np.float32]:
    """Colour a field: `stops` are (value, RGB) with rising values in [0, 1]; shape (height, width, 3)."""
    at = [stop for stop, _ in stops]
    colours = np.asarray([colour for _, colour in stops], np.float32)
    table = np.stack([np.interp(np.linspace(0, 1, 256), at, colours[:, c]) for c in range(3)], axis=1)
    return table.astype(np.float32)[(np.clip(value, 0.0, 1.0) * 255.0).astype(np.uint8)]
