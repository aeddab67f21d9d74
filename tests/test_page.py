"""The page of a report: any numbers become something to look at."""

from pathlib import Path

import numpy as np
import pytest

from sonicdiffusion.evaluation.exhibits import Exhibit, Exhibits, mp3, png
from sonicdiffusion.evaluation.page import report_page
from sonicdiffusion.evaluation.page_blocks import Bars, Confusion, Group, Listing, Plots, Rows, Table, blocks
from sonicdiffusion.evaluation.page_numbers import cell
from sonicdiffusion.evaluation.page_words import SECTIONS, Word
from sonicdiffusion.evaluation.report import NAMES, write
from sonicdiffusion.values import Waveform

HEAD = {"model": "mini", "sonicdiffusion": "0", "weights_sha256": "00", "world": 3, "judge": {"event_right": 1.0}}


def share(value: float, low: float, high: float) -> dict[str, float]:
    return {"value": value, "low": low, "high": high, "count": 10}


def test_a_number_lies_on_its_line_with_its_interval() -> None:
    shown = cell(share(0.5, 0.25, 0.75), Word("right", scale="share", chance=0.1))
    assert (shown.text, shown.interval, shown.count) == ("50.0%", "25.0% to 75.0%", "10")
    assert shown.mark is not None
    assert (shown.mark.dot, shown.mark.low, shown.mark.high, shown.mark.tick) == (50.0, 25.0, 75.0, 10.0)
    below = cell({"value": -0.5, "low": -1.0, "high": 0.0, "count": 3}, Word("follows", scale="correlation"))
    assert below.mark is not None
    assert below.mark.dot == 25.0
    assert cell({"value": None, "low": None, "high": None, "count": 0}, Word("unknown")).text == ""


def test_contenders_become_one_table_whatever_their_numbers() -> None:
    rivals = {"ours": {"novelty": share(0.9, 0.8, 1.0), "cost": 3}, "theirs": {"novelty": share(0.1, 0.0, 0.2)}}
    (table,) = blocks({"unheard_of": rivals})
    assert isinstance(table, Table)
    assert [column.label for column in table.columns] == ["novelty", "cost"]
    assert [(name, [one.text for one in cells]) for name, cells in table.rows] == [
        ("ours", ["0.900", "3"]),
        ("theirs", ["0.100", ""]),
    ]
    assert [type(block) for block in blocks(rivals)] == [Table]


def test_numbers_along_an_axis_become_curves() -> None:
    curve = {f"{x:g}": {"novelty": share(x, 0.0, 1.0)} for x in (0.1, 0.2, 0.3)}
    (plots,) = blocks({"ours": curve, "theirs": curve})
    assert isinstance(plots, Plots)
    assert plots.names == ["ours", "theirs"]
    ((title, svg),) = plots.plots
    assert title == "novelty"
    assert svg.count("<polyline") == 2
    assert svg.count("<circle") == 6
    (gain,) = blocks({"event_by_gain": {"-6 dB": 0.2, "0 dB": 0.4, "6 dB": 0.9}})
    assert isinstance(gain, Plots)
    assert ">-6 dB<" in gain.plots[0][1]


def test_everything_else_finds_a_shape() -> None:
    found = blocks(
        {
            "plain": 3,
            "correlation": {**share(0.5, 0.1, 0.9), "by_event": {"birds": 0.2}},
            "by_event": {"birds": 0.5, "rain": 0.7},
            "confusion": {"birds": {"birds": 3, "rain": 1}, "rain": {"rain": 4}},
            "deeper": {"still": {"deeper": {"number": 1.0}}},
            "clips": [{"name": "a.wav", "half": "report"}],
            "missing": {},
            "each": {"trial": ["1", "2"], "asked": ["rain", "birds"], "seen": ["none", "birds"]},
        }
    )
    assert [type(one) for one in found] == [Rows, Bars, Bars, Confusion, Group, Listing, Confusion]
    seen = found[-1]
    assert isinstance(seen, Confusion)
    assert seen.columns == ["rain", "birds", "none"]
    assert seen.rows[0] == ("rain", [(0, 0.0), (0, 0.0), (1, 1.0)])


def test_every_measurement_of_ours_is_explained() -> None:
    assert set(NAMES) <= SECTIONS.keys()


def test_names_from_outside_are_text_and_not_markup() -> None:
    evil = "<script>alert(1)</script>"
    html = report_page({**HEAD, "model": evil, "clips_of_mine": {evil: {"a": {evil: evil}}}}, Exhibits())
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_warnings_stand_at_the_top() -> None:
    html = report_page({**HEAD, "warnings": ["The event is at chance."], "other": {"x": 1}}, Exhibits())
    assert html.index("The event is at chance.") < html.index('id="other"')
    assert "Read this first" not in report_page(HEAD, Exhibits())


def test_the_best_the_median_and_the_worst_are_kept() -> None:
    exhibits, asked = Exhibits(), []

    def show(number: int) -> Exhibit:
        asked.append(number)
        return Exhibit(f"trial {number}", b"", 0.0, "rain", "rain", number)

    exhibits.collect("main", [0.5, 0.9, 0.1, 0.9, 0.3, 0.2, 0.8, 0.7, 0.6, 0.4, 0.0], show)
    found = {rank: [one.seed for one in ones] for rank, ones in exhibits.shown["main"].items()}
    assert found == {"best": [1, 3, 6], "median": [8, 0, 9], "worst": [10, 2, 5]}
    assert len(asked) == 9


@pytest.mark.parametrize("rate", [16_000, 32_000, 96_000, 11_127])
def test_a_sound_of_any_rate_can_be_shown(rate: int) -> None:
    sound = Waveform(np.sin(np.arange(rate) * 0.05).astype(np.float32), rate)
    assert mp3(sound) == mp3(sound)
    assert len(mp3(sound)) > 1000
    long = Waveform(np.zeros(60 * 16_000, np.float32), 16_000)
    assert len(mp3(long)) < 25 * len(mp3(Waveform(np.zeros(16_000, np.float32), 16_000)))


def test_a_report_is_written_with_its_page_the_same_each_time(tmp_path: Path) -> None:
    exhibits = Exhibits()
    picture = png(np.zeros((8, 8, 3), np.uint8))
    exhibits.collect("main", [3.0, 2.0, 1.0], lambda number: Exhibit("t", picture, 0.0, "rain", "rain", number))
    report = {**HEAD, "main": {"event": share(0.5, 0.2, 0.8)}, "command": "sonicdiffusion evaluate"}
    pages = [write(report, tmp_path / name / "report.json", exhibits)[0].read_bytes() for name in ("one", "two")]
    assert pages[0] == pages[1]
    assert pages[0].count(b"data:image/png;base64,") == 3
    assert b"http" not in pages[0].replace(b"http-equiv", b"")
    assert b"data:image" not in (tmp_path / "one" / "report.json").read_bytes()
