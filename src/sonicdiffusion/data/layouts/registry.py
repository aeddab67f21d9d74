"""Which layouts there are, and which one a source has."""

from pathlib import Path

from sonicdiffusion.data.layouts.files import SOUND_SUFFIXES, VIDEO_SUFFIXES, files_below, readable
from sonicdiffusion.data.layouts.greatest_hits import GREATEST_HITS, TIMES
from sonicdiffusion.data.layouts.landscape import CLASSES, LANDSCAPE
from sonicdiffusion.data.layouts.layout import Layout
from sonicdiffusion.data.layouts.pairs import PAIRS, find_table
from sonicdiffusion.data.layouts.ravdess import NAME, RAVDESS
from sonicdiffusion.data.layouts.videos import VIDEOS
from sonicdiffusion.errors import ConfigError, MissingFileError

LAYOUTS = {layout.name: layout for layout in (VIDEOS, PAIRS, LANDSCAPE, GREATEST_HITS, RAVDESS)}


def find_layout(source: Path, name: str) -> Layout:
    """Return the layout of a name, or for "auto" the one that the files of a source speak for.

    Raises:
        MissingFileError: if the source does not exist, or holds nothing that any layout uses.
        ConfigError: if a file is named where the layout wants a folder, or a folder cannot be listed.
    """
    if not source.exists():
        raise MissingFileError(f"There is no folder or table '{source}'. Check the path.")
    if source.is_file() and name not in ("auto", PAIRS.name):
        raise ConfigError(f"'{source}' is a file; the layout {name} is a folder. Name the folder.")
    if name != "auto":
        return LAYOUTS[name]
    if find_table(source) is not None:
        return PAIRS
    return _recognise(source)


def _recognise(source: Path) -> Layout:
    """Look through a folder until it is known for one of the data sets, or else to its end."""
    has_video = has_sound = False
    classes = set()
    for path in files_below(source, VIDEO_SUFFIXES | SOUND_SUFFIXES | {".txt"}):
        suffix = path.suffix.lower()
        if path.name.endswith(TIMES):
            return GREATEST_HITS
        if suffix in VIDEO_SUFFIXES:
            has_video = True
            if NAME.fullmatch(path.stem):
                return RAVDESS
            classes |= {readable(path.parent.name).lower()} & set(CLASSES)
        elif suffix in SOUND_SUFFIXES:
            has_sound = True
    if len(classes) >= 2:
        return LANDSCAPE
    if has_video:
        return VIDEOS
    if has_sound:
        return PAIRS
    raise MissingFileError(f"'{source}' holds neither videos nor sounds. Name a folder or table that does.")
