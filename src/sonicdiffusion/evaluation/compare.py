"""Two reports side by side: what differs beyond chance, trial by trial, and what cannot be told."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonicdiffusion.errors import ConfigError, MissingFileError, ModelError
from sonicdiffusion.evaluation.page import render
from sonicdiffusion.evaluation.page_numbers import Mark, is_number, mark_on
from sonicdiffusion.evaluation.page_words import section, word
from sonicdiffusion.evaluation.records import Records, each_of, measures
from sonicdiffusion.metrics.intervals import paired_difference
from sonicdiffusion.metrics.significance import holm, sign_flip_test
from sonicdiffusion.models.folders import read_settings

Report = Mapping[str, Any]

LEVEL = 0.05
"""Of all differences together: how often chance alone may be called a difference."""

_FACTS = ("model", "sonicdiffusion", "weights_sha256", "pictures", "command")


@dataclass(frozen=True)
class Difference:
    """One number of both reports, on the trials that both have.

    Args:
        measurement: its place in the reports, joined by dots.
        number: the name of the column of records.
        first: its mean in the first report.
        second: its mean in the second.
        value: second minus first.
        low: lower end of the 95% interval of the difference.
        high: upper end.
        count: trials.
        chance: how likely chance alone makes as large a difference, corrected for the number of differences.
    """

    measurement: str
    number: str
    first: float
    second: float
    value: float
    low: float
    high: float
    count: int
    chance: float

    @property
    def is_beyond_chance(self) -> bool:
        """Whether it differs."""
        return self.chance < LEVEL

    @property
    def name(self) -> str:
        """What it is called on a page."""
        first, *others = self.measurement.split(".")
        return f"{': '.join([section(first).title, *(word(one).label for one in others)])}: {word(self.number).label}"


@dataclass(frozen=True, eq=False)
class _Pair:
    """Numbers of the same trials in two reports, and the groups they are drawn in."""

    measurement: str
    number: str
    first: NDArray[np.float64]
    second: NDArray[np.float64]
    groups: list[str]


@dataclass(frozen=True)
class Comparison:
    """What two reports say about each other.

    Args:
        facts: what was measured, where it differs: name, first and second.
        differences: of all numbers that could be paired.
        remarks: sentences on what could not be paired, or not entirely.
    """

    facts: list[tuple[str, str, str]]
    differences: list[Difference]
    remarks: list[str]

    @property
    def summary(self) -> str:
        """The result in one sentence."""
        found = sum(one.is_beyond_chance for one in self.differences)
        if not self.differences:
            return "Nothing could be paired."
        verb = "differs" if found == 1 else "differ"
        how = f"paired sign flips, Holm's correction, level {LEVEL:g}"
        return f"{found or 'None'} of {len(self.differences)} numbers {verb} beyond chance ({how})."


def read_report(path: Path) -> dict[str, Any]:
    """Read a report that `sonicdiffusion evaluate` has written.

    Raises:
        MissingFileError: if there is no such file.
        ConfigError: if it is something else.
    """
    if not path.is_file():
        raise MissingFileError(f"There is no report '{path}'. Make one with: sonicdiffusion evaluate --out {path.name}")
    try:
        report = read_settings(path)
    except ModelError:
        report = {}
    if not {"sonicdiffusion", "weights_sha256"} <= report.keys():
        raise ConfigError(
            f"'{path}' is not a report of sonicdiffusion evaluate. Name the JSON file that it has written."
        )
    if not all(_is_whole(records) for _, records in each_of(report)):
        raise ConfigError(f"The records of trials in '{path}' are damaged. Write the report again.")
    return report


def _is_whole(records: Any) -> bool:
    """Return whether records name their trials and hold a value, which is a number where it has to be, for each."""
    if not isinstance(records, dict) or not isinstance(records.get("trial"), list):
        return False
    lengths = {len(column) if isinstance(column, list) else -1 for column in records.values()}
    numbers = (value for name in measures(records) for value in records[name])
    return lengths == {len(records["trial"])} and all(value is None or is_number(value) for value in numbers)


def compare(first: Report, second: Report) -> Comparison:
    """Pair the trials of two reports by their names and say which means differ beyond chance.

    Chance is that of the trials drawn: a difference is tested by flipping the signs of the trials' differences
    (Fisher 1935) and all of them together are corrected by Holm 1979. Where a group of trials is not independent, it is
    drawn and flipped as one.

    Args:
        first: of `read_report`.
        second: another one; differences are second minus first.

    Raises:
        ConfigError: if the reports were made in different worlds or by different judges.
    """
    _check_comparable(first, second)
    remarks = []
    if first["weights_sha256"] == second["weights_sha256"]:
        remarks.append("Both reports are of the same weights: what differs comes from other settings or versions.")
    one, other = dict(each_of(first)), dict(each_of(second))
    pairs: list[_Pair] = []
    for path in [*one, *(path for path in other if path not in one)]:
        name = ".".join(path)
        if path not in one or path not in other:
            remarks.append(f"{name}: only in the {'second' if path not in one else 'first'} report.")
            continue
        shared = _shared(one[path], other[path])
        remarks += _remark(name, one[path], other[path], shared)
        columns = [column for column in measures(one[path]) if column in other[path]]
        pairs += [pair for column in columns if (pair := _paired(name, column, one[path], other[path], shared)).groups]
    return Comparison(_facts(first, second), _differences(pairs), [*remarks, *_unrecorded(first, second)])


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as plain values, for a file."""
    differences = [{**asdict(one), "is_beyond_chance": one.is_beyond_chance} for one in comparison.differences]
    facts = {name: [one, other] for name, one, other in comparison.facts}
    return {"summary": comparison.summary, "facts": facts, "differences": differences, "remarks": comparison.remarks}


