"""Files of a folder tree in an order that does not depend on the machine, without a list of them all."""

import os
from collections.abc import Container, Iterator
from pathlib import Path, PurePath

from sonicdiffusion.data.clips import Split

VIDEO_SUFFIXES = frozenset(".3gp .asf .avi .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .ts .webm .wmv .ogv".split())
PICTURE_SUFFIXES = frozenset(".bmp .jpeg .jpg .png .tif .tiff .webp".split())
SOUND_SUFFIXES = frozenset(".aac .ac3 .aif .aiff .au .caf .flac .m4a .mp2 .mp3 .oga .ogg .opus .wav .wma .wv".split())

_SPLIT_NAMES: dict[str, Split] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "val", "valid", "dev", "eval"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}


def split_named(name: str) -> Split | None:
    """Return the split that a name stands for; None if it stands for none."""
    return _SPLIT_NAMES.get(name.strip().lower())


def files_below(folder: Path, suffixes: Container[str]) -> Iterator[Path]:
    """Yield the files of a folder tree with certain endings: of each folder its files by name, then its folders.

    Hidden files and folders are passed over; links to folders are followed, once round a loop.

    Raises:
        OSError: if a folder cannot be listed.
    """
    return _walk(folder, suffixes, ())


def class_and_split(path: Path, root: Path, passing: Container[str] = ()) -> tuple[str | None, Split | None]:
    """Return what the folders above a file say: its class, by the nearest folder that may be one, and its split.

    Args:
        path: the file.
        root: the folder below which folders count.
        passing: names of folders, in lower case, that are no classes; those of splits never are.
    """
    label, split = None, None
    for name in reversed(path.relative_to(root).parts[:-1]):
        named = split_named(name)
        split = split or named
        if label is None and named is None and name.lower() not in passing:
            label = readable(name)
    return label, split


def name_within(path: Path, root: Path) -> str:
    """Return the path below the root as valid text, with forward slashes."""
    inside = path.relative_to(root) if path.is_relative_to(root) else PurePath(path.name)
    return valid(inside.as_posix())


def readable(name: str) -> str:
    """Return the name of a class as words: `fire_crackling` becomes "fire crackling"."""
    return " ".join(valid(name).replace("_", " ").split())


def valid(text: str) -> str:
    """Return a text that can be stored: a file's name need not be valid, and what is not becomes a question mark."""
    return text.encode("utf-8", "replace").decode()


def _walk(folder: Path, suffixes: Container[str], above: tuple[tuple[int, int], ...]) -> Iterator[Path]:
    status = folder.stat()
    here = (status.st_dev, status.st_ino)
    if here in above:
        return
    with os.scandir(folder) as scan:
        entries = sorted((entry for entry in scan if not entry.name.startswith(".")), key=lambda entry: entry.name)
    folders = []
    for entry in entries:
        if entry.is_dir():
            folders.append(entry.name)
        elif os.path.splitext(entry.name)[1].lower() in suffixes:  # noqa: PTH122 - no object for each of many files
            yield folder / entry.name
    del entries
    for name in folders:
        yield from _walk(folder / name, suffixes, (*above, here))
