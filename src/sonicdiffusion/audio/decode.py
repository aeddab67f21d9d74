"""Any recording, or the sound track of a video, becomes a mono waveform within stated limits."""

import io
import os
import stat
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from sonicdiffusion.audio.limits import BoundedSamples, DecodeLimits
from sonicdiffusion.errors import AudioError, MissingFileError
from sonicdiffusion.values import Waveform

if TYPE_CHECKING:
    from collections.abc import Iterator

    import av

_BLOCK_VALUES = 1 << 16  # samples times channels decoded at once, 256 kB
_READ_BYTES = 1 << 20

# Containers FFmpeg may recognise. Left out on purpose are playlists (hls, concat, dash), which open other
# files and addresses, and the text and raw formats, which accept anything.
_CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,"
    "aac,ac3,eac3,aiff,amr,ape,au,caf,dts,flac,mp3,ogg,sds,tta,w64,wav,wv"
)

# libsndfile prints its complaints about MPEG audio and MIDI sample dumps; FFmpeg decodes both in silence.
_NOISY = (b"ID3", b"\xf0\x7e", *(bytes([0xFF, byte]) for byte in range(0xE0, 0x100)))

_NOT_SOUND = (
    "cannot be read as sound: it is damaged or of another kind. Expected WAV, FLAC, Ogg, MP3, M4A, WebM or "
    "a video with sound; convert it to one of them."
)


def decode(source: str | Path | BinaryIO | bytes, *, limits: DecodeLimits | None = None) -> Waveform:
    """Decode a recording, or the first sound track of a video, to mono.

    Channels are averaged, as in the published implementation; the sample rate stays as it is. A file that
    breaks off or is damaged on the way gives what could be decoded before, if that is at least
    `limits.min_seconds`.

    Args:
        source: a path, "-" for standard input, a binary stream (read to its end), or a file's bytes.
        limits: what it may cost; the defaults of `DecodeLimits` if None.

    Returns:
        The recording, unscaled: nominally in [-1, 1].

    Raises:
        MissingFileError: if the path does not exist.
        AudioError: if the source is not a readable recording or passes a limit.
    """
    limits = limits or DecodeLimits()
    with opened(source, limits) as (name, stream):
        return decode_stream(name, stream, limits)


def decode_stream(name: str, stream: BinaryIO, limits: DecodeLimits) -> Waveform:
    """Decode what `opened` yields, as `decode` does.

    Raises:
        AudioError: if it is not a readable recording or passes a limit.
    """
    samples, is_intact = _decode_with_libsndfile(name, stream, limits)
    if is_intact and samples is not None and samples.is_enough:
        return samples.finish()
    stream.seek(0)
    try:
        others = _decode_with_ffmpeg(name, stream, limits)
    except AudioError:
        if samples is None or not samples.is_enough:
            raise
        return samples.finish()
    # Of a damaged file, whichever decoder got further is right.
    return max((samples or others, others), key=lambda one: one.num_samples).finish()


@contextmanager
def opened(source: str | Path | BinaryIO | bytes, limits: DecodeLimits) -> "Iterator[tuple[str, BinaryIO]]":
    """Yield the name for messages together with a seekable stream of a size within the limits.

    Args:
        source: as of `decode`.
        limits: of which `max_bytes` binds here.

    Raises:
        MissingFileError: if the path does not exist.
        AudioError: if the source cannot be opened or read, is empty or too large.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        limits.check_bytes("The recording", len(source))
        yield "The recording", io.BytesIO(source)
    elif isinstance(source, str) and source == "-":
        if sys.stdin is None:
            raise AudioError("Standard input is closed. Send a recording to it, or name a file instead of '-'.")
        yield "Standard input", _read_stream("Standard input", sys.stdin.buffer, limits)
    elif isinstance(source, str | os.PathLike):
        with _open_file(source, limits) as stream:
            yield repr(os.fspath(source)), stream
    elif hasattr(source, "read"):
        yield "The stream", _read_stream("The stream", source, limits)
    else:
        raise AudioError(
            f"Cannot decode a {type(source).__name__}. Pass a path, '-', a binary stream or a file's bytes."
        )


def _open_file(path: str | Path, limits: DecodeLimits) -> BinaryIO:
    name = repr(os.fspath(path))  # quoted, so that odd characters in a name cannot spoil the terminal
    try:
        status = Path(path).stat()
        if stat.S_ISDIR(status.st_mode):
            raise AudioError(f"{name} is a folder. Pass one recording inside it.")
        if not stat.S_ISREG(status.st_mode):  # a pipe or device may never end
            raise AudioError(f"{name} is not a regular file. Send it to standard input and pass '-'.")
        limits.check_bytes(name, status.st_size)
        return Path(path).open("rb")
    except (FileNotFoundError, NotADirectoryError):
        raise MissingFileError(f"There is no file {name}. Check the path.") from None
    except AudioError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise AudioError(f"{name} cannot be opened: {reason}. Check the path and its permissions.") from error


def _read_stream(name: str, stream: BinaryIO, limits: DecodeLimits) -> BinaryIO:
    """Copy a stream into memory, up to the limit."""
    held = io.BytesIO()
    try:
        while chunk := stream.read(_READ_BYTES):
            held.write(chunk)
            if held.tell() > limits.max_bytes:
                break
    except (OSError, ValueError, TypeError) as error:  # closed, or a text stream
        raise AudioError(f"{name} cannot be read: {error}. Pass an open binary stream.") from error
    limits.check_bytes(name, held.tell())
    held.seek(0)
    return held


class _BoundedSeeks:
    """A stream as libsndfile sees it: it cannot be sent out of the file, however its header lies.

    Such a seek would raise within a callback, which prints a traceback and goes on.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.readinto: Any = stream.readinto  # type: ignore[attr-defined]
        self.read = stream.read
        self.tell = stream.tell
        self._stream = stream
        self._size = stream.seek(0, os.SEEK_END)
        stream.seek(0)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: self._size}[whence]
        return self._stream.seek(min(max(start + offset, 0), self._size))


