"""A report as one page that needs nothing else: no network, no script; it looks the same wherever it lies."""

import base64
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from sonicdiffusion.evaluation.exhibits import Exhibit, Exhibits
from sonicdiffusion.evaluation.page_blocks import Block, Group, blocks
from sonicdiffusion.evaluation.page_numbers import Cell, cell, is_estimate, text
from sonicdiffusion.evaluation.page_words import FACTS, HEADLINES, section, word

Numbers = Mapping[str, Any]

_RANKS = {"best": "the best", "median": "in the middle", "worst": "the worst"}
_NOT_FACTS = ("warnings", "command")
_MOST_HEADLINES = 10
_SHORT_FACT = 24  # letters; longer ones have a line of their own


@dataclass(frozen=True)
class ShownExhibit:
    """An exhibit as a page holds it: picture and sound as data URLs.

    Args:
        picture: data URL.
        width: of the picture, in pixels.
        height: of the picture, in pixels.
        sound: data URL, empty if there is none.
        asked: what the picture should show.
        seen: what was found in it.
        prompt: the text beside the sound.
        trial: its name.
        seed: of its noise.
    """

    picture: str
    width: int
    height: int
    sound: str
    asked: str
    seen: str
    prompt: str
    trial: str
    seed: int


@dataclass(frozen=True)
class ShownSection:
    """A measurement on the page."""

    name: str
    title: str
    meaning: str
    compares: str
    blocks: list[Block]
    exhibits: list[tuple[str, list[ShownExhibit]]]


@dataclass(frozen=True)
class Page:
    """All that the page of a report shows."""

    model: str
    warnings: list[str]
    facts: list[tuple[str, str]]
    headlines: list[tuple[str, Cell]]
    sections: list[ShownSection]
    judge: list[Block]
    commands: list[str]


def report_page(report: Numbers, exhibits: Exhibits) -> str:
    """Return the page of a report as HTML, the same for the same report and exhibits.

    Args:
        report: as written to JSON. Measurements, facts and keys that are not known are shown by their shape.
        exhibits: pictures and sounds of its measurements.
    """
    measured = {key: value for key, value in report.items() if isinstance(value, Mapping) and key != "judge"}
    facts = {k: v for k, v in report.items() if not isinstance(v, Mapping) and k not in _NOT_FACTS and v is not None}
    commands = report.get("command", [])
    page = Page(
        model=str(report.get("model", "a model")),
        warnings=[str(sentence) for sentence in report.get("warnings", [])],
        facts=sorted(
            ((FACTS.get(key, key.replace("_", " ")), text(value)) for key, value in facts.items()),
            key=lambda fact: len(fact[1]) > _SHORT_FACT,
        ),
        headlines=_headlines(measured),
        sections=[_section(name, numbers, exhibits) for name, numbers in measured.items()],
        judge=[Group("The judge's own scores", blocks(report["judge"]), is_folded=True)] if report.get("judge") else [],
        commands=[commands] if isinstance(commands, str) else list(commands),
    )
    return render("report.html", page=page)


def render(template: str, **values: Any) -> str:
    """Fill a template of this package; whatever is not marked as HTML is escaped."""
    environment = Environment(
        loader=PackageLoader("sonicdiffusion.evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values) + "\n"


def write_page(path: Path, html: str) -> None:
    """Write a page whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    temporary.write_text(html, encoding="utf-8")
    temporary.replace(path)


def _section(name: str, numbers: Numbers, exhibits: Exhibits) -> ShownSection:
    about = section(name)
    shown = [
        (_RANKS[rank], [_shown(one) for one in ones]) for rank, ones in exhibits.shown.get(name, {}).items() if ones
    ]
    return ShownSection(name, about.title, about.meaning, about.compares, blocks(numbers), shown)


def _shown(exhibit: Exhibit) -> ShownExhibit:
    width, height = Image.open(io.BytesIO(exhibit.picture)).size
    return ShownExhibit(
        picture=_data_url("image/png", exhibit.picture),
        width=width,
        height=height,
        sound=_data_url("audio/mpeg", exhibit.sound) if exhibit.sound else "",
        asked=exhibit.asked.replace("_", " "),
        seen=exhibit.seen.replace("_", " "),
        prompt=exhibit.prompt,
        trial=exhibit.trial,
        seed=exhibit.seed,
    )


def _data_url(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _headlines(measured: Numbers) -> list[tuple[str, Cell]]:
    """Return the known headline numbers, or else the first ones whose interval lies between 0 and 1."""
    found = [
        (label, cell(number, word(path.split(".")[-1])))
        for path, label in HEADLINES.items()
        if is_estimate(number := _at(measured, path.split(".")))
    ]
    if found:
        return found
    within = [
        (f"{section(name).title}: {word(key).label}", cell(value, word(key), (0.0, 1.0)))
        for name, numbers in measured.items()
        for key, value in numbers.items()
        if is_estimate(value)
        and "low" in value
        and value["low"] is not None
        and 0 <= value["low"]
        and value["high"] <= 1
    ]
    return within[:_MOST_HEADLINES]


def _at(numbers: Any, path: Sequence[str]) -> Any:
    for key in path:
        numbers = numbers.get(key) if isinstance(numbers, Mapping) else None
    return numbers
