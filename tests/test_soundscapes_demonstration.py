"""What shows the world to a reader: two sheets, and the snippet of its page."""

import re
from pathlib import Path
from typing import Any

import cv2
import pytest

from sonicdiffusion.soundscapes.__main__ import main as draw_pictures
from sonicdiffusion.soundscapes.picture.paint import Picture
from sonicdiffusion.soundscapes.scene import EVENTS
from sonicdiffusion.soundscapes.sound.__main__ import main as draw_sounds

PAGE = Path(__file__).parents[1] / "docs" / "soundscapes.md"


def test_the_sheet_shows_every_event_as_picture_and_spectrogram(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "sheet.png"
    draw_pictures(["--out", str(target), "--columns", "1", "--size", "32"])
    picture = cv2.imread(str(target))
    assert picture is not None
    assert picture.shape == (len(EVENTS) * 32, 32 + 16, 3)
    assert picture.std() > 10
    assert str(target) in capsys.readouterr().out


def test_the_sheet_of_sounds_shows_every_event(tmp_path: Path) -> None:
    target = tmp_path / "sheet.png"
    draw_sounds(["--out", str(target), "--columns", "2", "--seconds", "1"])
    picture = cv2.imread(str(target))
    assert picture is not None
    assert picture.shape == (len(EVENTS) * 74, 2 * 162, 3)
    assert picture.std() > 10


@pytest.mark.parametrize("draw", [draw_pictures, draw_sounds])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--columns", "0"], "got 0 columns"),
        (["--seed", "-1"], "seed -1"),
        (["--out", "x.foo"], "a file that ends in .png"),
        (["--out", "x"], "a file that ends in .png"),
        (["--out", "gone/x.png"], "in an existing folder"),
    ],
)
def test_a_sheet_that_cannot_be_is_refused_in_one_sentence(
    draw: Any, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        draw(options)
    assert exit_.value.code == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_sizes_and_lengths_out_of_range_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for draw, options in ((draw_pictures, ["--size", "0"]), (draw_sounds, ["--seconds", "nan"])):
        with pytest.raises(SystemExit):
            draw(options)
        assert "expected at least 1 column" in " ".join(capsys.readouterr().err.split())


def test_the_snippet_of_the_page_runs() -> None:
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    names: dict[str, Any] = {}
    exec(snippet, names)
    assert isinstance(names["picture"], Picture)
    assert names["picture"].masks["thunder"].shape == (128, 128)
    assert names["sound"].duration_seconds == 5.0
