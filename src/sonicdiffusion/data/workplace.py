"""The folder that prepared data is made in: hidden parts first, which become the whole in one step at the end."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from sonicdiffusion.errors import ConfigError

FACTS = "preparation.json"
"""What marks a folder as prepared data: settings, counts and fingerprint. It comes last."""

_HIDDEN = ".parts"

State = Literal["new", "begun", "joined", "finished"]


class Workplace:
    """A target folder.

    Args:
        target: the folder; made if it is missing.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.parts = target / _HIDDEN
        self.whole = self.parts / "whole"
        """The finished folder before it is put in place."""
        self._building = self.parts / "building"

    def begin(self, begun: Mapping[str, Any]) -> State:
        """Take up the work where it is.

        Args:
            begun: settings and the source's fingerprint, as `preparation.json` keeps them.

        Raises:
            ConfigError: if the folder holds something else, or was begun with other settings or another source.
            OSError: if it cannot be written to.
        """
        finished, started = self.target / FACTS, self.parts / FACTS
        if self.target.exists() and not self.target.is_dir():
            raise ConfigError(f"'{self.target}' is a file. Name a folder.")
        for facts in (finished, started):
            if facts.is_file():
                self._compare(facts, begun)
        if finished.is_file():
            shutil.rmtree(self.parts, ignore_errors=True)
            return "finished"
        if started.is_file():
            return "joined" if self.whole.is_dir() else "begun"
        if self.target.is_dir() and [path for path in self.target.iterdir() if path.name != _HIDDEN]:
            raise ConfigError(f"'{self.target}' is not empty. Name a new folder.")
        self.parts.mkdir(parents=True, exist_ok=True)
        write_json(started, begun)
        return "new"

    def part(self, index: int) -> Path:
        """Return the file of a chunk."""
        return self.parts / f"{index:07d}.parquet"

    def part_files(self) -> Iterator[Path]:
        """Yield the parts that are there, in order, until one is missing."""
        index = 0
        while (path := self.part(index)).is_file():
            yield path
            index += 1

    @contextmanager
    def building(self) -> Iterator[Path]:
        """Lend out an empty folder, which becomes `whole` when all went well."""
        shutil.rmtree(self._building, ignore_errors=True)
        self._building.mkdir(parents=True)
        yield self._building
        self._building.replace(self.whole)

    def publish(self) -> None:
        """Put the finished folder's content in place, the facts last, and clear the parts away."""
        for path in sorted(self.whole.iterdir(), key=lambda path: (path.name == FACTS, path.name)):
            path.replace(self.target / path.name)
        shutil.rmtree(self.parts)

    def _compare(self, path: Path, begun: Mapping[str, Any]) -> None:
        before = read_facts(path)
        was_set, is_set = before.get("settings", {}), begun["settings"]
        for name in [*is_set, *(name for name in was_set if name not in is_set)]:
            was, value = was_set.get(name), is_set.get(name)
            if was != value:
                raise ConfigError(
                    f"'{self.target}' was prepared with {name} {was!r}, not {value!r}. Name a new folder, or give the "
                    "same settings to go on."
                )
        for name in ("format", "listing"):
            if before.get(name) != begun[name]:
                raise ConfigError(
                    f"'{self.target}' was prepared from other files than the source holds now. Name a new folder."
                )


def read_facts(path: Path) -> dict[str, Any]:
    """Read what a preparation has noted.

    Raises:
        ConfigError: if it is damaged.
    """
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError):
        facts = None
    if not isinstance(facts, dict):
        raise ConfigError(f"'{path}' is damaged. Name a new folder, and prepare the data again.")
    return facts


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write values as JSON, whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