def _decode_with_libsndfile(name: str, stream: BinaryIO, limits: DecodeLimits) -> tuple[BoundedSamples | None, bool]:
    """Decode what libsndfile knows and reads in silence.

    Returns:
        The samples, None if the file is for FFmpeg; and whether it reached the end without an error.
    """
    if stream.read(3).startswith(_NOISY):
        return None, False
    bounded: Any = _BoundedSeeks(stream)
    try:
        file = soundfile.SoundFile(bounded)
    except soundfile.LibsndfileError:
        return None, False
    with file:
        limits.check_stream(name, file.samplerate, file.channels)
        samples = BoundedSamples(name, limits, file.samplerate, file.frames / file.samplerate)
        # soundfile allocates the block that is asked for, never the length that the header claims.
        buffer = np.empty((_BLOCK_VALUES // file.channels, file.channels), np.float32)
        try:
            while count := len(file.read(out=buffer)):
                samples.add(buffer[:count])
        except soundfile.LibsndfileError:
            return samples, False  # damaged from here on: the caller judges what arrived
        return samples, True


def _decode_with_ffmpeg(name: str, stream: BinaryIO, limits: DecodeLimits) -> BoundedSamples:
    """Decode the first sound track of anything else.

    The stream, not the path, goes to FFmpeg, which would take some paths for addresses.
    """
    import av
    from av.error import FFmpegError

    try:
        container = av.open(stream, mode="r", options={"format_whitelist": _CONTAINERS}, metadata_errors="ignore")
    except (FFmpegError, OSError, ValueError):
        raise AudioError(f"{name} {_NOT_SOUND}") from None
    with container:
        if not container.streams.audio:
            raise AudioError(f"{name} has no sound track. Pass a recording, or a video with sound.")
        track = container.streams.audio[0]
        context = track.codec_context
        if context is None:
            raise AudioError(f"{name} {_NOT_SOUND}")
        limits.check_stream(name, context.sample_rate, context.channels)
        claimed = None if container.duration is None else container.duration / av.time_base
        samples = BoundedSamples(name, limits, context.sample_rate, claimed)
        try:
            for packet in container.demux():
                samples.check_time()
                if packet.stream is track:
                    _add_packet(packet, samples)
        except (FFmpegError, EOFError):
            pass  # the container breaks off here: the caller judges what arrived
        return samples


def _add_packet(packet: "av.Packet[Any]", samples: BoundedSamples) -> None:
    """Decode one packet; a damaged one is left out, as players do."""
    from av.error import FFmpegError

    try:
        frames = packet.decode()
    except (FFmpegError, EOFError):
        return
    for frame in frames:
        samples.set_stream(frame.sample_rate, frame.layout.nb_channels)
        samples.add(_frame_samples(frame))


def _frame_samples(frame: Any) -> NDArray[np.float32]:
    """Return a decoded frame as float32 in [-1, 1], shape (samples, channels)."""
    if frame.format.name == "s64":  # which PyAV does not convert
        values = np.frombuffer(frame.planes[0], np.int64)[None, : frame.samples * frame.layout.nb_channels]
    else:
        values = frame.to_ndarray()  # (channels, samples) if planar, else (1, samples * channels)
    values = values.T if frame.format.is_planar else values.reshape(-1, frame.layout.nb_channels)
    if values.dtype.kind == "f":
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite and is refused later
            return values.astype(np.float32)
    full_scale = -float(np.iinfo(values.dtype).min) or 128.0
    middle = 128.0 if values.dtype.kind == "u" else 0.0
    return ((values - middle) / full_scale).astype(np.float32)
