"""Photographs as people have them are read right or refused in one sentence, and come back in their own size."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sonicdiffusion.errors import ConfigError, MissingFileError, PictureError
from sonicdiffusion.pipelines.photo import Photo, frame_photo, open_photo, put_back

RAMP = np.dstack([np.tile(np.arange(40, dtype=np.uint8) * 6, (30, 1))] * 3)  # darker left, lighter right


def saved(picture: Image.Image, kind: str, **settings: Any) -> bytes:
    file = BytesIO()
    picture.save(file, kind, **settings)
    return file.getvalue()


def test_a_photograph_is_turned_upright_by_its_exif() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: to be shown a quarter turn clockwise
    photo = open_photo(saved(Image.fromarray(RAMP), "JPEG", exif=exif, quality=95))
    assert photo.size == (40, 30)
    assert photo.pixels[0].mean() < 20 < 200 < photo.pixels[-1].mean()


@pytest.mark.parametrize(
    ("picture", "kind"),
    [
        (Image.fromarray(RAMP), "PNG"),
        (Image.fromarray(RAMP).convert("L"), "PNG"),
        (Image.fromarray(RAMP).convert("CMYK"), "JPEG"),
        (Image.fromarray(RAMP).convert("P", palette=Image.Palette.ADAPTIVE), "PNG"),
        (Image.fromarray(RAMP[..., 0].astype(np.uint16) * 257), "PNG"),
        (Image.fromarray(RAMP[..., 0].astype(np.int32) * 257), "TIFF"),
        (Image.fromarray(RAMP[..., 0].astype(np.float32) / 255), "TIFF"),
        (Image.fromarray(RAMP), "WEBP"),
    ],
    ids="RGB,grey,CMYK,palette,16 bits,32 bits,float,webp".split(","),
)
def test_every_colour_space_becomes_rgb_of_8_bits(picture: Image.Image, kind: str) -> None:
    photo = open_photo(saved(picture, kind))
    assert photo.pixels.dtype == np.uint8
    assert np.abs(photo.pixels.astype(int) - RAMP).mean() < 6
    assert photo.alpha is None


def test_transparency_is_kept_and_edited_before_white() -> None:
    pixels = np.dstack([RAMP, np.full((30, 40), 255, np.uint8)])
    pixels[:, :10, 3] = 0
    photo = open_photo(saved(Image.fromarray(pixels), "PNG"))
    assert photo.alpha is not None
    assert (photo.pixels[:, :10] == 255).all()
    assert "transparent" in photo.notes[0]
    frame = frame_photo(photo, "fit", (16, 16), 4)
    back = put_back(frame, frame.pixels, frame.pixels)
    assert back.mode == "RGBA"
    assert np.array_equal(np.asarray(back)[..., 3], pixels[..., 3])


def test_of_an_animation_the_first_frame_is_taken() -> None:
    frames = [Image.fromarray(RAMP), Image.fromarray(255 - RAMP)]
    photo = open_photo(saved(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert photo.pixels[0, 0].mean() < 20
    assert "first was taken" in photo.notes[0]


@pytest.mark.parametrize("content", [b"", b"no picture", saved(Image.fromarray(RAMP), "PNG")[:-60]])
def test_what_is_no_picture_gets_one_sentence(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(content)
    wrong: list[Any] = [path, content, np.zeros((3, 3, 3)), np.zeros((0, 4, 3), np.uint8)]
    for source in wrong:
        with pytest.raises(PictureError, match=r"[Ss]ave it|no pixels"):
            open_photo(source)
    with pytest.raises(MissingFileError, match="no picture"):
        open_photo(tmp_path / "nothing.png")


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    big = saved(Image.new("1", (20_000, 10_001)), "PNG")
    with pytest.raises(PictureError, match="million"):
        open_photo(big)


@pytest.mark.parametrize(("height", "width"), [(3_000, 2_900), (37, 1000), (1, 1), (128, 128), (300, 200)])
def test_any_size_is_framed_and_comes_back(height: int, width: int) -> None:
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, width // 2 :] = 200
    for framing in ("fit", "crop"):
        frame = frame_photo(Photo(pixels), framing, (128, 128), 32)  # type: ignore[arg-type]
        tall, wide, _ = frame.pixels.shape
        assert tall % 32 == wide % 32 == 0
        assert 32 * 32 <= tall * wide <= 4 * 128 * 128
        if framing == "fit" and 0.3 < height / width < 3:
            assert abs(np.log(tall / wide * width / height)) < 0.25
        assert np.array_equal(np.asarray(put_back(frame, frame.pixels, frame.pixels)), pixels)
    with pytest.raises(ConfigError, match="framing"):
        frame_photo(Photo(pixels), "tile", (128, 128), 32)  # type: ignore[arg-type]


def test_detail_stays_where_little_changes_and_gives_way_where_much_does() -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(80, 120, (256, 256, 3), dtype=np.uint8)  # detail that no small picture holds
    frame = frame_photo(Photo(pixels), "fit", (64, 64), 16)
    after = frame.pixels.astype(int)
    after[:, :32] += 5
    after[:, 48:] = 250
    back = np.asarray(put_back(frame, frame.pixels, after.astype(np.uint8))).astype(int)
    left, right = back[:, :100], back[:, 220:]
    assert abs((left - pixels[:, :100]).mean() - 5) < 0.5
    assert (left - pixels[:, :100]).std() < 1
    assert abs(right.mean() - 250) < 3
    assert right.std() < 3
