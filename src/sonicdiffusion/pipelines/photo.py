"""Photographs as people have them: any size, way up, colour space; and the way back into them after editing."""

import math
import warnings
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from sonicdiffusion.errors import ConfigError, MissingFileError, PictureError

Framing = Literal["fit", "crop"]

_MOST_PIXELS = 175_000_000
_LONGEST = 30_000
_STRIP = 256  # rows of a photograph that are put back at once
_FADE = (0.06, 0.3)  # change of brightness between which the photograph's own detail gives way to the edited picture


@dataclass(frozen=True, eq=False)
class Photo:
    """A photograph, upright and in RGB.

    Args:
        pixels: (height, width, 3), 8 bits.
        alpha: opacity (height, width), 8 bits; None where all is opaque.
        notes: what was done to it that its owner may want to know.
    """

    pixels: NDArray[np.uint8]
    alpha: NDArray[np.uint8] | None = None
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]


@dataclass(frozen=True, eq=False)
class Frame:
    """The part of a photograph that is edited, at the size in which it is.

    Args:
        photo: the whole.
        framing: by which the part was chosen.
        box: left, top, right, bottom of the part, in pixels of the photograph.
        pixels: the part, resized, (height, width, 3), 8 bits.
    """

    photo: Photo
    framing: Framing
    box: tuple[int, int, int, int]
    pixels: NDArray[np.uint8]


def open_photo(source: str | Path | bytes | Image.Image | NDArray[np.uint8]) -> Photo:
    """Read a photograph: turned upright by its EXIF, in RGB of 8 bits, its transparency kept apart.

    Args:
        source: a file, its bytes, a picture, or RGB pixels (height, width, 3).

    Raises:
        MissingFileError: if there is no such file.
        PictureError: if it is no readable picture, or has more than 175 million pixels.
    """
    name = f"'{source}'" if isinstance(source, str | Path) else "The picture"
    if isinstance(source, str | Path) and not Path(source).is_file():
        raise MissingFileError(f"There is no picture {name}. Check the path.")
    _read_heic()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # checked below
            if isinstance(source, np.ndarray):
                source = Image.fromarray(source)
            if isinstance(source, Image.Image):
                return _upright(source, name)
            with Image.open(BytesIO(source) if isinstance(source, bytes) else source) as picture:
                return _upright(picture, name)
    except UnidentifiedImageError as problem:
        raise PictureError(
            f"{name} is no picture that Pillow can read. Save it as JPEG or PNG (HEIC needs the package pillow-heif)."
        ) from problem
    except Image.DecompressionBombError as problem:
        raise PictureError(f"{name} has too many pixels; at most 175 million are taken. Make it smaller.") from problem
    except PictureError:
        raise
    except (OSError, ValueError, TypeError, RuntimeError, SyntaxError, MemoryError) as problem:
        raise PictureError(f"{name} is damaged, cut short or no picture ({problem}). Save it again.") from problem


