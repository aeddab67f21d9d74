"""What differs between two reports beyond chance."""

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from sonicdiffusion.cli.main import app
from sonicdiffusion.errors import ConfigError, MissingFileError
from sonicdiffusion.evaluation.compare import compare, read_report


def report(right: list[Any], first: int = 0, **more: Any) -> dict[str, Any]:
    trials = [f"scene {first + number}" for number in range(len(right))]
    columns = {"seen": ["rain"] * len(right), "event": right, "place": [0, 1] * (len(right) // 2)}
    return {
        "model": "mini",
        "sonicdiffusion": "0",
        "weights_sha256": "00",
        "world": 3,
        "judge": {"event_right": 1.0},
        "with_place": {
            "event": {},
            "each": {"trial": trials, **columns},
        },
        **more,
    }


GOOD = [1] * 18 + [0] * 2
BAD = [0] * 18 + [1] * 2


def test_a_report_does_not_differ_from_itself() -> None:
    found = compare(report(GOOD), report(GOOD))
    assert [(one.value, one.low, one.high, one.chance) for one in found.differences] == [(0.0, 0.0, 0.0, 1.0)] * 2
    assert "same weights" in found.remarks[0]
    assert found.summary.startswith("None of 2 numbers differ")


def test_a_worse_model_is_seen_and_only_where_it_is_worse() -> None:
    found = compare(report(GOOD), report(BAD, weights_sha256="01"))
    event, place = found.differences
    assert (event.number, event.first, event.second) == ("event", 0.9, 0.1)
    assert event.value == pytest.approx(-0.8)
    assert event.high < 0
    assert event.is_beyond_chance
    assert not place.is_beyond_chance
    assert found.facts == [("weights sha256", "00", "01")]
    assert event.name == "Sound and a place: event right"


def test_trials_are_paired_by_name_and_the_rest_is_told() -> None:
    shuffled = report(GOOD, weights_sha256="01")
    for column in shuffled["with_place"]["each"].values():
        column.reverse()
    assert compare(report(GOOD), shuffled).differences[0].value == 0.0
    found = compare(report(GOOD), report(GOOD[10:], first=10, weights_sha256="01"))
    assert found.differences[0].count == 10
    assert found.remarks == ["with_place: 20 and 10 trials, of which the 10 that both have were paired."]


def test_trials_without_a_number_are_left_out() -> None:
    some = report([None, *GOOD[1:]], weights_sha256="01")
    assert [one.count for one in compare(report(GOOD), some).differences] == [19, 20]


def test_other_seeds_and_missing_measurements_are_not_paired() -> None:
    other = report(GOOD, first=1000, weights_sha256="01", speed={"seconds": 1.0})
    found = compare(report(GOOD, speed={"seconds": 2.0}, heat={"each": {"trial": ["a"], "iou": [0.5]}}), other)
    assert not found.differences
    assert found.summary == "Nothing could be paired."
    assert [remark.split(":")[0] for remark in found.remarks] == ["with_place", "heat", "speed"]


def test_trials_of_one_group_count_as_one() -> None:
    reports = [report(GOOD), report([1] * 12 + [0] * 8, weights_sha256="01")]
    apart = compare(*reports).differences[0]
    for one in reports:
        one["with_place"]["each"]["group"] = ["a"] * 10 + ["b"] * 10
    together = compare(*reports).differences[0]
    assert together.value == pytest.approx(apart.value)
    assert together.chance > apart.chance


def test_other_worlds_and_other_judges_are_refused() -> None:
    with pytest.raises(ConfigError, match="versions 3 and 4 of the world"):
        compare(report(GOOD), report(GOOD, world=4))
    with pytest.raises(ConfigError, match="different judges"):
        compare(report(GOOD), report(GOOD, judge={"event_right": 0.5}))
    one, other = (report(GOOD, judge_sha256=digest) for digest in "ab")
    with pytest.raises(ConfigError, match="different judges"):
        compare(one, other)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no JSON", "not a report"),
        ("[]", "not a report"),
        ('{"model": "mini"}', "not a report"),
        (json.dumps(report(GOOD) | {"masks": {"each": {"trial": ["a"], "event": []}}}), "damaged"),
        (json.dumps(report(GOOD) | {"masks": {"each": [1]}}), "damaged"),
        (json.dumps(report(GOOD) | {"masks": {"each": {"trial": ["a"], "event": ["yes"]}}}), "damaged"),
    ],
)
def test_foreign_files_are_refused_in_one_sentence(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(content)
    with pytest.raises(ConfigError, match=message):
        read_report(tmp_path / "report.json")
    with pytest.raises(MissingFileError, match="There is no report"):
        read_report(tmp_path / "other.json")


def test_the_command_says_it_in_words_as_json_and_as_a_page(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    good = report(rng.integers(0, 2, 40).tolist())
    bad = copy.deepcopy(good)
    bad["weights_sha256"] = "01"
    bad["with_place"]["each"]["event"] = [0] * 40
    for name, one in (("a", good), ("b", bad)):
        (tmp_path / f"{name}.json").write_text(json.dumps(one))
    files = [str(tmp_path / "a.json"), str(tmp_path / "b.json")]
    for suffix in ("json", "html"):
        done = CliRunner().invoke(app, ["compare", *files, "--out", str(tmp_path / f"c.{suffix}")])
        assert done.exit_code == 0, done.output
        assert "1 of 2 numbers differs beyond chance" in done.output
    written = json.loads((tmp_path / "c.json").read_text())
    assert [one["is_beyond_chance"] for one in written["differences"]] == [True, False]
    assert "1 of 2 numbers differs beyond chance" in (tmp_path / "c.html").read_text()
    with pytest.raises(ConfigError, match=r"ends neither in \.json nor in \.html"):
        CliRunner().invoke(app, ["compare", *files, "--out", "c.txt"], catch_exceptions=False)
