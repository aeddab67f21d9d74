"""What a layout is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sonicdiffusion.data.captions import COMMON_WORDS
from sonicdiffusion.data.clips import Found
from sonicdiffusion.data.settings import PrepareSettings


@dataclass(frozen=True)
class Layout:
    """A way in which clips lie on disk.

    Args:
        name: as the command line calls it.
        list_clips: yields what a source holds, always in the same order, without keeping it.
        caption: the template of captions where nothing better is asked for.
        words: what a caption template may use besides `COMMON_WORDS`.
        notice: what the card says about the data set.
        licence: of the data set, by its identifier on the Hugging Face Hub; empty where it is not one and the same.
    """

    name: str
    list_clips: Callable[[Path, PrepareSettings], Iterator[Found]]
    caption: str = "a photo of {label}"
    words: tuple[str, ...] = ()
    notice: str = ""
    licence: str = ""

    @property
    def all_words(self) -> tuple[str, ...]:
        """Every word that a caption template may use."""
        return (*COMMON_WORDS, *self.words)
