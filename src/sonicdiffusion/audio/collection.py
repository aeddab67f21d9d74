"""What a user names as sounds becomes a list of recordings, each with a fingerprint."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sonicdiffusion.audio.decode import decode_stream, opened
from sonicdiffusion.audio.limits import DecodeLimits
from sonicdiffusion.errors import MissingFileError
from sonicdiffusion.values import Waveform

STANDARD_INPUT = "-"

# Which files of a folder count; a file that is named itself may end in anything.
SUFFIXES = frozenset(
    ".3gp .aac .ac3 .aif .aiff .amr .ape .au .avi .caf .flac .flv .m4a .m4b .m4v .mka .mkv .mov .mp2 .mp3 .mp4 .mpeg "
    ".mpg .oga .ogg .ogv .opus .rf64 .ts .tta .w64 .wav .weba .webm .wma .wmv .wv".split()
)


@dataclass(frozen=True, eq=False)
class Recording:
    """A decoded file that can be recognised again.

    Args:
        waveform: its sound.
        sha256: of the file's bytes, in hexadecimal.
    """

    waveform: Waveform
    sha256: str


def list_sounds(names: Iterable[str]) -> list[str]:
    """Return the recordings that `names` stand for, folders opened one level deep and sorted.

    Args:
        names: files, folders, or "-" for standard input. Whether a named file exists shows when it is read.

    Raises:
        MissingFileError: if a folder holds no recording.
    """
    found: list[str] = []
    for name in names:
        folder = Path(name)
        if name == STANDARD_INPUT or not folder.is_dir():
            found.append(name)
            continue
        inside = sorted(str(path) for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
        if not inside:
            raise MissingFileError(f"The folder {name!r} holds no recording. Name the files, or another folder.")
        found += inside
    return found


def read_recording(name: str) -> Recording:
    """Decode a file or standard input.

    Raises:
        MissingFileError: if there is no such file.
        AudioError: if it is not a readable recording or passes a limit.
    """
    limits = DecodeLimits()
    with opened(name, limits) as (title, stream):
        waveform = decode_stream(title, stream, limits)
        stream.seek(0)
        digest = hashlib.file_digest(stream, "sha256")  # type: ignore[arg-type] - `BinaryIO` does not name `readinto`
        return Recording(waveform, digest.hexdigest())
