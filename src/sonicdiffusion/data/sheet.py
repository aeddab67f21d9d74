"""A sheet of samples: pictures with their labels, and beneath each the spectrogram of its sound."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from sonicdiffusion.audio.spectrogram import spectrogram_picture
from sonicdiffusion.values import Waveform

_COLUMNS = 4
_WIDTH, _HEIGHT = 256, 192  # pixels of a picture's place
_SPECTROGRAM, _LABEL, _GAP = 56, 20, 6  # pixels of height, and between the places

Sample = tuple[NDArray[np.uint8], Waveform, str]


def draw_sheet(samples: Iterable[Sample], path: Path) -> None:
    """Write a PNG of samples in rows of four.

    Args:
        samples: pictures (height, width, 3), their sounds and labels.
        path: the file.
    """
    places = [_place(*sample) for sample in samples]
    columns = min(_COLUMNS, len(places))
    rows = -(-len(places) // _COLUMNS)
    width, height = _WIDTH + _GAP, _HEIGHT + _SPECTROGRAM + _LABEL + _GAP
    sheet = Image.new("RGB", (columns * width + _GAP, rows * height + _GAP), "white")
    for index, place in enumerate(places):
        row, column = divmod(index, _COLUMNS)
        sheet.paste(place, (_GAP + column * width, _GAP + row * height))
    sheet.save(path)


def _place(pixels: NDArray[np.uint8], waveform: Waveform, label: str) -> Image.Image:
    place = Image.new("RGB", (_WIDTH, _HEIGHT + _SPECTROGRAM + _LABEL), "white")
    picture = Image.fromarray(pixels)
    scale = min(_WIDTH / picture.width, _HEIGHT / picture.height)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    picture = picture.resize(size, Image.Resampling.LANCZOS)
    place.paste("#e8e8e8", (0, 0, _WIDTH, _HEIGHT))
    place.paste(picture, ((_WIDTH - size[0]) // 2, (_HEIGHT - size[1]) // 2))
    place.paste(Image.fromarray(spectrogram_picture(waveform, _WIDTH, _SPECTROGRAM)), (0, _HEIGHT))
    text = f"{label or 'no label'} · {waveform.duration_seconds:.1f} s"
    draw, font = ImageDraw.Draw(place), ImageFont.load_default(size=13)
    while len(text) > 1 and draw.textlength(text, font) > _WIDTH - 4:
        text = text[:-2] + "…"
    draw.text((2, _HEIGHT + _SPECTROGRAM + 1), text, "black", font)
    return place
