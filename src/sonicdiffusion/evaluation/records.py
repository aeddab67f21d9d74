"""Records of single trials beside a measurement's numbers: a report is compared and shown picture by picture.

A measurement may hold, under the key `EACH`, a column `trial` of names and columns of as many values. A name means the
same trial in every report. A column `group` names what is not independent, such as the seeds of one clip; `asked` and
`seen` are what a picture should show and what it does. All other columns are numbers, or none where a trial has none.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

EACH = "each"
WORDS = ("trial", "group", "asked", "seen")
"""Columns of names."""

Records = dict[str, list[Any]]
Column = NDArray[Any] | Sequence[Any]


def each(trials: Sequence[str], **columns: Column) -> dict[str, Records]:
    """Return the records of trials under their key, to be put beside a measurement's numbers.

    Args:
        trials: a name for each.
        columns: a value for each trial: names, numbers (NaN where a trial has none), or truths, kept as 0 and 1.
    """
    assert all(len(column) == len(trials) for column in columns.values())
    return {EACH: {"trial": list(trials), **{name: _plain(column) for name, column in columns.items()}}}


def each_of(
    numbers: Mapping[str, Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], dict[str, list]]]:
    """Yield all records of a nested report, each with the keys that lead to the numbers it lies beside."""
    for key, value in numbers.items():
        if key == EACH:
            yield path, value
        elif isinstance(value, dict):
            yield from each_of(value, (*path, key))


def measures(records: Mapping[str, Sequence[Any]]) -> list[str]:
    """Return the names of the columns that hold numbers."""
    return [name for name in records if name not in WORDS]


def _plain(column: Column) -> list[Any]:
    values = np.asarray(column)
    if values.dtype.kind == "b":
        return values.astype(int).tolist()
    if values.dtype.kind == "f":
        return [None if np.isnan(value) else value for value in values.tolist()]
    return values.tolist()
