"""Clips of a source become rows: picture and sound, encoded, with what is known about them."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from sonicdiffusion.audio.level import level_dbfs
from sonicdiffusion.data.clips import Found, Skipped, SourceClip, UnusableClipError
from sonicdiffusion.data.layouts.files import valid
from sonicdiffusion.data.loudness import Loudness
from sonicdiffusion.data.parquet_files import Row
from sonicdiffusion.data.pictures import encode_jpeg, read_picture
from sonicdiffusion.data.settings import PrepareSettings
from sonicdiffusion.data.sound import FileSound, TrackSound, encode_flac
from sonicdiffusion.data.video import pick_frame
from sonicdiffusion.errors import AudioError, MissingFileError, PictureError

_REACH_SECONDS = 0.5  # around the loudest moment of a clip
_STATED_REACH_SECONDS = 0.15  # around a moment that the source states, such as a hit's
_SHORTEST_SECONDS = 0.1

_UNREADABLE = (AudioError, MissingFileError, PictureError, FFmpegError, OSError, ValueError, MemoryError, OverflowError)


class ChunkResult(NamedTuple):
    """What became of a chunk.

    Args:
        rows: of `parquet_files.PART_SCHEMA`.
        skipped: what gave no row.
    """

    rows: list[Row]
    skipped: list[Skipped]


def prepare_chunk(found: Sequence[Found], settings: PrepareSettings) -> ChunkResult:
    """Turn clips into rows; nothing that is wrong with a file raises.

    Args:
        found: clips with their captions settled, and what the listing left out already.
        settings: how they are cut.
    """
    return gather(prepare_clips(found, settings))


def gather(outcomes: Iterator[Row | Skipped]) -> ChunkResult:
    """Collect rows apart from what was skipped."""
    rows: list[Row] = []
    skipped: list[Skipped] = []
    for outcome in outcomes:
        if isinstance(outcome, Skipped):
            skipped.append(outcome)
        else:
            rows.append(outcome)
    return ChunkResult(rows, skipped)


def prepare_clips(found: Sequence[Found], settings: PrepareSettings) -> Iterator[Row | Skipped]:
    """Yield what becomes of each clip in turn: rows, or the reason for none."""
    last = _LastSound()
    for one in found:
        if isinstance(one, Skipped):
            yield one
            continue
        try:
            sound, loudness = last.of(one)
            places = _places(one, loudness, settings)
        except UnusableClipError as reason:
            yield Skipped(one.source, reason.kind, valid(reason.reason))
            continue
        except _UNREADABLE as problem:
            yield Skipped(one.source, "unreadable", _sentence(problem, one))
            continue
        for place in places:
            yield _row_or_reason(one, sound, place, settings)


class _Place(NamedTuple):
    start_seconds: float
    moment_seconds: float


class _LastSound:
    """The sound that was read last, since the clips of one recording come one after the other."""

    def __init__(self) -> None:
        self._path: Path | None = None

    def of(self, clip: SourceClip) -> tuple[FileSound | TrackSound, Loudness]:
        path = clip.sound or clip.video
        assert path is not None, "a clip has a sound or a video"
        if path != self._path:
            self._path = None  # if what follows fails, the next clip must not take this sound for its own
            name = Path(clip.source).name
            self._sound = FileSound(path, name) if clip.sound is not None else TrackSound(path, name)
            self._loudness = self._sound.loudness()
            self._path = path
        return self._sound, self._loudness


def _places(clip: SourceClip, loudness: Loudness, settings: PrepareSettings) -> list[_Place]:
    """Return where clips are cut out of a recording, and the moments of their pictures."""
    length = settings.clip_seconds
    if loudness.duration_seconds < _SHORTEST_SECONDS:
        reason = f"Its sound lasts {loudness.duration_seconds:.3f} seconds; expected at least {_SHORTEST_SECONDS:g}."
        raise UnusableClipError("short", reason)
    if clip.start_seconds is not None:
        starts = [clip.start_seconds]
    elif clip.moment_seconds is not None:
        latest = max(0.0, loudness.duration_seconds - length)
        starts = [min(max(0.0, clip.moment_seconds - length / 2), latest)]
    else:
        count = 1 if clip.picture is not None else settings.clips_per_video
        starts = loudness.loudest_starts(length, count, 10.0 ** (settings.silence_dbfs / 10.0))
    for at in (*starts, clip.moment_seconds or 0.0):
        if at >= loudness.duration_seconds:
            reason = f"{at:.2f} seconds lie beyond the end of its sound, at {loudness.duration_seconds:.2f}."
            raise UnusableClipError("no sound", reason)
    moment = clip.moment_seconds
    return [_Place(at, loudness.peak_seconds(at, length) if moment is None else moment) for at in starts]


def _row_or_reason(
    clip: SourceClip, sound: FileSound | TrackSound, place: _Place, settings: PrepareSettings
) -> Row | Skipped:
    try:
        return _row(clip, sound, place, settings)
    except UnusableClipError as reason:
        return Skipped(clip.source, reason.kind, valid(reason.reason))
    except _UNREADABLE as problem:
        return Skipped(clip.source, "unreadable", _sentence(problem, clip))


def _row(clip: SourceClip, sound: FileSound | TrackSound, place: _Place, settings: PrepareSettings) -> Row:
    waveform = sound.part(place.start_seconds, settings.clip_seconds)
    level = level_dbfs(waveform)
    if level < settings.silence_dbfs:
        reason = f"Its sound has a level of {level:.0f} dBFS; expected {settings.silence_dbfs:g} or more."
        raise UnusableClipError("silent", reason)
    pixels, frame_seconds = _picture(clip, place, settings)
    flac, samples = encode_flac(waveform)
    jpeg = encode_jpeg(pixels)
    key = hashlib.sha256(b"%d:" % waveform.sample_rate + samples + jpeg).hexdigest()
    return {
        "image": {"bytes": jpeg, "path": f"{key[:16]}.jpg"},
        "audio": {"bytes": flac, "path": f"{key[:16]}.flac"},
        "caption": clip.caption or "",
        "label": clip.label,
        "group": clip.group,
        "source": clip.source,
        "start_seconds": round(place.start_seconds, 6),
        "frame_seconds": None if frame_seconds is None else round(frame_seconds, 6),
        "duration_seconds": round(waveform.duration_seconds, 6),
        "key": key,
        "split": clip.split,
    }


def _picture(clip: SourceClip, place: _Place, settings: PrepareSettings) -> tuple[NDArray[np.uint8], float | None]:
    if clip.picture is not None:
        return read_picture(clip.picture, clip.picture.name, settings.size), None
    assert clip.video is not None, "a clip has a picture or a video"
    reach = _REACH_SECONDS if clip.moment_seconds is None else _STATED_REACH_SECONDS
    frame = pick_frame(clip.video, clip.video.name, place.moment_seconds, reach, settings.size)
    return frame.pixels, frame.seconds


def _sentence(problem: BaseException, clip: SourceClip) -> str:
    """Return what went wrong, with files by their names alone: lists are passed on, and folders are private."""
    text = str(problem) or type(problem).__name__
    for path in clip.files:
        text = text.replace(str(path), path.name)
    return " ".join(valid(text).split())
