"""Pictures on disk: each PNG carries what is needed to make it again, and a sheet shows them together."""

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from sonicdiffusion._version import __version__
from sonicdiffusion.errors import ConfigError

_CELL = 256  # pixels, largest side of a picture on the sheet
_SHEET = 4096  # pixels, largest side of the sheet
_SIDE_BY_SIDE = 1024  # pixels, largest side of a picture beside its edits
_ROW = 32  # pictures, most in a row or a column of the sheet
SHEET_PICTURES = _ROW * _ROW
"""Most pictures on a sheet."""
_STEM = 200  # bytes of a name; most systems allow 255, and number, seed and ending come after it
_LABEL = 18  # pixels, height of the line under a picture


class PictureFolder:
    """A folder that receives pictures and never loses one: a name that is taken gets a number.

    Args:
        path: the folder; if it is missing, it is made with the first picture.

    Raises:
        ConfigError: if the path cannot be a folder to write to.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.pictures: list[Path] = []
        if problem := _problem(self.path.absolute()):
            raise ConfigError(f"Cannot write to '{path}': {problem}. Choose another folder.")

    def save(self, images: Sequence[Image.Image], stem: str, settings: Mapping[str, Any]) -> list[Path]:
        """Write the pictures of one sound and return their paths.

        Args:
            images: the pictures, in the order of `settings["seeds"]`.
            stem: beginning of their names; of a very long one, no more than the beginning is used.
            settings: plain values; all of them are stored in each file, with the picture's own seed.

        Raises:
            ConfigError: if a picture cannot be written.
        """
        paths = []
        for image, seed in zip(images, settings["seeds"], strict=True):
            facts = PngInfo()
            own = {**settings, "seeds": [seed]}
            facts.add_itxt("Software", f"sonicdiffusion {__version__}")
            for key in ("prompt", "negative_prompt", "model", "sound", "sound_sha256"):
                if key in own:
                    facts.add_itxt(key, _readable(str(own[key])))
            facts.add_itxt("seed", str(seed))
            facts.add_itxt("settings", _readable(json.dumps(own, ensure_ascii=False)))
            path = self._free(f"{stem}-{seed}" if len(images) > 1 else stem)
            self._write(path, image, facts)
            paths.append(path)
        self.pictures += paths
        return paths

    def save_sheet(self, num_columns: int | None = None) -> Path | None:
        """Write a sheet of the first `SHEET_PICTURES` pictures saved; None if there are fewer than two.

        Args:
            num_columns: pictures in a row; near to a square if None, or if that gives one long row or column.
        """
        shown = self.pictures[:SHEET_PICTURES]
        count = len(shown)
        if count < 2:
            return None
        columns = num_columns or 1
        if not (1 < columns < count and columns <= _ROW and count <= columns * _ROW):
            columns = math.ceil(math.sqrt(count))
        rows = math.ceil(count / columns)
        cell = min(_CELL, _SHEET // columns, _SHEET // rows - _LABEL)
        sheet = Image.new("RGB", (columns * cell, rows * (cell + _LABEL)), "white")
        draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=12)
        for index, path in enumerate(shown):
            left, top = index % columns * cell, index // columns * (cell + _LABEL)
            with Image.open(path) as picture:
                scale = cell / max(picture.size)
                small = picture.resize([max(1, round(side * scale)) for side in picture.size], Image.Resampling.LANCZOS)
            sheet.paste(small, (left + (cell - small.width) // 2, top + (cell - small.height) // 2))
            draw.text((left + 3, top + cell + 1), _shortened(_readable(path.stem), draw, font, cell - 6), "black", font)
        target = self._free("sheet")
        self._write(target, sheet, None)
        return target

    def save_before_and_after(self, before: NDArray[np.uint8], after: Sequence[Image.Image], stem: str) -> Path:
        """Write a photograph (height, width, 3) beside its edits and return the path."""
        scale = min(1.0, _SIDE_BY_SIDE / max(before.shape[:2]))
        height, width = (max(1, round(side * scale)) for side in before.shape[:2])
        columns = max(2, min(1 + len(after), _SHEET // width))
        sheet = Image.new("RGB", (width * columns, height * math.ceil((1 + len(after)) / columns)), "white")
        for index, picture in enumerate([Image.fromarray(before), *after]):
            small = picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
            sheet.paste(small, (index % columns * width, index // columns * height))
        target = self._free(f"{stem}-before-after")
        self._write(target, sheet, None)
        return target

    def _free(self, stem: str) -> Path:
        while len(os.fsencode(stem)) > _STEM:
            stem = stem[:-1]
        path, number = self.path / f"{stem}.png", 2
        while path.exists():
            path, number = self.path / f"{stem}.{number}.png", number + 1
        return path

    def _write(self, path: Path, image: Image.Image, facts: PngInfo | None) -> None:
        part = path.with_name(path.name + ".part")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            try:
                image.save(part, format="PNG", pnginfo=facts)
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(f"Cannot write '{path}': {error.strerror or error}. Choose another folder.") from error


def read_settings(path: str | Path) -> dict[str, Any]:
    """Return the settings that a picture was made with, as `PictureFolder.save` stored them.

    Raises:
        ConfigError: if the picture carries none.
    """
    with Image.open(path) as picture:
        stored = getattr(picture, "text", {}).get("settings")
    if stored is None:
        raise ConfigError(f"'{path}' does not say how it was made. Pass a PNG written by this program.")
    return json.loads(stored)


def _problem(path: Path) -> str | None:
    """Say why a folder cannot be written to, or made where it is missing; None if nothing is known to prevent it."""
    try:
        there = next((folder for folder in (path, *path.parents) if folder.exists()), None)
        if there is None or not there.is_dir():
            return f"'{there or path.anchor}' is not a folder"
        return None if os.access(there, os.W_OK | os.X_OK) else f"no permission to write to '{there}'"
    except OSError as error:
        return error.strerror or str(error)


def _readable(text: str) -> str:
    """Return a text that can be stored: a file's name need not be valid, and what is not becomes a question mark."""
    return text.encode("utf-8", "replace").decode()


def _shortened(text: str, draw: ImageDraw.ImageDraw, font: Any, width: int) -> str:
    if draw.textlength(text, font) <= width:
        return text
    while text and draw.textlength(text + "…", font) > width:
        text = text[:-1]
    return text + "…"
