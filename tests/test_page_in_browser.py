"""The page of a real evaluation in a real browser, and a broken model beside it."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser, Page, sync_playwright
from typer.testing import CliRunner

from sonicdiffusion import GenerationPipeline
from sonicdiffusion.cli.main import app
from sonicdiffusion.evaluation.bench import Bench
from sonicdiffusion.evaluation.compare import compare
from sonicdiffusion.evaluation.judge import Judge
from sonicdiffusion.evaluation.report import measure, write

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
NAMES = ["with_place", "sound_alone"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the report of the bundled model, and a cache of its own."""
    place = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SONICDIFFUSION_CACHE", str(place / "cache"))
        evaluate(place / "report.json")
        yield place


def evaluate(out: Path) -> None:
    only = [word for name in NAMES for word in ("--only", name)]
    done = CliRunner().invoke(app, ["evaluate", "--device", "cpu", "--pictures", "24", *only, "--out", str(out)])
    assert done.exit_code == 0, done.output


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM)
        yield found
        found.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1100])
def test_the_page_shows_and_plays_what_it_holds(folder: Path, browser: Browser, width: int, scheme: str) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    complaints, requests = [], []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto((folder / "report.html").as_uri())
    page.wait_for_function("[...document.querySelectorAll('audio')].every(one => one.readyState >= 1)", timeout=20_000)
    assert complaints == []
    assert [url for url in requests if not url.startswith(("data:", "file:"))] == []
    widths = page.evaluate("[...document.images].map(one => one.complete ? one.naturalWidth : 0)")
    assert widths == [128] * 18
    durations = page.evaluate("[...document.querySelectorAll('audio')].map(one => one.duration)")
    assert len(durations) == 18
    assert all(4.9 < seconds < 5.2 for seconds in durations)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    dark = sum(int(part) for part in channels(page)) < 3 * 128
    assert dark == (scheme == "dark")
    page.close()


def channels(page: Page) -> list[str]:
    """Return red, green and blue of the page's ground."""
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return colour.removeprefix("rgb(").removesuffix(")").split(",")


def test_a_second_run_writes_the_same_files(folder: Path) -> None:
    evaluate(folder / "again" / "report.json")
    for suffix in ("json", "html", "md"):
        first, second = (place / f"report.{suffix}" for place in (folder, folder / "again"))
        assert first.read_bytes() == second.read_bytes()


def test_a_model_whose_gates_are_shut_differs_beyond_chance(folder: Path, browser: Browser) -> None:
    pipeline = GenerationPipeline.from_pretrained("mini", device="cpu")
    assert pipeline.components.hearing is not None
    with torch.no_grad():
        for branch in pipeline.components.hearing.adapter.branches.values():
            branch.gate.zero_()  # type: ignore[operator]
    report = measure(Bench(pipeline, Judge.load(), 24), NAMES)
    write({"model": "deaf", **report}, folder / "deaf.json")
    found = compare(*(json.loads((folder / name).read_text()) for name in ("report.json", "deaf.json")))
    worse = {(one.measurement, one.number) for one in found.differences if one.is_beyond_chance and one.high < 0}
    assert worse >= {("with_place", "event"), ("with_place", "event_and_place"), ("sound_alone", "event")}
    assert ("with_place", "place") not in worse
    files = [str(folder / "report.json"), str(folder / "deaf.json"), "--out", str(folder / "difference.html")]
    assert CliRunner().invoke(app, ["compare", *files]).exit_code == 0
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.goto((folder / "difference.html").as_uri())
    assert page.locator(".differs").count() >= 3
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()
