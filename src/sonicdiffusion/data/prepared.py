"""Prepared data as training reads it: pictures and sounds, decoded as they are needed."""

import hashlib
import io
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray
from PIL import Image

from sonicdiffusion.data.parquet_files import pq
from sonicdiffusion.data.workplace import FACTS, read_facts
from sonicdiffusion.errors import ConfigError, MissingFileError
from sonicdiffusion.values import Waveform


class PreparedData:
    """A folder that `sonicdiffusion prepare` has made, or one split of it. Rows have a fixed order.

    Args:
        folder: the folder.

    Raises:
        MissingFileError: if there is no such folder, or one of its files is gone.
        ConfigError: if it holds no prepared data, is only half prepared, or is damaged.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.facts = _facts(self.folder)
        """What `preparation.json` holds: settings, counts, fingerprint."""
        self.name: str | None = None
        """The split that this is; None for all of them."""
        self._shards = [self._shard(name) for name in self.facts["shards"]]

    def __len__(self) -> int:
        return sum(sum(groups) for _, groups in self._shards)

    @property
    def splits(self) -> tuple[str, ...]:
        """The names of the splits that hold rows."""
        return tuple(self.facts["splits"]) if self.name is None else (self.name,)

    def split(self, name: str) -> "PreparedData":
        """Return one split alone.

        Raises:
            ConfigError: if there is no row in such a split.
        """
        if name not in self.splits:
            raise ConfigError(f"'{self.folder}' has no split {name!r}; it has {', '.join(self.splits)}.")
        part = object.__new__(PreparedData)
        part.folder, part.facts, part.name = self.folder, self.facts, name
        part._shards = [shard for shard in self._shards if shard[0].name.startswith(f"{name}-")]
        return part

    @cached_property
    def fingerprint(self) -> str:
        """What changes with the pictures and sounds or their order: SHA-256 in hexadecimal."""
        if self.name is None:
            return str(self.facts["fingerprint"])
        return hashlib.sha256(b"".join(bytes.fromhex(key) for key in self.keys)).hexdigest()

    @cached_property
    def captions(self) -> list[str]:
        """The caption of each row; empty where there is none."""
        return self._column("caption")

    @cached_property
    def labels(self) -> list[str | None]:
        """The class of each row."""
        return self._column("label")

    @cached_property
    def groups(self) -> list[str]:
        """Of each row, what no split tears apart, such as the recording or the actor."""
        return self._column("group")

    @cached_property
    def keys(self) -> list[str]:
        """SHA-256 of the content of each row, in hexadecimal; no two are equal."""
        return self._column("key")

    def pictures_and_sounds(
        self, start: int = 0, stop: int | None = None
    ) -> Iterator[tuple[NDArray[np.uint8], Waveform]]:
        """Yield rows `start` to `stop - 1`: RGB, shape (height, width, 3), sizes differ; and the sound at its own rate.

        No more than one row group of encoded rows is held, 32 of them. Slices work as those of a list, without steps.
        """
        for jpeg, flac in self._media(*slice(start, stop).indices(len(self))[:2]):
            with Image.open(io.BytesIO(jpeg)) as picture:
                pixels = np.asarray(picture.convert("RGB"))
            samples, sample_rate = soundfile.read(io.BytesIO(flac), dtype="float32")
            yield pixels, Waveform(np.asarray(samples, np.float32), sample_rate)

    def _media(self, start: int, stop: int) -> Iterator[tuple[bytes, bytes]]:
        first = 0  # number of the first row of a row group
        for path, groups in self._shards:
            if first + sum(groups) <= start or first >= stop:
                first += sum(groups)
                continue
            with pq.ParquetFile(path) as file:
                for index, size in enumerate(groups):
                    begin, end = max(start - first, 0), min(stop - first, size)
                    if begin < end:
                        table = file.read_row_group(index, ["image.bytes", "audio.bytes"], use_threads=False)
                        for row in range(begin, end):
                            yield table["image"][row]["bytes"].as_py(), table["audio"][row]["bytes"].as_py()
                    first += size

    def _column(self, name: str) -> list[Any]:
        values: list[Any] = []
        for path, _ in self._shards:
            with pq.ParquetFile(path) as file:
                values += file.read([name], use_threads=False)[name].to_pylist()
        return values

    def _shard(self, name: str) -> tuple[Path, list[int]]:
        """Return a shard with the rows of its row groups."""
        path = self.folder / name
        if not path.is_file():
            raise MissingFileError(f"{path} is missing. Copy the folder again, with all its files.")
        try:
            with pq.ParquetFile(path) as file:
                return path, [file.metadata.row_group(index).num_rows for index in range(file.num_row_groups)]
        except (OSError, ValueError) as problem:
            raise ConfigError(f"{path} is damaged or cut short. Copy the folder again.") from problem


def _facts(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise MissingFileError(f"There is no folder '{folder}'. Check the path.")
    if not (folder / FACTS).is_file():
        if (folder / ".parts").is_dir():
            raise ConfigError(f"'{folder}' is only half prepared. Give its `sonicdiffusion prepare` again: it goes on.")
        raise ConfigError(f"'{folder}' holds no prepared data. Make some with `sonicdiffusion prepare`.")
    facts = read_facts(folder / FACTS)
    if not isinstance(facts.get("shards"), list) or not isinstance(facts.get("splits"), dict):
        raise ConfigError(f"'{folder / FACTS}' is damaged. Copy the folder again.")
    return facts
