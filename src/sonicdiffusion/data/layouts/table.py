"""Tables of pairs: CSV, JSON lines or Parquet, with one row a pair and paths relative to the table."""

import csv
import difflib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sonicdiffusion.data.clips import Found, Skipped, SourceClip, Split
from sonicdiffusion.data.layouts.files import name_within, split_named, valid
from sonicdiffusion.errors import ConfigError

TABLE_SUFFIXES = (".csv", ".jsonl", ".parquet")

# What a column is called, the usual name first. `file_name` is what `datasets` calls the picture of an image folder.
_COLUMNS = {
    "sound": ("sound", "audio"),
    "picture": ("picture", "image", "file_name"),
    "label": ("label", "class"),
    "caption": ("caption", "captions", "text"),
    "split": ("split",),
    "group": ("group",),
}
_ALL_NAMES = tuple(name for names in _COLUMNS.values() for name in names)
_ALIKE = 0.75  # of two names, from which on one is taken for the other misspelt
_LONGEST_CELL = 1 << 20  # characters


def list_table(table: Path) -> Iterator[Found]:
    """Yield every row. A group, where the table names none, is the sound's file.

    Raises:
        ConfigError: if it is no such table, or lacks or misspells a column.
    """
    columns: dict[str, str] | None = None
    for number, row in enumerate(_rows(table), start=1):
        if columns is None or table.suffix.lower() == ".jsonl":  # whose rows may differ
            columns = _find_columns(table, row)
        yield _clip(table, f"{valid(table.name)}:{number}", {use: row.get(name) for use, name in columns.items()})


def _find_columns(table: Path, names: Iterable[str]) -> dict[str, str]:
    """Return what each column that is used is called in this table."""
    there = [str(name) for name in names if name is not None]
    found = {}
    for use, known in _COLUMNS.items():
        name = next((name for name in known if name in there), None)
        others = [other for other in there if other not in _ALL_NAMES]
        if name is not None:
            found[use] = name
        elif close := difflib.get_close_matches(use, others, n=1, cutoff=_ALIKE):
            raise ConfigError(f"'{table}' has a column {close[0]!r}. Did you mean {use!r}? Rename it.")
        elif use in ("sound", "picture"):
            raise ConfigError(
                f"'{table}' has no column {' or '.join(map(repr, known))}; it has {', '.join(map(repr, there))}. "
                f"Name the column with the paths of the {use}s so."
            )
    return found


def _clip(table: Path, place: str, row: Mapping[str, Any]) -> Found:
    for use in ("sound", "picture"):
        if isinstance(row[use], Mapping | bytes):
            raise ConfigError(f"'{table}' holds its {use}s inside; expected paths of files. Write them to files first.")
        if not row[use]:
            return Skipped(place, "no sound" if use == "sound" else "no picture", f"The row names no {use}.")
    sound, picture = (table.parent / str(row[use]) for use in ("sound", "picture"))
    split = _split(table, place, row.get("split"))
    name = name_within(sound, table.parent)
    caption = row.get("caption")
    if isinstance(caption, list):
        caption = caption[0] if caption else None
    return SourceClip(
        name,
        sound=sound,
        picture=picture,
        label=_text(row.get("label")),
        caption=_text(caption),
        group=_text(row.get("group")) or name,
        split=split,
    )


def _split(table: Path, place: str, value: object) -> Split | None:
    text = _text(value)
    split = None if text is None else split_named(text)
    if text is not None and split is None:
        raise ConfigError(f"'{table}' has the split {text!r} ({place}); expected train, validation or test.")
    return split


def _text(value: object) -> str | None:
    text = "" if value is None else valid(str(value)).strip()
    return text or None


def _rows(table: Path) -> Iterator[Mapping[str, Any]]:
    readers = {".csv": _csv_rows, ".jsonl": _json_rows, ".parquet": _parquet_rows}
    read = readers.get(table.suffix.lower())
    if read is None:
        raise ConfigError(f"'{table}' is no table that is read here; expected {', '.join(TABLE_SUFFIXES)}.")
    try:
        yield from read(table)
    except (UnicodeDecodeError, csv.Error, ValueError) as problem:
        if isinstance(problem, ConfigError):
            raise
        raise ConfigError(f"'{table}' cannot be read as {table.suffix[1:]}: {problem}. Export it again.") from problem


def _csv_rows(table: Path) -> Iterator[Mapping[str, Any]]:
    csv.field_size_limit(min(sys.maxsize, _LONGEST_CELL))
    with table.open(encoding="utf-8-sig", newline="") as lines:
        yield from csv.DictReader(lines)


def _json_rows(table: Path) -> Iterator[Mapping[str, Any]]:
    with table.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise ValueError(f"line {number} is no object with columns")
                yield row


def _parquet_rows(table: Path) -> Iterator[Mapping[str, Any]]:
    from sonicdiffusion.data.parquet_files import pq

    with pq.ParquetFile(table) as file:
        names = [name for name in file.schema_arrow.names if name in _ALL_NAMES]
        _find_columns(table, file.schema_arrow.names)
        for batch in file.iter_batches(batch_size=256, columns=names):
            yield from batch.to_pylist()
