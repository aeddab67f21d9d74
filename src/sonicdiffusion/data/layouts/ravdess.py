"""RAVDESS: actors who speak and sing with an emotion, all of it told by the file's name.

Livingstone and Russo 2018, "The Ryerson Audio-Visual Database of Emotional Speech and Song", PLOS ONE 13(5).
"""

import re
from collections.abc import Iterator
from pathlib import Path

from sonicdiffusion.data.clips import Found, Skipped, SourceClip
from sonicdiffusion.data.layouts.files import VIDEO_SUFFIXES, files_below, name_within
from sonicdiffusion.data.layouts.layout import Layout
from sonicdiffusion.data.settings import PrepareSettings

NAME = re.compile(r"(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)")
"""Modality, channel, emotion, intensity, statement, repetition, actor."""

EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fearful",
    "07": "disgust",
    "08": "surprised",
}
_ADJECTIVES = {"disgust": "disgusted"}
_CHANNELS = {"01": "speech", "02": "song"}
_INTENSITIES = {"01": "normal", "02": "strong"}
_LEFT_OUT = {"02": "It is the video without sound.", "03": "It is the sound without video."}


def list_ravdess(root: Path, settings: PrepareSettings) -> Iterator[Found]:
    """Yield the recordings with sound and video. Their class is the emotion, their group the actor."""
    del settings
    for path in files_below(root, VIDEO_SUFFIXES | {".wav"}):
        yield _read_name(path, name_within(path, root))


def _read_name(path: Path, source: str) -> Found:
    match = NAME.fullmatch(path.stem)
    if match is None:
        return Skipped(source, "not used", "Its name is not seven numbers of two digits.")
    modality, channel, emotion, intensity, _, _, actor = match.groups()
    if modality in _LEFT_OUT:
        return Skipped(source, "not used", _LEFT_OUT[modality])
    if modality != "01" or channel not in _CHANNELS or emotion not in EMOTIONS or intensity not in _INTENSITIES:
        return Skipped(source, "not used", "A number in its name is none that the data set defines.")
    label = EMOTIONS[emotion]
    words = {
        "emotion": _ADJECTIVES.get(label, label),
        "person": "man" if int(actor) % 2 else "woman",
        "intensity": _INTENSITIES[intensity],
        "channel": _CHANNELS[channel],
    }
    return SourceClip(source, video=path, label=label, group=f"Actor_{actor}", words=words)


RAVDESS = Layout(
    "ravdess",
    list_ravdess,
    caption="a photo of a {emotion} {person}",
    words=("emotion", "person", "intensity", "channel"),
    notice="The RAVDESS data set: Livingstone and Russo 2018, licensed CC BY-NC-SA 4.0.",
    licence="cc-by-nc-sa-4.0",
)
