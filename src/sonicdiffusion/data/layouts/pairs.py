"""Sounds beside pictures: by equal names in folders, or by a table."""

from collections.abc import Iterator
from pathlib import Path

from sonicdiffusion.data.clips import Found, SourceClip
from sonicdiffusion.data.layouts.files import (
    PICTURE_SUFFIXES,
    SOUND_SUFFIXES,
    class_and_split,
    files_below,
    name_within,
)
from sonicdiffusion.data.layouts.layout import Layout
from sonicdiffusion.data.layouts.table import TABLE_SUFFIXES, list_table
from sonicdiffusion.data.settings import PrepareSettings

_SOUND_FOLDERS = ("sounds", "sound", "audio", "audios", "wav")
_PICTURE_FOLDERS = ("pictures", "images", "frames", "photos")
_TABLES = ("metadata", "pairs", "index")


def list_pairs(root: Path, settings: PrepareSettings) -> Iterator[Found]:
    """Yield every pair, by the table if the source is or holds one, else by the names of the files."""
    del settings
    table = find_table(root)
    return _list_folder(root) if table is None else list_table(table)


def find_table(root: Path) -> Path | None:
    """Return the table of pairs that a source is or holds; None if there is none."""
    if root.is_file():
        return root
    places = (root / f"{name}{suffix}" for name in _TABLES for suffix in TABLE_SUFFIXES)
    return next((path for path in places if path.is_file()), None)


def _list_folder(root: Path) -> Iterator[Found]:
    """Yield each sound that has a picture of the same name, in its folder or in the picture folder beside it."""
    folder, pictures = None, {}
    for sound in files_below(root, SOUND_SUFFIXES):
        if sound.parent != folder:
            folder = sound.parent
            pictures = _pictures_for(folder, root)
        picture = pictures.get(sound.stem)
        if picture is not None:
            name = name_within(sound, root)
            label, split = class_and_split(sound, root, _SOUND_FOLDERS)
            group = name_within(sound.with_suffix(""), root)
            yield SourceClip(name, sound=sound, picture=picture, label=label, group=group, split=split)


def _pictures_for(folder: Path, root: Path) -> dict[str, Path]:
    """Return the pictures by stem that may belong to the sounds of a folder."""
    places = [folder]
    inside = folder.relative_to(root).parts
    for index, part in enumerate(inside):
        if part.lower() in _SOUND_FOLDERS:
            places += [root.joinpath(*inside[:index], name, *inside[index + 1 :]) for name in _PICTURE_FOLDERS]
    found: dict[str, Path] = {}
    for place in places:
        if place.is_dir():
            for path in sorted(place.iterdir()):
                if path.suffix.lower() in PICTURE_SUFFIXES:
                    found.setdefault(path.stem, path)
    return found


PAIRS = Layout("pairs", list_pairs)
