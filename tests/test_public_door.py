import ast
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

import sonicdiffusion

HEAVY = ("torch", "diffusers", "transformers", "scipy", "cv2")


def modules_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys, json\nprint('\\n' + json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return set(json.loads(done.stdout.splitlines()[-1]))


def type_checking_imports() -> dict[str, str]:
    tree = ast.parse(Path(sonicdiffusion.__file__).read_text(encoding="utf-8"))
    blocks = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [node for block in blocks for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: str(node.module) for node in imports for alias in node.names}


def test_the_three_lists_of_public_names_agree() -> None:
    assert sonicdiffusion.__all__ == sorted(sonicdiffusion.__all__)
    assert list(sonicdiffusion._HOMES) == sonicdiffusion.__all__
    assert type_checking_imports() == sonicdiffusion._HOMES


@pytest.mark.parametrize("name", sonicdiffusion.__all__)
def test_every_public_name_opens_and_is_documented(name: str) -> None:
    assert getattr(sonicdiffusion, name).__doc__
    assert name in dir(sonicdiffusion)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="GenerationPipelin'"):
        _ = sonicdiffusion.GenerationPipelin  # type: ignore[attr-defined]


@pytest.mark.parametrize("statement", ["import sonicdiffusion", "import sonicdiffusion.cli.main"])
def test_the_door_opens_without_heavy_libraries(statement: str) -> None:
    assert modules_after(statement).isdisjoint(HEAVY)


@pytest.mark.parametrize("arguments", [["-c", "import sonicdiffusion"], ["-m", "sonicdiffusion.cli.main", "--help"]])
def test_the_door_opens_at_once(arguments: list[str]) -> None:
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], capture_output=True, check=True, timeout=60)
        seconds.append(time.perf_counter() - start)
    # Half a second on an idle machine; the bound leaves room for a busy one and catches torch, which takes more.
    assert statistics.median(seconds) < 1.5
