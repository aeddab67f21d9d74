"""Small real videos of Soundscapes scenes, encoded by FFmpeg, sound and odd ways of storing them included."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from sonicdiffusion.soundscapes.picture.paint import paint
from sonicdiffusion.soundscapes.scene import sample_scene
from sonicdiffusion.soundscapes.sound.synthesis import synthesise

RATE = 16_000
HEIGHT, WIDTH = 64, 96


@cache
def scene_picture(seed: int) -> NDArray[np.uint8]:
    """Return a scene as a picture, (64, 96, 3)."""
    return paint(sample_scene(seed), size=(HEIGHT, WIDTH)).image


@cache
def scene_sound(seed: int, seconds: float = 2.0) -> NDArray[np.float32]:
    """Return the sound of a scene at 16 kHz, shape (samples,)."""
    return synthesise(sample_scene(seed), duration_seconds=seconds, sample_rate=RATE).samples


@dataclass(frozen=True)
class Film:
    """What a small video holds.

    Args:
        pictures: RGB frames, (height, width, 3) each, or one that is shown all the time.
        sound: mono samples; None for no sound track.
        times: seconds at which the frames are shown; evenly at `rate` if None.
        rate: frames a second.
        sound_rate: of the sound, in hertz.
        rotation: degrees, anticlockwise, by which the frames are to be turned.
        mirror: whether they are to be mirrored after that.
        codecs: of picture and sound.
        pixel_aspect: how much wider than tall a pixel is.
        sound_start: seconds into the video at which the sound begins.
    """

    pictures: Sequence[NDArray[np.uint8]]
    sound: NDArray[np.float32] | None
    times: Sequence[float] | None = None
    rate: Fraction = Fraction(10)
    sound_rate: int = RATE
    rotation: int = 0
    mirror: bool = False
    codecs: tuple[str, str] = ("mpeg4", "aac")
    pixel_aspect: Fraction = Fraction(1)
    sound_start: float = 0.0


def write_film(path: Path, film: Film) -> Path:
    """Encode a video; its container follows from the name's ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(path, "w") as output:
        track: Any = output.add_stream(film.codecs[0], rate=film.rate)
        height, width = film.pictures[0].shape[:2]
        track.width, track.height, track.pix_fmt = width, height, "yuv420p"
        track.bit_rate = 2_000_000
        track.codec_context.time_base = Fraction(1, 12_800) if film.times else 1 / film.rate
        track.codec_context.gop_size = 12
        if film.pixel_aspect != 1:
            track.codec_context.sample_aspect_ratio = film.pixel_aspect
        if film.rotation or film.mirror:
            track.set_display_rotation(film.rotation, hflip=film.mirror)
        sound_track: Any = None
        if film.sound is not None:
            sound_track = output.add_stream(film.codecs[1], rate=film.sound_rate, layout="mono")
        times = film.times or [float(index / film.rate) for index in range(len(film.pictures))]
        for time, picture in zip(times, film.pictures, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.time_base = track.codec_context.time_base
            frame.pts = round(time / frame.time_base)
            output.mux(track.encode(frame))
        output.mux(track.encode(None))
        if film.sound is not None:
            _write_sound(output, sound_track, film)
    return path


def write_scene(path: Path, seed: int, seconds: float = 2.0, gain: float = 1.0) -> Path:
    """Encode a scene as a still video with its sound."""
    pictures = [scene_picture(seed)] * round(10 * seconds)
    return write_film(path, Film(pictures, scene_sound(seed, seconds) * np.float32(gain)))


def _write_sound(output: Any, track: Any, film: Film) -> None:
    assert film.sound is not None
    frame = av.AudioFrame.from_ndarray(film.sound[None].astype(np.float32), format="fltp", layout="mono")
    frame.sample_rate = film.sound_rate
    frame.time_base = Fraction(1, film.sound_rate)
    frame.pts = round(film.sound_start * film.sound_rate)
    context = track.codec_context
    resampler = av.AudioResampler(context.format, "mono", film.sound_rate, frame_size=context.frame_size or 1024)
    for piece in [*resampler.resample(frame), *resampler.resample(None)]:
        output.mux(track.encode(piece))
    output.mux(track.encode(None))
