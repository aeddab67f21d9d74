"""Numbers as a page shows them: as text, and as a dot with its interval on a line."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sonicdiffusion.evaluation.page_words import Word

_SCALES = {"share": (0.0, 1.0), "correlation": (-1.0, 1.0)}


@dataclass(frozen=True)
class Mark:
    """A dot with its interval on a line; all places in percent of the line's length.

    Args:
        dot: place of the value.
        low: start of the interval.
        high: end of the interval.
        tick: place of chance, or of zero; none if there is nothing to compare with.
    """

    dot: float
    low: float
    high: float
    tick: float | None = None


@dataclass(frozen=True)
class Cell:
    """One number.

    Args:
        text: its value, empty if it is not known.
        interval: as text, empty if there is none.
        count: examples as text, empty if not known.
        mark: as a dot on a line, if it has a scale.
    """

    text: str = ""
    interval: str = ""
    count: str = ""
    mark: Mark | None = None


def is_estimate(value: Any) -> bool:
    """Return whether a value is a number with an interval or a spread."""
    return isinstance(value, Mapping) and "value" in value and ("low" in value or "spread" in value)


def is_number(value: Any) -> bool:
    """Return whether a value is a number, with or without an interval."""
    return is_estimate(value) or (isinstance(value, int | float) and not isinstance(value, bool))


def ends(value: Any) -> tuple[float, float, float] | None:
    """Return value, low and high of a number; both ends are the value if there is no interval, none if not finite."""
    if not is_estimate(value):
        return (value,) * 3 if is_number(value) else None
    middle = value["value"]
    spread = value.get("spread") or 0.0
    low, high = value.get("low"), value.get("high")
    if middle is None:
        return None
    return middle, middle - spread if low is None else low, middle + spread if high is None else high


def text(value: Any, scale: str = "") -> str:
    """Return a plain value as a reader wants it: shares in percent, few digits, yes and no."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return ""
    if isinstance(value, int | float) and scale == "share":
        return f"{100 * value:.1f}%"
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) >= 0.01 or value == 0 else f"{value:.1e}"
    if isinstance(value, list):
        return ", ".join(text(item) for item in value)
    return str(value)


def cell(value: Any, meaning: Word, span: tuple[float, float] | None = None) -> Cell:
    """Return a number as a page shows it.

    Args:
        value: a plain value, or a number with its interval.
        meaning: gives its scale, and what chance would reach.
        span: start and end of its line; by default those of its scale, and no line without one.
    """
    known, estimated = ends(value), is_estimate(value)
    if known is None:
        return Cell() if estimated else Cell(text(value))
    interval = ""
    if estimated and value.get("low") is not None and value.get("high") is not None:
        interval = f"{text(value['low'], meaning.scale)} to {text(value['high'], meaning.scale)}"
    elif estimated and value.get("spread") is not None:
        interval = f"± {text(value['spread'], meaning.scale)}"
    count = str(value.get("count", "")) if estimated else ""
    span = span or _SCALES.get(meaning.scale)
    mark = mark_on(known, span, meaning.chance) if span else None
    return Cell(text(known[0], meaning.scale), interval, count, mark)


def mark_on(known: tuple[float, float, float], span: tuple[float, float], tick: float | None = None) -> Mark:
    """Return where a number with its interval lies on a line from `span[0]` to `span[1]`; ends beyond it are cut."""

    def place(number: float) -> float:
        return round(100 * min(1.0, max(0.0, (number - span[0]) / (span[1] - span[0]))), 2)

    return Mark(*(place(number) for number in known), tick=None if tick is None else place(tick))
