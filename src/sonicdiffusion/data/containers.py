"""Videos opened safely: as streams of bytes, in known containers, within limits."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError

from sonicdiffusion.audio.decode import opened
from sonicdiffusion.audio.limits import DecodeLimits
from sonicdiffusion.data.clips import UnusableClipError

MAX_VIDEO_SECONDS = 6 * 3600.0
VIDEO_LIMITS = DecodeLimits(max_seconds=MAX_VIDEO_SECONDS, max_bytes=64 * 1024**3, max_decode_seconds=1800.0)
"""A video is read as a stream, so that neither its length nor its bytes are held in memory."""

# As of `audio.decode`, those that hold video: no playlists, which open other files and addresses.
_CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg"


@contextmanager
def open_video(path: Path, name: str) -> Iterator[Any]:
    """Lend an open container of PyAV.

    Args:
        path: the file.
        name: what reasons call it.

    Raises:
        UnusableClipError: if it is no readable video.
        MissingFileError, AudioError: if the file cannot be opened.
    """
    with opened(path, VIDEO_LIMITS) as (_, stream):
        try:
            container = av.open(stream, "r", options={"format_whitelist": _CONTAINERS}, metadata_errors="ignore")
        except (FFmpegError, OSError, ValueError):
            reason = f"{name!r} cannot be read as a video: it is damaged, cut short or of another kind."
            raise UnusableClipError("unreadable", reason) from None
        with container:
            yield container


def first_second(container: Any) -> float:
    """Return the time at which a container says that it begins; times within a recording count from there."""
    return 0.0 if container.start_time is None else container.start_time / av.time_base


def packets(container: Any, track: Any) -> Iterator[Any]:
    """Yield the packets of a track until it ends or the file breaks off."""
    try:
        yield from container.demux(track)
    except (FFmpegError, EOFError):
        return


def decoded(packet: Any) -> list[Any]:
    """Return the frames of a packet; of a damaged one none, as players do."""
    try:
        return packet.decode()
    except (FFmpegError, EOFError):
        return []
