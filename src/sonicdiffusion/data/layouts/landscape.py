"""Landscape + Into the Wild: class folders of short videos cut from longer ones.

Lee et al. 2022, "Sound-Guided Semantic Video Generation", ECCV (the landscape videos with their nine classes). Names of
clips begin with the 11 characters by which YouTube calls the video that they were cut from.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from sonicdiffusion.data.clips import Found, SourceClip
from sonicdiffusion.data.layouts.files import VIDEO_SUFFIXES, class_and_split, files_below, name_within, readable
from sonicdiffusion.data.layouts.layout import Layout
from sonicdiffusion.data.settings import PrepareSettings

CLASSES = (
    "explosion",
    "fire crackling",
    "raining",
    "splashing water",
    "squishing water",
    "thunder",
    "underwater bubbling",
    "waterfall burbling",
    "wind noise",
)
"""The nine classes of the landscape videos; Into the Wild adds others."""

_YOUTUBE = re.compile(r"([A-Za-z0-9_-]{11})(?:_\d+(?:\.\d+)?)+")
_NUMBERS = re.compile(r"(?:[ _-]+\d+(?:\.\d+)?)+$")


def list_landscape(root: Path, settings: PrepareSettings) -> Iterator[Found]:
    """Yield every video. Its class is its folder, its group the video that it was cut from."""
    del settings
    for path in files_below(root, VIDEO_SUFFIXES):
        label, split = class_and_split(path, root)
        group = origin(path.stem, label or "")
        yield SourceClip(name_within(path, root), video=path, label=label, group=group, split=split)


def origin(stem: str, label: str) -> str:
    """Return the name of the video that a clip was cut from, by the clip's name without its ending.

    A YouTube id with numbers behind it gives the id; else the numbers at the end are dropped. Where nothing, or only
    the class, would be left, the numbers are all that tells the videos apart, and they stay.
    """
    if match := _YOUTUBE.fullmatch(stem):
        return match[1]
    name = readable(_NUMBERS.sub("", stem))
    if name.isdigit() or name.lower() in ("", label.lower()):
        return f"{label}/{readable(stem)}"
    return name


LANDSCAPE = Layout(
    "landscape",
    list_landscape,
    notice="Landscape videos after Lee et al. 2022, Sound-Guided Semantic Video Generation.",
)