def frame_photo(photo: Photo, framing: Framing, native: tuple[int, int], multiple: int) -> Frame:
    """Choose what is edited, and at which size.

    Args:
        photo: the photograph.
        framing: "fit" takes the whole, in its own aspect at about as many pixels as the model was made for; "crop"
            takes the largest part in the middle that has the model's own aspect, and leaves the rest alone.
        native: height and width that the model was made for, in pixels.
        multiple: of which height and width must be multiples.

    Raises:
        ConfigError: if the framing is unknown.
    """
    height, width = photo.size
    if framing == "crop":
        scale = min(height / native[0], width / native[1])
        tall, wide = max(1, round(native[0] * scale)), max(1, round(native[1] * scale))
        left, top = (width - wide) // 2, (height - tall) // 2
        box, size = (left, top, left + wide, top + tall), native
    elif framing == "fit":
        scale = math.sqrt(native[0] * native[1] / (height * width))
        # A long panorama keeps at least one multiple on its short side, and then no more than fits beside it.
        tall, wide = (max(multiple, round(side * scale / multiple) * multiple) for side in (height, width))
        most = max(multiple, 4 * native[0] * native[1] // (min(tall, wide) * multiple) * multiple)
        box, size = (0, 0, width, height), (min(tall, most), min(wide, most))
    else:
        raise ConfigError(f"The framing is {framing!r}; it is 'fit' or 'crop'.")
    part = photo.pixels[box[1] : box[3], box[0] : box[2]]
    is_smaller = size[0] < part.shape[0]
    pixels = cv2.resize(part, size[::-1], interpolation=cv2.INTER_AREA if is_smaller else cv2.INTER_CUBIC)
    return Frame(photo, framing, box, np.asarray(pixels, np.uint8))


def put_back(frame: Frame, before: NDArray[np.uint8], after: NDArray[np.uint8]) -> Image.Image:
    """Return the photograph in its own size with what has changed.

    Where little has changed, the change is added to the photograph, whose detail stays; where much has, the edited
    picture takes its place.

    Args:
        frame: the part that was edited.
        before: what the model makes of it without a change, (height, width, 3), 8 bits.
        after: what it makes with it, in the same shape.
    """
    left, top, right, bottom = frame.box
    size = (right - left, bottom - top)
    large, small = (np.asarray(picture, np.float32) for picture in (after, before))
    change = large - small
    amount = cv2.GaussianBlur(np.abs(change).max(axis=2) / 255, (0, 0), sigmaX=max(1.0, change.shape[1] / 64))
    share = np.clip((amount - _FADE[0]) / (_FADE[1] - _FADE[0]), 0, 1)
    share = share * share * (3 - 2 * share)
    whole = frame.photo.pixels.copy()
    for start in range(0, bottom - top, _STRIP):  # so that a large photograph needs no large numbers all at once
        stop = min(start + _STRIP, bottom - top)
        wide, fresh, part = (_strip(each, size, start, stop) for each in (change, large, share))
        own = whole[top + start : top + stop, left:right].astype(np.float32)
        part = part.clip(0, 1)[..., None]
        mixed = (own + wide) * (1 - part) + fresh * part
        whole[top + start : top + stop, left:right] = mixed.round().clip(0, 255).astype(np.uint8)
    if frame.photo.alpha is None:
        return Image.fromarray(whole)
    return Image.fromarray(np.dstack([whole, frame.photo.alpha]))


def _strip(small: NDArray[np.float32], size: tuple[int, int], start: int, stop: int) -> NDArray[np.float32]:
    """Return the rows `start` to `stop - 1` of a picture enlarged to a size (width, height)."""
    down, across = size[1] / small.shape[0], size[0] / small.shape[1]
    x = ((np.arange(size[0], dtype=np.float32) + 0.5) / across - 0.5)[None].repeat(stop - start, axis=0)
    y = ((np.arange(start, stop, dtype=np.float32) + 0.5) / down - 0.5)[:, None].repeat(size[0], axis=1)
    rows = cv2.remap(small, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(rows, np.float32)


def _in_srgb(picture: Image.Image) -> Image.Image:
    """Return a picture in RGB whose colour profile is applied; one without, or with a broken one, is left as it is."""
    profile = picture.info.get("icc_profile")
    if profile is None or picture.mode not in ("RGB", "CMYK"):
        return picture
    try:
        source, target = ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(picture, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return picture
    return picture if converted is None else converted


def _read_heic() -> None:
    """Let Pillow read HEIC where the package for it is installed."""
    if find_spec("pillow_heif") is not None:
        import_module("pillow_heif").register_heif_opener()


def _upright(picture: Image.Image, name: str) -> Photo:
    if picture.width * picture.height > _MOST_PIXELS or max(picture.size) > _LONGEST:
        raise PictureError(
            f"{name} has {picture.width} x {picture.height} pixels; at most {_MOST_PIXELS // 1_000_000} million and "
            f"{_LONGEST} on a side are taken. Make it smaller."
        )
    if not picture.width * picture.height:
        raise PictureError(f"{name} has no pixels. Choose another.")
    notes = []
    if getattr(picture, "n_frames", 1) > 1:
        notes.append("The photograph's file holds several pictures; the first was taken.")
        picture.seek(0)
    picture = _in_srgb(ImageOps.exif_transpose(picture))
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        values = np.asarray(picture, np.float64)
        is_large = picture.mode.startswith("I;16") or values.max() > 255
        top = 1.0 if picture.mode == "F" and values.max() <= 2 else 65535.0 if is_large else 255.0
        notes.append("The photograph has more than 8 bits; it was taken with 8.")
        picture = Image.fromarray((values / top * 255).round().clip(0, 255).astype(np.uint8))
    has_alpha = picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info
    if not has_alpha:
        return Photo(np.asarray(picture.convert("RGB")), notes=tuple(notes))
    whole = picture.convert("RGBA")
    alpha = np.asarray(whole.getchannel("A"))
    if alpha.min() == 255:
        return Photo(np.asarray(whole.convert("RGB")), notes=tuple(notes))
    white = Image.new("RGBA", whole.size, "white")
    notes.append("The photograph is transparent in places; it was edited before white and keeps its transparency.")
    return Photo(np.asarray(Image.alpha_composite(white, whole).convert("RGB")), alpha, tuple(notes))
