"""Captions by template: words of a clip put into a sentence."""

import re
from collections.abc import Iterable, Mapping
from string import Formatter

from sonicdiffusion.config import nearest
from sonicdiffusion.data.clips import SourceClip
from sonicdiffusion.errors import ConfigError

COMMON_WORDS = ("label", "group")

_ARTICLE = re.compile(r"(?:^|(?<=\s))([Aa]) $")


def check_template(template: str, words: Iterable[str]) -> None:
    """Refuse a template with a word that the clips do not have.

    Args:
        template: such as "a photo of {label}".
        words: the words that the clips have.

    Raises:
        ConfigError: if a brace is left open, or a word is unknown or more than a plain name.
    """
    words = tuple(words)
    for _, word, form, conversion in _pieces(template):
        if word is not None and (word not in words or form or conversion):
            raise ConfigError(f"The caption {template!r} asks for {word!r}. {nearest(word, words)}")


def fill(template: str, words: Mapping[str, str]) -> str:
    """Return the sentence; empty if a word of the template is missing. "a" before a vowel becomes "an"."""
    sentence = ""
    for text, word, _, _ in _pieces(template):
        sentence += text
        if word is None:
            continue
        value = words.get(word, "")
        if not value:
            return ""
        if value[0].lower() in "aeiou":
            sentence = _ARTICLE.sub(r"\1n ", sentence)
        sentence += value
    return sentence


def caption_of(clip: SourceClip, asked: str | None, usual: str) -> str:
    """Return the caption of a clip: by the template asked for, else its own, else by the layout's usual template."""
    if asked is None and clip.caption is not None:
        return clip.caption
    words = {"label": clip.label or "", "group": clip.group, **clip.words}
    return fill(usual if asked is None else asked, words)


def _pieces(template: str) -> list[tuple[str, str | None, str | None, str | None]]:
    try:
        return list(Formatter().parse(template))
    except ValueError as problem:
        raise ConfigError(
            f"The caption {template!r} cannot be read: {problem}. Write a word as {{label}}."
        ) from problem
