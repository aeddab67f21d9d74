"""Rows of one split written as numbered shards of bounded size."""

from pathlib import Path
from typing import Any

from sonicdiffusion.data.parquet_files import GROUP_ROWS, open_writer, pa

MAX_SHARD_BYTES = 500_000_000


class ShardWriter:
    """Writes `train-00000-of-00003.parquet` and so on; the number of shards is known, and written, at the end.

    Args:
        folder: for the shards.
        split: their name.
        max_bytes: of a shard's pictures and sounds; a shard holds at least one row group.
    """

    def __init__(self, folder: Path, split: str, max_bytes: int = MAX_SHARD_BYTES) -> None:
        self._folder = folder
        self._split = split
        self._max_bytes = max_bytes
        self._waiting: list[Any] = []
        self._num_waiting = 0
        self._shards: list[Path] = []
        self._writer: Any = None
        self._num_bytes = 0

    def add(self, table: Any) -> None:
        """Append rows, a table of `parquet_files.SCHEMA`; those that fill no row group yet are kept."""
        self._waiting.append(table)
        self._num_waiting += table.num_rows
        while self._num_waiting >= GROUP_ROWS:
            self._write_group()

    def finish(self) -> list[Path]:
        """Write what is left, close the last shard, and return all of them under their final names."""
        if self._num_waiting:
            self._write_group()
        self.close()
        named = []
        for index, path in enumerate(self._shards):
            name = path.with_name(f"{self._split}-{index:05d}-of-{len(self._shards):05d}.parquet")
            named.append(path.replace(name))
        return named

    def close(self) -> None:
        """Close the shard that is being written."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _write_group(self) -> None:
        rows = pa.concat_tables(self._waiting)
        group, rest = rows.slice(0, GROUP_ROWS), rows.slice(GROUP_ROWS)
        self._waiting = [rest] if rest.num_rows else []
        self._num_waiting = rest.num_rows
        num_bytes = group.nbytes
        if self._writer is not None and self._num_bytes + num_bytes > self._max_bytes:
            self.close()
        if self._writer is None:
            self._shards.append(self._folder / f"{self._split}-{len(self._shards):05d}.parquet")
            self._writer = open_writer(self._shards[-1])
            self._num_bytes = 0
        self._writer.write_table(group, row_group_size=GROUP_ROWS)
        self._num_bytes += num_bytes
