"""The picture of a video at a moment: the sharpest frame near it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from av.error import FFmpegError
from av.stream import Disposition
from numpy.typing import NDArray

from sonicdiffusion.data.clips import UnusableClipError
from sonicdiffusion.data.containers import decoded, first_second, open_video, packets
from sonicdiffusion.data.pictures import MOST_PIXELS, fitted_size, is_black, sharpness

_CANDIDATES = 15  # frames compared, evenly spread
_JUDGED_SIZE = 256  # short side at which they are compared, in pixels
_MOST_HELD_SECONDS = 10.0  # for which a frame without a successor is taken to be on show
_MOST_DECODED = 5_000  # frames, from the key frame on
_MOST_SECONDS = 60.0  # of work


@dataclass(frozen=True, eq=False)
class VideoFrame:
    """A picture out of a video.

    Args:
        pixels: upright RGB, (height, width, 3), 8 bits.
        seconds: when it is shown.
    """

    pixels: NDArray[np.uint8]
    seconds: float


def pick_frame(path: Path, name: str, moment_seconds: float, reach_seconds: float, size: int) -> VideoFrame:
    """Return the sharpest of the frames around a moment, or the one on show then if none begins near it.

    Args:
        path: the video.
        name: what reasons call it.
        moment_seconds: from the beginning of the video.
        reach_seconds: how far before and after the moment frames are looked at.
        size: largest short side of the picture, in pixels.

    Raises:
        UnusableClipError: if there is no video track, no readable frame there, or only black ones.
        MissingFileError, AudioError: if the file cannot be opened.
    """
    with open_video(path, name) as container:
        track = next((track for track in container.streams.video if not _is_cover(track)), None)
        if track is None:
            raise UnusableClipError("no picture", "It has no video track.")
        track.codec_context.thread_count = 1  # a worker is a process; threads would hold more frames
        # A frame is a view of the decoder's memory: it is made a picture while the container is open.
        frame, seconds = _choose(
            _frames(container, track, moment_seconds - reach_seconds), moment_seconds, reach_seconds
        )
        return VideoFrame(_picture(frame, _pixel_aspect(track), size), seconds)


def _choose(frames: Iterator[tuple[float, Any]], moment: float, reach: float) -> tuple[Any, float]:
    """Return the sharpest frame with its time."""
    best: tuple[Any, float] | None = None
    best_sharpness, is_any = -1.0, False
    for seconds, frame in _candidates(frames, moment, reach):
        is_any, grey = True, _grey(frame)
        if not is_black(grey) and (score := sharpness(grey)) > best_sharpness:
            best, best_sharpness = (frame, seconds), score
    if best is not None:
        return best
    if is_any:
        raise UnusableClipError("black", f"Its frames around {moment:.2f} seconds are black or of one colour.")
    raise UnusableClipError("no picture", f"It has no readable frame near {moment:.2f} seconds.")


def _candidates(frames: Iterator[tuple[float, Any]], moment: float, reach: float) -> Iterator[tuple[float, Any]]:
    """Yield frames spread evenly around a moment; if none begins there, the one on show then, or the next."""
    held: tuple[float, Any] | None = None
    is_any, next_seconds, step = False, moment - reach, 2 * reach / _CANDIDATES
    for seconds, frame in frames:
        if seconds > moment + reach:
            after = (seconds, frame) if seconds - moment <= _MOST_HELD_SECONDS else None  # later than the sound
            if not is_any and (shown := held or after):
                yield shown
            return
        if seconds < moment - reach:
            held = seconds, frame
        elif seconds >= next_seconds:
            is_any, next_seconds = True, next_seconds + step * ((seconds - next_seconds) // step + 1)
            yield seconds, frame
    if not is_any and held is not None and moment - held[0] <= _MOST_HELD_SECONDS:
        yield held


def _frames(container: Any, track: Any, from_seconds: float) -> Iterator[tuple[float, Any]]:
    """Yield frames with their times, from the last key frame before `from_seconds` on."""
    begin = first_second(container)
    deadline = time.monotonic() + _MOST_SECONDS
    if from_seconds > 0:
        frames = _decode(track, container, begin, from_seconds)
        first = next(frames, None)
        if first is not None and first[0] <= from_seconds:
            yield first
        else:  # the seek went too far, as in files without an index
            frames = _decode(track, container, begin, 0.0)
    else:
        frames = _decode(track, container, begin, None)
    for number, (seconds, frame) in enumerate(frames):
        if number > _MOST_DECODED or time.monotonic() > deadline:
            raise UnusableClipError("unreadable", "It has no key frame near the moment; encode it anew.")
        yield seconds, frame


def _decode(track: Any, container: Any, begin: float, seek_seconds: float | None) -> Iterator[tuple[float, Any]]:
    if seek_seconds is not None:
        try:
            container.seek(int((seek_seconds + begin) / track.time_base), stream=track)
        except (FFmpegError, ValueError, OverflowError):
            container.seek(0)
    seconds, step = 0.0, 1.0 / float(track.average_rate or 25)
    for packet in packets(container, track):
        for frame in decoded(packet):
            if frame.width * frame.height > MOST_PIXELS:
                raise UnusableClipError("unreadable", f"Its frames have {frame.width} x {frame.height} pixels.")
            seconds = seconds + step if frame.time is None else frame.time - begin
            yield seconds, frame


def _grey(frame: Any) -> NDArray:
    height, width = fitted_size(frame.height, frame.width, _JUDGED_SIZE)
    return frame.to_ndarray(width=width, height=height, format="gray")


def _picture(frame: Any, aspect: float, size: int) -> NDArray[np.uint8]:
    """Return a frame upright, with square pixels, its short side at most `size`."""
    wide, tall = frame.width * max(aspect, 1.0), frame.height / min(aspect, 1.0)
    height, width = fitted_size(round(tall), round(wide), size)
    pixels = frame.to_ndarray(width=width, height=height, format="rgb24", interpolation="BICUBIC")
    matrix = frame.side_data.get("DISPLAYMATRIX")
    return np.ascontiguousarray(pixels if matrix is None else _upright(pixels, np.frombuffer(bytes(matrix), "=i4")))


def _upright(pixels: NDArray[np.uint8], matrix: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Turn and mirror a frame as its display matrix says, to the nearest quarter.

    Args:
        pixels: as stored, (height, width, 3).
        matrix: nine numbers a, b, u, c, d, v, x, y, w by which (p, q) is shown at (a p + c q, b p + d q).

    Source: FFmpeg, libavutil/display.h.
    """
    a, b, c, d = (int(matrix[index]) for index in (0, 1, 3, 4))
    across, down = a, d
    if abs(b) + abs(c) > abs(a) + abs(d):
        pixels = pixels.transpose(1, 0, 2)
        across, down = c, b
    return pixels[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1]


def _pixel_aspect(track: Any) -> float:
    """Return how much wider than tall a pixel is shown."""
    aspect = track.sample_aspect_ratio
    return float(aspect) if aspect and 0.1 < aspect < 10 else 1.0


def _is_cover(track: Any) -> bool:
    return bool(track.disposition & Disposition.attached_pic)
