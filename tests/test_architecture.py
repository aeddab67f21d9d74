"""The dependency order of docs/architecture.md, enforced."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "sonicdiffusion"
FILES = sorted(SOURCE.rglob("*.py"))


def documented_rows() -> list[set[str]]:
    """Read the rows of the table, lowest first, so that document and test cannot disagree."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    cells = re.findall(r"^\| \d+ \| ([^|]+) \|", text, flags=re.MULTILINE)
    return [set(re.findall(r"`(\w+)`", cell)) for cell in cells]


RANK = {room: rank for rank, row in enumerate(documented_rows()) for room in row}


def imported_modules(source: str) -> Iterator[str]:
    """Yield the full name of every module or name that a source imports, wherever the import stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)


def faults(room: str, source: str) -> list[str]:
    """Return a sentence for each import of `source`, a file of `room`, that the order forbids."""
    found = []
    for name in imported_modules(source):
        top, _, rest = name.partition(".")
        target = rest.partition(".")[0]
        if not top:
            found.append(f"{name} is relative")
        elif top != "sonicdiffusion" or target == room:
            continue
        elif target not in RANK:
            found.append(f"{name} is the public door, or a room of no row")
        elif RANK[target] >= RANK[room]:
            found.append(f"{room} must not import {name}")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_imports_point_down(path: Path) -> None:
    room = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    if room != "__init__":  # the public door sees everything
        assert room in RANK, f"{room} stands in no row of docs/architecture.md"
        assert faults(room, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("audio", "from sonicdiffusion.models import folders"),  # upwards
        ("training", "import sonicdiffusion.pipelines.generate"),  # sideways
        ("audio", "def f():\n    from sonicdiffusion.web import page"),  # hidden in a function
        ("cli", "from . import info"),  # relative
        ("cli", "from sonicdiffusion import Waveform"),  # through the public door
    ],
)
def test_a_forbidden_import_is_found(room: str, source: str) -> None:
    assert faults(room, source) != []


def test_every_room_stands_in_exactly_one_row() -> None:
    rows = documented_rows()
    rooms = [room for row in rows for room in row]
    assert len(rooms) == len(set(rooms))
    there = {path.stem if path.is_file() else path.name for path in SOURCE.iterdir()}
    packages = {name for name in there if (SOURCE / name / "__init__.py").exists() or (SOURCE / f"{name}.py").exists()}
    assert packages - {"__init__"} <= set(rooms)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_a_source_file_stays_under_three_hundred_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300, "split it by idea"
