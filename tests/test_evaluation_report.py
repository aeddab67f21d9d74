"""What an evaluation is asked for, and the report it gives, without a model."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sonicdiffusion.cli.main import app
from sonicdiffusion.errors import ConfigError, MissingFileError, SonicDiffusionError
from sonicdiffusion.evaluation.report import choose, markdown, rows, write


def test_rows_show_a_share_with_its_interval_and_what_lies_below_it() -> None:
    numbers = {"share": {"value": 0.5, "low": 0.4, "high": 0.6, "count": 10, "by_event": {"birds": 0.25}}, "clips": []}
    found = [(row.name, row.value, row.interval, row.count) for row in rows(numbers)]
    assert found == [("share", "0.500", "0.400 to 0.600", "10"), ("share.by_event.birds", "0.250", "", "")]
    assert "birds" not in markdown({"with_place": numbers})


def test_unknown_measurements_are_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="'mixtures'"):
        choose(["mixture"], None)
    with pytest.raises(ConfigError, match="--sounds"):
        choose(["real_recordings"], None)
    assert "real_recordings" not in choose(None, None)


def test_the_table_lies_beside_the_report(tmp_path: Path) -> None:
    page, table = write({"speed": {"seconds": 1.5}}, tmp_path / "new" / "report.json")
    assert json.loads((tmp_path / "new" / "report.json").read_text()) == {"speed": {"seconds": 1.5}}
    assert (page, table) == (tmp_path / "new" / "report.html", tmp_path / "new" / "report.md")
    assert "1.500" in page.read_text()
    assert "| speed: seconds | 1.500 |" in table.read_text()


@pytest.mark.parametrize("name", ["report.md", "report.html"])
def test_a_report_is_not_overwritten_by_its_table_or_page(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Name it '.*report\.json'"):
        write({}, tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("option", "value", "error", "message"),
    [
        ("--sounds", "nowhere", MissingFileError, "There is no folder 'nowhere'"),
        ("--sounds", "trains", ConfigError, "'steam' is not named like an event"),
        ("--out", "report.md", ConfigError, "overwritten by its table"),
        ("--out", "a_file/report.json", ConfigError, "Cannot write to 'a_file'"),
        ("--out", "trains", ConfigError, "'trains' is a folder"),
    ],
)
def test_a_mistyped_place_is_noticed_before_a_model_is_loaded(
    option: str,
    value: str,
    error: type[SonicDiffusionError],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trains" / "steam").mkdir(parents=True)
    (tmp_path / "a_file").write_text("in the way")
    with pytest.raises(error, match=message):
        CliRunner().invoke(app, ["evaluate", "--model", "no_such_model", option, value], catch_exceptions=False)
