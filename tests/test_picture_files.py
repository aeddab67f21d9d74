"""Pictures on disk, with the sheet that shows them together."""

from pathlib import Path

import pytest
from PIL import Image

from sonicdiffusion.errors import ConfigError
from sonicdiffusion.pipelines.picture_files import SHEET_PICTURES, PictureFolder, read_settings


def pictures(count: int, side: int = 8) -> list[Image.Image]:
    return [Image.new("RGB", (side, side), (index % 256, 90, 160)) for index in range(count)]


def saved(folder: Path, count: int) -> PictureFolder:
    result = PictureFolder(folder)
    result.save(pictures(count), "sea", {"seeds": list(range(count))})
    return result


@pytest.mark.parametrize("letter", ["s", "é", "海", "\udce9"])
def test_a_very_long_name_is_shortened_and_no_picture_lost(letter: str, tmp_path: Path) -> None:
    folder = PictureFolder(tmp_path)
    stem = letter * (251 // len(letter.encode("utf-8", "surrogateescape")))  # with .wav the longest name there is
    paths = folder.save(pictures(2), stem, {"seeds": [2**63, 7], "sound": "long"})
    paths += folder.save(pictures(1), stem, {"seeds": [7]}) + folder.save(pictures(1), stem, {"seeds": [8]})
    assert len(set(paths)) == 4
    assert all(path.exists() and path.name.startswith(letter * 50) for path in paths)
    assert read_settings(paths[0])["seeds"] == [2**63]


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = PictureFolder(tmp_path)
    with pytest.raises(ConfigError, match="Choose another folder"):
        folder._write(tmp_path, pictures(1)[0], None)  # a folder, which a picture cannot replace

    class Broken(Image.Image):
        def save(self, fp: object, *_: object, **__: object) -> None:
            Path(str(fp)).write_bytes(b"half a picture")
            raise OSError(28, "No space left on device")

    with pytest.raises(ConfigError, match="No space left"):
        folder.save([Broken()], "sea", {"seeds": [0]})
    assert not list(tmp_path.iterdir())


def test_the_folder_is_made_with_the_first_picture(tmp_path: Path) -> None:
    folder = PictureFolder(tmp_path / "new" / "pictures")
    assert not list(tmp_path.iterdir())
    assert folder.save(pictures(1), "sea", {"seeds": [0]}) == [tmp_path / "new" / "pictures" / "sea.png"]


def test_a_folder_that_cannot_be_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for path in (tmp_path / "file", tmp_path / "file" / "deep" / "er", tmp_path / ("a" * 300)):
        with pytest.raises(ConfigError, match="Cannot write to"):
            PictureFolder(path)


@pytest.mark.parametrize(
    ("count", "columns", "layout"),
    [
        (2, None, (2, 1)),
        (6, 3, (3, 2)),  # two sounds, three pictures each
        (20, 20, (5, 4)),  # one sound
        (80, 40, (9, 9)),  # two sounds, more in a row than can be seen
        (80, 2, (9, 9)),  # forty sounds: more in a column
    ],
)
def test_a_sheet_has_sounds_in_rows_or_is_near_to_a_square(
    count: int, columns: int | None, layout: tuple[int, int], tmp_path: Path
) -> None:
    sheet = saved(tmp_path, count).save_sheet(columns)
    assert sheet is not None
    with Image.open(sheet) as picture:
        cell = picture.width // layout[0]
        assert picture.size == (layout[0] * cell, layout[1] * (cell + 18))
        assert cell >= 200


def test_a_sheet_of_ten_thousand_pictures_stays_small(tmp_path: Path) -> None:
    folder = saved(tmp_path, 1)
    folder.pictures *= 10_000
    for columns in (None, 1, 2, 1000, 10_000):
        sheet = folder.save_sheet(columns)
        assert sheet is not None
        with Image.open(sheet) as picture:
            assert max(picture.size) <= 4096
            assert picture.size == (32 * 110, 32 * 128)  # the first 1024, large enough to be seen
    assert SHEET_PICTURES == 1024
