"""Pictures of a data set: read upright, made small, judged, written as JPEG."""

import io
import warnings
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from sonicdiffusion.audio.decode import opened
from sonicdiffusion.audio.limits import DecodeLimits
from sonicdiffusion.data.clips import UnusableClipError

MOST_PIXELS = 100_000_000
_QUALITY = 95
_LONGEST_ASPECT = 4  # long sides beyond this many times `size` are made shorter, with the aspect kept
_BLACK_MEAN, _BLACK_DEVIATION, _PLAIN_DEVIATION = 24.0, 3.0, 1.0  # of 255


def read_picture(path: Path, name: str, size: int) -> NDArray[np.uint8]:
    """Read a picture: upright, in RGB of 8 bits on white, its short side at most `size` pixels.

    Args:
        path: the file.
        name: what the reason calls it.
        size: in pixels.

    Returns:
        Shape (height, width, 3).

    Raises:
        UnusableClipError: if it is no readable picture, is too large, or is black.
        MissingFileError, AudioError: if the file cannot be opened.
    """
    with opened(path, DecodeLimits()) as (_, stream), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of size, checked below, and of odd metadata
        try:
            with Image.open(stream) as picture:
                width, height = picture.size
                if not 0 < width * height <= MOST_PIXELS:
                    reason = (
                        f"{name!r} has {width} x {height} pixels; at most {MOST_PIXELS // 1_000_000} million are taken."
                    )
                    raise UnusableClipError("unreadable", reason)
                fitted = fitted_size(height, width, size)
                picture.draft("RGB", (2 * fitted[1], 2 * fitted[0]))  # lets a large JPEG be read small
                pixels = np.asarray(_rgb(ImageOps.exif_transpose(picture)))
        except (OSError, ValueError, TypeError, SyntaxError, MemoryError, Image.DecompressionBombError):
            reason = f"{name!r} is damaged, cut short or no picture that Pillow can read."
            raise UnusableClipError("unreadable", reason) from None
    height, width = fitted_size(pixels.shape[0], pixels.shape[1], size)
    if (height, width) != pixels.shape[:2]:
        pixels = np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    if is_black(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)):
        raise UnusableClipError("black", f"{name!r} is black or of one colour.")
    return pixels


def fitted_size(height: int, width: int, size: int) -> tuple[int, int]:
    """Return height and width with the short side at most `size`, never enlarged, in the same aspect."""
    scale = min(1.0, size / min(height, width), _LONGEST_ASPECT * size / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def is_black(grey: NDArray) -> bool:
    """Tell whether a picture in grey, (height, width) of 8 bits, is black but for noise, or of one colour."""
    mean, deviation = float(grey.mean()), float(grey.std())
    return deviation < _PLAIN_DEVIATION or (mean < _BLACK_MEAN and deviation < _BLACK_DEVIATION)


def sharpness(grey: NDArray) -> float:
    """Measure the variance of the Laplacian of a picture in grey, (height, width) of 8 bits.

    Source: Pech-Pacheco et al. 2000, "Diatom autofocusing in brightfield microscopy: a comparative study".
    """
    return float(cv2.Laplacian(grey, cv2.CV_32F).var())


def encode_jpeg(pixels: NDArray[np.uint8]) -> bytes:
    """Encode a picture, (height, width, 3), at quality 95 with full colour resolution."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=_QUALITY, subsampling=0)
    return file.getvalue()


def _rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I;16"):
        picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert("RGB")
