"""The example programs run as they stand."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("name", "arguments", "made"),
    [
        ("edit_sheet", ["sheet.png"], "sheet.png"),
        ("soundscapes_videos", ["videos", "2"], "videos/fire_crackling/fire_crackling-00001.mp4"),
    ],
)
def test_an_example_runs(name: str, arguments: list[str], made: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / made).stat().st_size > 1000
