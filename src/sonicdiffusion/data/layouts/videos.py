"""A folder of videos, searched recursively."""

from collections.abc import Iterator
from pathlib import Path

from sonicdiffusion.data.clips import Found, SourceClip
from sonicdiffusion.data.layouts.files import VIDEO_SUFFIXES, class_and_split, files_below, name_within
from sonicdiffusion.data.layouts.layout import Layout
from sonicdiffusion.data.settings import PrepareSettings


def list_videos(root: Path, settings: PrepareSettings) -> Iterator[Found]:
    """Yield every video. Its class is the folder it lies in, if that is not the root; its group the video."""
    del settings
    for path in files_below(root, VIDEO_SUFFIXES):
        name = name_within(path, root)
        label, split = class_and_split(path, root)
        yield SourceClip(name, video=path, label=label, group=name, split=split)


VIDEOS = Layout("videos", list_videos)
