"""Curves with their intervals as SVG that takes its colours from the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

Point = tuple[float, float, float, float]
"""Where on the axis; value, low and high there."""

_WIDTH, _HEIGHT = 320, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 10, 10, 26
NUM_COLOURS = 6


@dataclass(frozen=True)
class Frame:
    """The ranges that a plot shows.

    Args:
        across: of the horizontal axis.
        up: of the vertical axis.
    """

    across: tuple[float, float]
    up: tuple[float, float]

    def x(self, number: float) -> float:
        """Return the place of a number on the horizontal axis."""
        share = (number - self.across[0]) / ((self.across[1] - self.across[0]) or 1.0)
        return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(self, number: float) -> float:
        """Return the place of a number on the vertical axis."""
        share = (number - self.up[0]) / ((self.up[1] - self.up[0]) or 1.0)
        return round(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM), 1)


def curves(label: str, series: Mapping[str, Sequence[Point]], *, scale: str = "", unit: str = "") -> str:
    """Draw curves over one axis.

    Args:
        label: what is drawn, for those who cannot see it.
        series: points of each curve, from left to right.
        scale: "share" draws from 0 to 1, in percent; anything else from 0, or below, to the largest number.
        unit: of the horizontal axis.

    Returns:
        An SVG element; curve number k has the class `k`, counted around after `NUM_COLOURS`.
    """
    points = [point for curve in series.values() for point in curve]
    top = max(point[3] for point in points)
    up = (0.0, 1.0) if scale == "share" else (min(0.0, *(point[2] for point in points)), top if top > 0 else 1.0)
    frame = Frame((min(p[0] for p in points), max(p[0] for p in points)), up)
    parts = _axes(frame, sorted({point[0] for point in points}), scale, unit)
    for number, curve in enumerate(series.values()):
        parts.append(f'<g class="curve c{number % NUM_COLOURS}">')
        parts += [
            f'<line class="whisker" x1="{frame.x(at)}" x2="{frame.x(at)}" y1="{frame.y(low)}" y2="{frame.y(high)}"/>'
            for at, _, low, high in curve
            if low < high
        ]
        line = " ".join(f"{frame.x(at)},{frame.y(value)}" for at, value, _, _ in curve)
        parts.append(f'<polyline points="{line}"/>')
        parts += [f'<circle cx="{frame.x(at)}" cy="{frame.y(value)}" r="3"/>' for at, value, _, _ in curve]
        parts.append("</g>")
    inside = "".join(parts)
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(label)}">{inside}</svg>'


def _axes(frame: Frame, places: Sequence[float], scale: str, unit: str) -> list[str]:
    parts = []
    for step in range(5):
        number = frame.up[0] + (frame.up[1] - frame.up[0]) * step / 4
        words = f"{number:.0%}" if scale == "share" else f"{number:.2g}"
        y = frame.y(number)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{words}</text>')
    for place in places:
        words = escape(f"{place:g}{unit}")
        parts.append(f'<text x="{frame.x(place)}" y="{_HEIGHT - 8}" text-anchor="middle">{words}</text>')
    return parts
