"""The sound of a clip: loudness first, then the part that is wanted, with little of a long recording in memory."""

import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
from av.error import FFmpegError
from numpy.typing import NDArray

from sonicdiffusion.audio.decode import decode_stream, opened
from sonicdiffusion.audio.limits import DecodeLimits
from sonicdiffusion.audio.resample import resample
from sonicdiffusion.data.clips import UnusableClipError
from sonicdiffusion.data.containers import VIDEO_LIMITS, decoded, first_second, open_video, packets
from sonicdiffusion.data.loudness import Loudness, LoudnessMeter
from sonicdiffusion.values import Waveform

HIGHEST_RATE = 48_000
_LEAD_SECONDS = 0.5  # decoded before a part, since codecs need a moment to be right after a seek
_JUMP_SECONDS = 0.05  # ahead, from which on a time stamp is believed rather than the count of samples


class FileSound:
    """A sound file, held in memory within the limits of `audio.decode`."""

    def __init__(self, path: Path, name: str) -> None:
        limits = DecodeLimits()
        with opened(path, limits) as (_, stream):
            self._waveform = decode_stream(repr(name), stream, limits)

    def loudness(self) -> Loudness:
        """Measure its power over time."""
        meter = LoudnessMeter(self._waveform.sample_rate)
        meter.add(0, self._waveform.samples)
        return meter.finish()

    def part(self, start_seconds: float, seconds: float) -> Waveform:
        """Cut out a part; what lies beyond the end is left out."""
        rate = self._waveform.sample_rate
        first = min(round(start_seconds * rate), self._waveform.samples.size - 1)
        return Waveform(self._waveform.samples[first : first + max(1, round(seconds * rate))], rate)


class TrackSound:
    """The sound track of a video, decoded as a stream: an hour costs about as much memory as a second."""

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name
        self._sample_rate = 0

    def loudness(self) -> Loudness:
        """Measure its power over time.

        Raises:
            UnusableClipError: if there is no sound track, or none that can be decoded.
        """
        meter: LoudnessMeter | None = None
        for seconds, block in self._blocks(0.0):
            if meter is None:
                meter = LoudnessMeter(self._sample_rate)
            meter.add(round(seconds * self._sample_rate), block)
        if meter is None:
            raise UnusableClipError("no sound", "Its sound track holds nothing that can be decoded.")
        return meter.finish()

    def part(self, start_seconds: float, seconds: float) -> Waveform:
        """Decode a part; what lies beyond the end is left out, and what the track leaves out is silence."""
        waveform = self._part(start_seconds, seconds, max(0.0, start_seconds - _LEAD_SECONDS))
        if waveform is None:  # the seek went too far, as in files without an index
            waveform = self._part(start_seconds, seconds, 0.0)
        if waveform is None:
            raise UnusableClipError("no sound", f"Its sound track has nothing at {start_seconds:.2f} seconds.")
        return waveform

    def _part(self, start_seconds: float, seconds: float, seek_seconds: float) -> Waveform | None:
        samples, first, end = np.zeros(0, np.float32), 0, 0
        for at, block in self._blocks(seek_seconds):
            if not samples.size:
                samples = np.zeros(max(1, round(seconds * self._sample_rate)), np.float32)
                first = round(start_seconds * self._sample_rate)
                if at > start_seconds and seek_seconds > 0:
                    return None
            place = round(at * self._sample_rate) - first
            if place >= samples.size:
                break
            block = block[max(0, -place) : samples.size - place]
            place = max(0, place)
            samples[place : place + block.size] = block
            end = max(end, place + block.size) if block.size else end
        return Waveform(samples[:end], self._sample_rate) if end else None

    def _blocks(self, seek_seconds: float) -> Iterator[tuple[float, NDArray[np.float32]]]:
        """Yield the times of blocks of mono samples, shape (samples,), from about `seek_seconds` on."""
        deadline = time.monotonic() + VIDEO_LIMITS.max_decode_seconds
        with open_video(self._path, self._name) as container:
            if not container.streams.audio:
                raise UnusableClipError("no sound", "It has no sound track.")
            track, begin = container.streams.audio[0], first_second(container)
            if seek_seconds > 0:
                _seek(container, seek_seconds + begin)
            resampler, position = av.AudioResampler(format="fltp"), None
            for packet in packets(container, track):
                for frame in decoded(packet):
                    stamp = position if frame.time is None else frame.time - begin
                    if position is None or (stamp is not None and stamp - position > _JUMP_SECONDS):
                        position = stamp or 0.0
                    block = self._mono(frame, resampler)
                    self._check(position, block, deadline)
                    yield position, block
                    position += block.size / self._sample_rate

    def _mono(self, frame: Any, resampler: Any) -> NDArray[np.float32]:
        VIDEO_LIMITS.check_stream(repr(self._name), frame.sample_rate, frame.layout.nb_channels)
        if self._sample_rate and frame.sample_rate != self._sample_rate:
            raise UnusableClipError("unreadable", "Its sound changes the sample rate on the way.")
        self._sample_rate = frame.sample_rate
        try:
            pieces = [frame] if frame.format.name == "fltp" else resampler.resample(frame)
        except (ValueError, OSError):
            raise UnusableClipError("unreadable", "Its sound changes the format on the way.") from None
        blocks = [piece.to_ndarray().mean(axis=0, dtype=np.float32) for piece in pieces]
        return blocks[0] if len(blocks) == 1 else np.concatenate([np.zeros(0, np.float32), *blocks])

    def _check(self, position: float, block: NDArray[np.float32], deadline: float) -> None:
        if not np.isfinite(block).all():
            raise UnusableClipError("unreadable", "Its sound contains NaN or infinite samples.")
        if position > VIDEO_LIMITS.max_seconds:
            hours = VIDEO_LIMITS.max_seconds / 3600
            raise UnusableClipError("unreadable", f"It is longer than {hours:g} hours. Cut it first.")
        if time.monotonic() > deadline:
            raise UnusableClipError(
                "unreadable", f"Its sound takes over {VIDEO_LIMITS.max_decode_seconds:g} s to read."
            )


def encode_flac(waveform: Waveform) -> tuple[bytes, bytes]:
    """Encode a clip as FLAC of 16 bits at no more than 48 kHz; one that exceeds full scale is turned down to it.

    Returns:
        The file, and the samples in it as bytes, by which equal clips are known.
    """
    if waveform.sample_rate > HIGHEST_RATE:
        waveform = resample(waveform, HIGHEST_RATE)
    peak = max(1.0, float(np.abs(waveform.samples).max()))
    samples = np.round(waveform.samples * (32767.0 / peak)).astype("<i2")
    file = io.BytesIO()
    soundfile.write(file, samples, waveform.sample_rate, format="FLAC", subtype="PCM_16")
    return file.getvalue(), samples.tobytes()


def _seek(container: Any, seconds: float) -> None:
    try:
        container.seek(int(seconds * av.time_base))
    except (FFmpegError, ValueError):  # no index: from the beginning, then
        container.seek(0)
