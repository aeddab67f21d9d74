"""Parquet files of pictures and sounds, as `datasets` reads them."""

import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from sonicdiffusion.data.clips import Skipped
from sonicdiffusion.errors import ConfigError

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError as problem:
    raise ConfigError(
        "Prepared data needs the package pyarrow. Install it: pip install 'sonicdiffusion[train]'."
    ) from problem

UNCAPTIONED = ".uncaptioned"
"""Ending of a part whose captions are still to be made."""

GROUP_ROWS = 32
"""Rows that are written, and later read, at once."""

_MEDIA = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_FEATURES = {"image": {"_type": "Image"}, "audio": {"_type": "Audio"}}
_FIELDS = [
    ("image", _MEDIA),
    ("audio", _MEDIA),
    ("caption", pa.string()),
    ("label", pa.string()),
    ("group", pa.string()),
    ("source", pa.string()),
    ("start_seconds", pa.float64()),
    ("frame_seconds", pa.float64()),
    ("duration_seconds", pa.float64()),
    ("key", pa.string()),
]
_REPEATED = ["caption", "label", "group"]  # whose values are stored once


def _features() -> bytes:
    """Return the note by which `datasets` knows pictures and sounds."""
    values = {name: {"dtype": str(kind).replace("double", "float64"), "_type": "Value"} for name, kind in _FIELDS[2:]}
    return json.dumps({"info": {"features": {**_FEATURES, **values}}}).encode()


SCHEMA = pa.schema(_FIELDS, metadata={b"huggingface": _features()})
"""Of a shard of prepared data."""

PART_SCHEMA = pa.schema([*_FIELDS, ("split", pa.string())])
"""Of a part: the rows of one chunk, with the split that the source itself puts them into, or null."""

Row = dict[str, Any]


def open_writer(path: Path) -> pq.ParquetWriter:
    """Open a shard for writing."""
    repeated: Any = _REPEATED  # of which pyarrow's stub knows less than pyarrow
    return pq.ParquetWriter(path, SCHEMA, use_dictionary=repeated, compression="snappy", write_statistics=False)


def write_part(path: Path, rows: Sequence[Row], skipped: Iterable[Skipped]) -> None:
    """Write what became of a chunk, whole or not at all."""
    notes = json.dumps([[one.source, one.kind, one.reason] for one in skipped])
    table = pa.Table.from_pylist(list(rows), PART_SCHEMA).replace_schema_metadata({b"skipped": notes.encode()})
    _write_table(path, table)


def _write_table(path: Path, table: Any) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        pq.write_table(table, temporary, use_dictionary=False, write_statistics=False, row_group_size=GROUP_ROWS)
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())  # its content on the disk before its name
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_part(path: Path) -> tuple[Any, list[Skipped]]:
    """Return the table of a part and what was skipped in its chunk."""
    with pq.ParquetFile(path) as file:  # not `read_table`, which would keep threads and read ahead
        table = file.read(use_threads=False)
    notes = (table.schema.metadata or {}).get(b"skipped", b"[]")
    return table, [Skipped(*one) for one in json.loads(notes)]


def read_columns(path: Path, names: Sequence[str]) -> Any:
    """Return some columns of a part as a table, without reading the others."""
    with pq.ParquetFile(path) as file:
        return file.read(list(names), use_threads=False)


def caption_part(path: Path, captioner: Callable[[list[Any]], list[str]]) -> None:
    """Replace a part that waits for captions by one that has them.

    Args:
        path: ends in `UNCAPTIONED`; the new part ends in `.parquet`.
        captioner: from encoded pictures to captions.
    """
    with pq.ParquetFile(path) as file:
        table = file.read(use_threads=False)
    captions = captioner([picture["bytes"] for picture in table["image"].to_pylist()])
    place = table.schema.get_field_index("caption")
    _write_table(path.with_suffix(".parquet"), table.set_column(place, "caption", pa.array(captions, pa.string())))
    path.unlink()
