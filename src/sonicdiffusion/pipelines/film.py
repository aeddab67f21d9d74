"""Pictures that follow each other, as a film or an animated GIF."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import FFmpegError
from PIL import Image

from sonicdiffusion.audio.resample import resample
from sonicdiffusion.errors import ConfigError
from sonicdiffusion.values import Waveform

_AAC_RATES = (8000, 16_000, 22_050, 32_000, 44_100, 48_000)
_AAC_BLOCK = 1024  # samples in a packet
_LONGEST = 1024  # pixels, largest side of a film
SUFFIXES = (".mp4", ".gif")


def crossfade(pictures: Sequence[Image.Image], num_between: int) -> list[Image.Image]:
    """Return the pictures with so many blends between neighbours, there and back again."""
    there: list[Image.Image] = []
    for one, other in pairwise(pictures):
        there += [Image.blend(one, other, step / (num_between + 1)) for step in range(num_between + 1)]
    there.append(pictures[-1])
    return there + there[-2:0:-1]


def fit_for_film(picture: Image.Image) -> Image.Image:
    """Return a picture in RGB, made smaller if a side is longer than a film needs."""
    scale = min(1.0, _LONGEST / max(picture.size))
    size = [max(1, round(side * scale)) for side in picture.size]
    return picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)


def check_film(path: Path) -> None:
    """See whether a film can be written there.

    Raises:
        ConfigError: if the name ends in something else than .mp4 or .gif, or is taken.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"The film '{path}' ends in {path.suffix or 'nothing'!r}; name it .mp4 or .gif.")
    if path.exists():
        raise ConfigError(f"'{path}' exists already. Name another file.")


def write_film(
    pictures: Iterable[Image.Image],
    path: Path,
    frame_rate: int = 12,
    sound: Waveform | None = None,
    comment: str = "",
) -> None:
    """Write pictures of one size as H.264 in mp4 or as an animated GIF; the file appears complete or not at all.

    Args:
        pictures: the frames, in RGB; for mp4 they may come one by one, and are not kept.
        path: ends in .mp4 or .gif.
        frame_rate: frames a second.
        sound: what is heard, as AAC; a GIF is silent.
        comment: kept in the file.

    Raises:
        ConfigError: if it cannot be written there.
    """
    check_film(path)
    scratch = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix.lower() == ".gif":
            first, *others = pictures
            first.save(
                scratch,
                save_all=True,
                append_images=others,
                duration=round(1000 / frame_rate),
                loop=0,
                comment=comment.encode(),
            )
        else:
            _write_mp4(pictures, scratch, frame_rate, sound, comment)
        scratch.replace(path)
    except (OSError, FFmpegError) as error:
        raise ConfigError(
            f"Cannot write the film '{path}': {error.strerror or error}. Choose another place."
        ) from error
    finally:
        scratch.unlink(missing_ok=True)


def _write_mp4(
    pictures: Iterable[Image.Image], path: Path, frame_rate: int, sound: Waveform | None, comment: str
) -> None:
    every = iter(pictures)
    first = next(every)
    width, height = (side + side % 2 for side in first.size)  # H.264 halves the colours' resolution
    with av.open(str(path), "w") as container:
        container.metadata["comment"] = comment
        stream: Any = container.add_stream("libx264", rate=frame_rate, options={"crf": "18"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        track: Any = None
        if sound is not None:
            sound = sound if sound.sample_rate in _AAC_RATES else resample(sound, _AAC_RATES[-1])
            track = container.add_stream("aac", rate=sound.sample_rate, layout="mono")
        for picture in chain([first], every):
            pixels = np.asarray(picture.convert("RGB"))
            padding = ((0, height - pixels.shape[0]), (0, width - pixels.shape[1]), (0, 0))
            frame = av.VideoFrame.from_ndarray(np.pad(pixels, padding, mode="edge"), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound is not None:
            _add_sound(container, track, sound)


def _add_sound(container: Any, track: Any, sound: Waveform) -> None:
    for start in range(0, sound.samples.size, _AAC_BLOCK):
        block = sound.samples[None, start : start + _AAC_BLOCK]
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = sound.sample_rate, start, Fraction(1, sound.sample_rate)
        container.mux(track.encode(frame))
    container.mux(track.encode(None))
