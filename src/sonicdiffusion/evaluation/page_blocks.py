"""Nested numbers become blocks of a page by their shape alone, so that any measurement can be shown."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sonicdiffusion.evaluation.page_curves import Point, curves
from sonicdiffusion.evaluation.page_numbers import Cell, cell, ends, is_estimate, is_number, text
from sonicdiffusion.evaluation.page_words import Word, word
from sonicdiffusion.evaluation.records import EACH

Numbers = Mapping[str, Any]

_NUMBER = re.compile(r"(-?\d+(?:\.\d+)?)( [A-Za-z]+)?")


@dataclass(frozen=True)
class Rows:
    """Numbers one below the other, each with its meaning."""

    kind: ClassVar[str] = "rows"
    label: ClassVar[str] = ""
    rows: list[tuple[Word, Cell]]


@dataclass(frozen=True)
class Bars:
    """One number for each name."""

    kind: ClassVar[str] = "bars"
    label: str
    bars: list[tuple[str, Cell]]


@dataclass(frozen=True)
class Table:
    """A row for each contender, a column for each number."""

    kind: ClassVar[str] = "table"
    label: str
    columns: list[Word]
    rows: list[tuple[str, list[Cell]]]


@dataclass(frozen=True)
class Confusion:
    """How often each thing asked for was seen as what."""

    kind: ClassVar[str] = "confusion"
    label: str
    columns: list[str]
    rows: list[tuple[str, list[tuple[int, float]]]]  # count, and its share of the row


@dataclass(frozen=True)
class Plots:
    """Curves of several names over one axis: a plot for each number."""

    kind: ClassVar[str] = "plots"
    label: str
    names: list[str]
    plots: list[tuple[str, str]]  # title and SVG


@dataclass(frozen=True)
class Listing:
    """Entries to look up, folded away."""

    kind: ClassVar[str] = "listing"
    label: str
    columns: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Group:
    """Blocks under a heading of their own."""

    kind: ClassVar[str] = "group"
    label: str
    blocks: list["Block"] = field(default_factory=list)
    is_folded: bool = False


Block = Rows | Bars | Table | Confusion | Plots | Listing | Group


def blocks(numbers: Numbers) -> list[Block]:
    """Return what shows a measurement, whatever it holds; the records of its trials give its confusion."""
    plain = {
        key: value for key, value in numbers.items() if not isinstance(value, Mapping | list) or is_estimate(value)
    }
    nested = {
        key: value for key, value in numbers.items() if key not in plain and key != EACH and value not in ({}, [])
    }
    found: list[Block] = []
    if plain:
        found.append(Rows([(word(key), cell(value, word(key))) for key, value in plain.items()]))
    found += [_within(key, value) for key, value in plain.items() if is_estimate(value) and _inner(value)]
    found += _of_nested(nested)
    records = numbers.get(EACH, {})
    if "asked" in records and "seen" in records:
        found.append(_confusion_of("what was seen, for each sound", records["asked"], records["seen"]))
    return found


def _of_nested(nested: Numbers) -> list[Block]:
    series = {key: value for key, value in nested.items() if _is_curve(value)}
    if len(series) > 1 and len(series) == len(nested):
        return [_plots("", series)]
    rivals = _contenders(nested)
    found: list[Block] = []
    if rivals:
        found.append(_table("", rivals))
    for key, value in nested.items():
        rest = {k: v for k, v in value.items() if not is_number(v)} if key in rivals else value
        if key in rivals:
            inner = blocks(rest)
            found += [Group(word(key).label, inner, is_folded=True)] if inner else []
        else:
            found.append(_one(key, rest))
    return found


def _one(key: str, value: Any) -> Block:
    """Return the block of one nested value by its shape."""
    label = word(key).label
    if isinstance(value, list):
        return _listing(label, value)
    if _is_curve(value):
        return _plots(label, {"": value}, key)
    if _is_confusion(value):
        columns = list(dict.fromkeys(name for row in value.values() for name in row))
        return _confusion(label, columns, value)
    if all(is_number(item) for item in value.values()):
        return _bars(key, value)
    rivals = _contenders(value)
    if len(rivals) == len(value):
        return _table(label, rivals)
    return Group(label, blocks(value))


def _inner(estimate: Any) -> dict[str, Any]:
    return {key: value for key, value in estimate.items() if isinstance(value, Mapping)}


def _within(key: str, estimate: Any) -> Block:
    """Return what a number with its interval carries besides, such as the same number class by class."""
    parts = {f"{word(key).label}, {word(name).label}": value for name, value in _inner(estimate).items()}
    (label, value), *others = parts.items()
    if not others and all(is_number(item) for item in value.values()):
        return _bars(key, value, label)
    return Group(word(key).label, _of_nested(_inner(estimate)))


def _contenders(nested: Numbers) -> dict[str, Numbers]:
    """Return the entries that hold the same numbers as another one does: they make one table."""
    tables = {key: v for key, v in nested.items() if isinstance(v, Mapping) and not _is_confusion(v)}
    names = {key: frozenset(k for k, v in value.items() if is_number(v)) for key, value in tables.items()}
    shared = {key: any(own & other for rival, other in names.items() if rival != key) for key, own in names.items()}
    return {key: tables[key] for key, is_shared in shared.items() if is_shared}


def _table(label: str, rivals: Mapping[str, Numbers]) -> Table:
    keys = list(dict.fromkeys(key for numbers in rivals.values() for key, v in numbers.items() if is_number(v)))
    spans = {key: _span([numbers.get(key) for numbers in rivals.values()]) for key in keys}
    rows = []
    for name, numbers in rivals.items():
        cells = [
            cell(numbers[key], word(key), _own_span(word(key), spans[key])) if key in numbers else Cell()
            for key in keys
        ]
        rows.append((word(name).label, cells))
    return Table(label, [word(key) for key in keys], rows)


def _bars(key: str, values: Numbers, label: str = "") -> Bars:
    meaning = word(key)
    span = _own_span(meaning, _span(list(values.values())))
    return Bars(label or meaning.label, [(word(name).label, cell(v, meaning, span)) for name, v in values.items()])


def _own_span(meaning: Word, span: tuple[float, float]) -> tuple[float, float] | None:
    """Return the line of numbers without a scale of their own; the others know theirs."""
    return None if meaning.scale else span


def _span(values: Sequence[Any]) -> tuple[float, float]:
    known = [found for value in values if (found := ends(value)) is not None]
    low, high = min((k[1] for k in known), default=0.0), max((k[2] for k in known), default=1.0)
    return min(0.0, low), (high if high > 0 else 0.0) or 1.0


def _is_confusion(value: Any) -> bool:
    """Return whether a value counts names by names: a table of whole numbers."""
    if not isinstance(value, Mapping) or not value:
        return False
    rows = [row for row in value.values() if isinstance(row, Mapping)]
    return len(rows) == len(value) and all(type(count) is int for row in rows for count in row.values())


def _confusion(label: str, columns: Sequence[str], counts: Mapping[str, Mapping[str, int]]) -> Confusion:
    rows = []
    for name, row in counts.items():
        total = sum(row.values()) or 1
        rows.append((word(name).label, [(row.get(column, 0), row.get(column, 0) / total) for column in columns]))
    return Confusion(label, [word(column).label for column in columns], rows)


def _confusion_of(label: str, asked: Sequence[str], seen: Sequence[str]) -> Confusion:
    names = list(dict.fromkeys(asked))
    counts: dict[str, dict[str, int]] = {name: {} for name in names}
    for one, other in zip(asked, seen, strict=True):
        counts[one][other] = counts[one].get(other, 0) + 1
    return _confusion(label, [*names, *dict.fromkeys(name for name in seen if name not in names)], counts)


def _is_curve(value: Any) -> bool:
    """Return whether a value has at least three entries that lie on an axis of numbers, all of the same shape."""
    if not isinstance(value, Mapping) or len(value) < 3 or is_estimate(value):
        return False
    matches = [_NUMBER.fullmatch(key) for key in value]
    units = {match[2] for match in matches if match}
    flat = all(is_number(item) for item in value.values())
    deep = all(isinstance(item, Mapping) and not is_estimate(item) for item in value.values())
    return all(matches) and len(units) == 1 and (flat or deep)


def _plots(label: str, series: Mapping[str, Numbers], key: str = "") -> Plots:
    """Draw each number over the axis, a curve for each name."""
    first = next(iter(series.values()))
    unit = match[2] or "" if (match := _NUMBER.fullmatch(next(iter(first)))) else ""
    at = {name: {float(k.removesuffix(unit)): v for k, v in curve.items()} for name, curve in series.items()}
    if is_number(next(iter(first.values()))):
        numbers = {key: at}
    else:
        keys = list(dict.fromkeys(k for curve in first.values() for k, v in curve.items() if is_number(v)))
        numbers = {k: {name: {x: v.get(k) for x, v in curve.items()} for name, curve in at.items()} for k in keys}
    plots = []
    for name, by_name in numbers.items():
        drawn = {one: points for one, curve in by_name.items() if (points := _points(curve))}
        if drawn:
            plots.append((word(name).label, curves(word(name).label, drawn, scale=word(name).scale, unit=unit)))
    return Plots(label, [word(name).label for name in series if name], plots)


def _points(curve: Mapping[float, Any]) -> list[Point]:
    return [(at, *found) for at, value in sorted(curve.items()) if (found := ends(value)) is not None]


def _listing(label: str, entries: Sequence[Any]) -> Listing:
    if entries and all(isinstance(entry, Mapping) for entry in entries):
        columns = list(dict.fromkeys(key for entry in entries for key in entry))
        return Listing(label, [word(c).label for c in columns], [[text(e.get(c)) for c in columns] for e in entries])
    return Listing(label, [], [[text(entry)] for entry in entries])
