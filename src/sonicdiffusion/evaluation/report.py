"""A report of measurements: JSON for programs, a page for readers, a short Markdown table for a model card."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from sonicdiffusion._version import __version__
from sonicdiffusion.config import nearest
from sonicdiffusion.errors import ConfigError
from sonicdiffusion.evaluation.baselines import baselines
from sonicdiffusion.evaluation.bench import Bench
from sonicdiffusion.evaluation.edits import EDITS
from sonicdiffusion.evaluation.exhibits import Exhibits
from sonicdiffusion.evaluation.heat import heat
from sonicdiffusion.evaluation.masks import masks
from sonicdiffusion.evaluation.measure import MEASUREMENTS
from sonicdiffusion.evaluation.page import report_page, write_page
from sonicdiffusion.evaluation.recordings import class_folders, real_recordings
from sonicdiffusion.evaluation.records import EACH
from sonicdiffusion.evaluation.speed import speed
from sonicdiffusion.models.folders import write_settings
from sonicdiffusion.soundscapes.scene import WORLD_VERSION

Numbers = dict[str, Any]

# Speed comes first: the memory it reports would else be that of the other measurements.
_MEASUREMENTS = {"speed": speed, **MEASUREMENTS, "baselines": baselines, "heat": heat, "masks": masks, **EDITS}
NAMES = (*_MEASUREMENTS, "real_recordings")

DATA_SET = "data_set"
"""Under which a report holds the measurement on somebody's own data."""

# Not for a table: long, or there to look up.
_DETAILS = (EACH, "extractors", "data", "clips", "confusion", "unreadable", "timed_pictures", "embedding_width")
_CARD_DETAILS = (*_DETAILS, "by_class", "by_event", "event_by_event", "event_by_place", "event_by_intensity")


@dataclass(frozen=True)
class Row:
    """One number of a report.

    Args:
        name: its place in the report, joined by dots.
        value: as text.
        interval: as text, empty if there is none.
        count: examples as text, empty if not known.
    """

    name: str
    value: str
    interval: str = ""
    count: str = ""


def choose(only: list[str] | None, sounds: Path | None) -> list[str]:
    """Return the names of the measurements to do; without recordings, all others.

    Raises:
        ConfigError: if a name is unknown, real recordings are asked for without a folder, or a subfolder is not named
            like an event.
        MissingFileError: if there is no such folder.
    """
    for name in only or ():
        if name not in NAMES:
            raise ConfigError(f"There is no measurement {name!r}. {nearest(name, NAMES)}")
    if only and "real_recordings" in only and sounds is None:
        raise ConfigError("Real recordings need a folder with a subfolder for each event. Give it as --sounds FOLDER.")
    if sounds is not None:
        class_folders(sounds)  # hours before they are read
    return [name for name in NAMES if (name in only if only else name != "real_recordings" or sounds is not None)]


def measure(
    bench: Bench, names: list[str], sounds: Path | None = None, on_done: Callable[[str, Numbers], None] | None = None
) -> Numbers:
    """Do measurements in order and return the report.

    Args:
        bench: model and judge.
        names: of `choose`.
        sounds: folder of real recordings.
        on_done: called with each measurement's name and numbers.
    """
    report: Numbers = {
        "sonicdiffusion": __version__,
        "world": WORLD_VERSION,
        "weights_sha256": bench.fingerprint,
        "pictures": bench.num_pictures,
        "judge_sha256": bench.judge.fingerprint,
        "judge_learnt_from_world": bench.judge.facts.get("world"),
        "judge": bench.judge.facts.get("validation", {}),
    }
    warnings: list[str] = []
    for name in names:
        if name == "real_recordings":
            numbers = real_recordings(bench, sounds or Path())
        else:
            numbers = _MEASUREMENTS[name](bench)
        if on_done is not None:
            on_done(name, numbers)
        warnings += numbers.pop("warnings", [])
        report[name] = numbers
    return {**report, "warnings": warnings}


def rows(numbers: Numbers, prefix: str = "", left_out: tuple[str, ...] = _DETAILS) -> Iterator[Row]:
    """Yield the numbers of a nested report; what is under the keys `left_out` stays out."""
    if "value" in numbers and "low" in numbers:
        interval = f"{_text(numbers['low'])} to {_text(numbers['high'])}"
        yield Row(prefix, _text(numbers["value"]), interval, str(numbers["count"]))
        numbers = {key: value for key, value in numbers.items() if isinstance(value, dict)}
    for key, value in numbers.items():
        if key in left_out:
            continue
        name = f"{prefix}.{key}" if prefix else key
        if isinstance(value, dict):
            yield from rows(value, name, left_out)
        elif value is not None:
            yield Row(name, _text(value))


def markdown(report: Numbers) -> str:
    """Return the short table for a model card; the command that measures each number is named with it."""
    lines = ["| what | value | interval (95%) | n | measured by |", "|---|---|---|---|---|"]
    for name in (name for name in (*NAMES, DATA_SET) if name in report):
        command = "evaluate DATA" if name == DATA_SET else f"evaluate --only {name}"
        for row in rows(report[name], left_out=_CARD_DETAILS):
            what = f"{name}.{row.name}".replace("_", " ").replace(".", ": ", 1).replace(".", ", ")
            lines.append(f"| {what} | {row.value} | {row.interval} | {row.count} | `{command}` |")
    return "\n".join(lines) + "\n"


def check_place(path: Path) -> None:
    """Make the folder of a report, and see whether the report can be written there.

    Raises:
        ConfigError: if it cannot, or what is written beside it would take its place.
    """
    if path.suffix.lower() in (".md", ".html"):
        raise ConfigError(
            f"The report '{path}' would be overwritten by its table or its page, which end in .md and .html. Name it "
            f"'{path.with_suffix('.json')}'; they then lie beside it."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise ConfigError(f"Cannot write to '{path.parent}': {error.strerror}. Choose another folder.") from error
    if path.is_dir():
        raise ConfigError(f"'{path}' is a folder. Name a file for the report, such as '{path / 'report.json'}'.")


def write(report: Numbers, path: Path, exhibits: Exhibits | None = None) -> tuple[Path, Path]:
    """Write the report as JSON, and beside it the page and the table of the same name.

    Args:
        report: of `measure`, with whatever else shall be kept.
        path: of the JSON file.
        exhibits: pictures and sounds for the page.

    Returns:
        The paths of the page and of the table.

    Raises:
        ConfigError: if it cannot be written there.
    """
    check_place(path)
    rounded, page, table = _rounded(report), path.with_suffix(".html"), path.with_suffix(".md")
    write_settings(path, rounded)
    write_page(page, report_page(rounded, exhibits or Exhibits()))
    table.write_text(markdown(report), encoding="utf-8")
    return page, table


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) >= 0.01 or value == 0 else f"{value:.2e}"
    return str(value)


def _rounded(value: Any) -> Any:
    """Return a report with numbers of five digits, and null for what is not a number, which JSON cannot hold."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    return value