def comparison_page(comparison: Comparison, names: tuple[str, str]) -> str:
    """Return a comparison as a page, in the manner of a report's.

    Args:
        comparison: what is shown.
        names: what the reports are called.
    """
    marked = [(one, _mark(one)) for one in comparison.differences]
    differ, alike = ([row for row in marked if row[0].is_beyond_chance is wanted] for wanted in (True, False))
    return render("compare.html", comparison=comparison, names=names, differ=differ, alike=alike)


def _mark(one: Difference) -> Mark:
    """Return where a difference lies between plus and minus its largest end, at least 0.1."""
    reach = max(0.1, abs(one.low), abs(one.high))
    return mark_on((one.value, one.low, one.high), (-reach, reach), 0.0)


def _check_comparable(first: Report, second: Report) -> None:
    worlds = first.get("world"), second.get("world")
    if worlds[0] != worlds[1]:
        raise ConfigError(
            f"The reports were made in versions {worlds[0]} and {worlds[1]} of the world, whose scenes differ. "
            "Evaluate both models with one version of sonicdiffusion."
        )
    key = "judge_sha256" if "judge_sha256" in first and "judge_sha256" in second else "judge"
    if first.get(key) != second.get(key):
        raise ConfigError("The reports were made by different judges. Evaluate both models with one judge.")


def _facts(first: Report, second: Report) -> list[tuple[str, str, str]]:
    return [
        (name.replace("_", " "), str(first.get(name, "not told")), str(second.get(name, "not told")))
        for name in _FACTS
        if first.get(name) != second.get(name)
    ]


def _shared(one: Records, other: Records) -> list[str]:
    """Return the trials of both, in order; none if a name means two trials."""
    names = set(other["trial"])
    if len(names) < len(other["trial"]) or len(set(one["trial"])) < len(one["trial"]):
        return []
    return [name for name in one["trial"] if name in names]


def _remark(path: str, one: Records, other: Records, shared: list[str]) -> list[str]:
    counts = len(one["trial"]), len(other["trial"])
    if not shared:
        return [f"{path}: no trial of one is in the other (other seeds, or names that repeat), so nothing was paired."]
    if len(shared) < max(counts):
        return [f"{path}: {counts[0]} and {counts[1]} trials, of which the {len(shared)} that both have were paired."]
    return []


def _paired(path: str, name: str, one: Records, other: Records, shared: list[str]) -> _Pair:
    """Return the numbers of those trials that have one in both reports."""
    columns = [dict(zip(records["trial"], records[name], strict=True)) for records in (one, other)]
    known = [trial for trial in shared if columns[0][trial] is not None and columns[1][trial] is not None]
    groups = dict(zip(one["trial"], one.get("group", one["trial"]), strict=True))
    first, second = (np.array([column[trial] for trial in known], np.float64) for column in columns)
    return _Pair(path, name, first, second, [groups[trial] for trial in known])


def _differences(pairs: list[_Pair]) -> list[Difference]:
    chances = holm([sign_flip_test(pair.second, pair.first, pair.groups) for pair in pairs])
    return [
        Difference(
            pair.measurement,
            pair.number,
            float(pair.first.mean()),
            float(pair.second.mean()),
            **asdict(paired_difference(pair.second, pair.first, pair.groups)),
            chance=chance,
        )
        for pair, chance in zip(pairs, chances, strict=True)
    ]


def _unrecorded(first: Report, second: Report) -> list[str]:
    """Name the measurements that both have without any records of their trials."""
    recorded = {path[0] for path, _ in each_of(first)} & {path[0] for path, _ in each_of(second)}
    both = [name for name in first if name in second and isinstance(first[name], Mapping) and name != "judge"]
    return [f"{name}: no records of single trials, so nothing was paired." for name in both if name not in recorded]
