"""What a source holds: clips to prepare, and what is left out with the reason."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

SkipKind = Literal[
    "unreadable", "no sound", "no picture", "short", "silent", "black", "thinned", "not used", "duplicate"
]
SKIP_KINDS: tuple[SkipKind, ...] = get_args(SkipKind)

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)


@dataclass(frozen=True)
class SourceClip:
    """One clip of a source, before anything of it is decoded.

    Args:
        source: its name within the source, as lists and errors show it.
        video: the file with the pictures; None if there is a still picture.
        sound: the file with the sound; None if the video has it.
        picture: the still picture; None if there is a video.
        start_seconds: where in the recording the clip begins; None chooses by the moment, or else by loudness.
        moment_seconds: when in the recording the picture is taken; None chooses the loudest moment of the clip.
        label: its class; None if it has none.
        caption: what the picture shows, if the source says so.
        group: what must not be torn apart by a split, such as the recording or the actor.
        split: where the source itself puts it; None if it leaves that open.
        words: further words that a caption template may use.
    """

    source: str
    video: Path | None = None
    sound: Path | None = None
    picture: Path | None = None
    start_seconds: float | None = None
    moment_seconds: float | None = None
    label: str | None = None
    caption: str | None = None
    group: str = ""
    split: Split | None = None
    words: Mapping[str, str] = field(default_factory=dict)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that it is made of."""
        return tuple(path for path in (self.video, self.sound, self.picture) if path is not None)


@dataclass(frozen=True)
class Skipped:
    """Something of a source that is left out.

    Args:
        source: its name within the source.
        kind: under which it is counted.
        reason: one sentence.
    """

    source: str
    kind: SkipKind
    reason: str


Found = SourceClip | Skipped


class UnusableClipError(Exception):
    """A clip cannot be used; preparation turns it into a `Skipped` and goes on, so that no caller meets it."""

    def __init__(self, kind: SkipKind, reason: str) -> None:
        super().__init__(kind, reason)
        self.kind: SkipKind = kind
        self.reason = reason
