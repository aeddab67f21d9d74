"""A source of videos, or of sounds and pictures, becomes a data set: resumable, the same whatever the workers."""

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from sonicdiffusion._version import __version__
from sonicdiffusion.config import to_dict
from sonicdiffusion.data.captions import check_template
from sonicdiffusion.data.card import card
from sonicdiffusion.data.joining import Tally, join_parts
from sonicdiffusion.data.layouts.layout import Layout
from sonicdiffusion.data.layouts.registry import find_layout
from sonicdiffusion.data.listing import Listing, chunk_size, survey
from sonicdiffusion.data.parquet_files import UNCAPTIONED, caption_part
from sonicdiffusion.data.prepared import PreparedData
from sonicdiffusion.data.settings import PrepareSettings
from sonicdiffusion.data.sheet import Sample, draw_sheet
from sonicdiffusion.data.workers import Job, run_jobs
from sonicdiffusion.data.workplace import FACTS, Workplace, write_json
from sonicdiffusion.errors import ConfigError, SonicDiffusionError

_FORMAT = 1  # of the folder; a later one may lay it out differently


RunJobs = Callable[[Iterable[Job], PrepareSettings], Iterator[Job]]
"""What works on chunks, yielding each once its part is written."""


@dataclass(frozen=True)
class Progress:
    """How far a preparation is.

    Args:
        stage: "listing" the source, "reading" its files, "joining" what was read.
        done: clips listed or read so far.
        total: clips in all; None while they are listed.
    """

    stage: Literal["listing", "reading", "joining"]
    done: int
    total: int | None


def prepare(
    source: str | Path,
    target: str | Path,
    settings: PrepareSettings | None = None,
    *,
    workers: int | None = None,
    run: RunJobs | None = None,
) -> Iterator[Progress]:
    """Prepare a source, yielding progress now and then; the target is a data set once the iterator is exhausted.

    What was begun is continued by the same call. Memory does not grow with the source but for some hundred bytes a
    clip.

    Args:
        source: a folder, or a table of pairs.
        target: a new folder, or one that the same call has begun.
        settings: how clips are cut and described; the defaults of `PrepareSettings` if None.
        workers: processes that read files; 0 reads in this one, None takes one for each processor.
        run: what works on the chunks instead of such processes, for example workers of a cluster.

    Raises:
        MissingFileError: if the source does not exist or holds nothing to prepare.
        ConfigError: if a setting does not fit, the target holds something else or was begun with other settings, no
            clip can be used, or the target cannot be written to.
        ModelError: if the captioner cannot be loaded.
    """
    settings = settings or PrepareSettings()
    source, target = Path(source), Path(target)
    layout = find_layout(source, settings.layout)
    settings = replace(settings, layout=layout.name)
    if settings.caption is not None:
        check_template(settings.caption, layout.all_words)
    listing = yield from _look_through(source, layout, settings)
    if not listing.count:
        raise ConfigError(f"'{source}' holds nothing in the layout {layout.name}. Name another source or layout.")
    place = Workplace(target)
    begun = _begun(listing, settings)
    with _writing(target):
        state = place.begin(begun)
        if state in ("new", "begun"):
            count = os.cpu_count() or 1 if workers is None else workers
            yield from _read(listing, settings, place, run or partial(run_jobs, workers=count))
            yield Progress("joining", listing.count, listing.count)
            _join(listing, place, begun)
        if state != "finished":
            place.publish()
    yield Progress("joining", listing.count, listing.count)


def _look_through(source: Path, layout: Layout, settings: PrepareSettings) -> Generator[Progress, None, Listing]:
    looking = survey(source, layout, settings)
    while True:
        try:
            yield Progress("listing", next(looking), None)
        except StopIteration as end:
            return end.value


def _begun(listing: Listing, settings: PrepareSettings) -> dict[str, Any]:
    """Return what must be the same for a preparation to go on."""
    values = to_dict(settings)
    if settings.captioner is not None and Path(settings.captioner).is_dir():
        values["captioner"] = Path(settings.captioner).resolve().name  # folders are private
    return {
        "format": _FORMAT,
        "version": __version__,
        "source": listing.source.resolve().name,
        "listing": listing.fingerprint,
        "settings": values,
    }


def _read(listing: Listing, settings: PrepareSettings, place: Workplace, run: RunJobs) -> Iterator[Progress]:
    """Make the parts that are missing."""
    size = chunk_size(settings)
    there = [index for index in range(-(-listing.count // size)) if place.part(index).is_file()]
    done = sum(min(size, listing.count - index * size) for index in there)
    yield Progress("reading", done, listing.count)
    captioner: Any = None
    for job in run(_missing(listing, settings, place), settings):
        if settings.captioner is not None:
            from sonicdiffusion.data.captioner import Captioner

            captioner = captioner or Captioner(settings.captioner)  # not before there is something to caption
            caption_part(job.part, captioner)
        done += len(job.found)
        yield Progress("reading", done, listing.count)


def _missing(listing: Listing, settings: PrepareSettings, place: Workplace) -> Iterator[Job]:
    for index, found in enumerate(listing.chunks(settings)):
        path = place.part(index)
        if not path.is_file():
            yield Job(path if settings.captioner is None else path.with_suffix(UNCAPTIONED), found)


def _join(listing: Listing, place: Workplace, begun: dict[str, Any]) -> None:
    with place.building() as folder:
        tally = join_parts(list(place.part_files()), folder, begun["settings"]["test_share"])
        if not tally.num_clips:
            reasons = ", ".join(f"{count} {kind}" for kind, count in sorted(tally.skipped.items()))
            raise ConfigError(f"None of the {listing.count:,} clips of '{listing.source}' can be used: {reasons}.")
        facts = {**begun, **_results(tally)}
        write_json(folder / FACTS, facts)
        data = PreparedData(folder)
        draw_sheet(_samples(data, tally.samples), folder / "sheet.png")
        title = place.target.resolve().name
        (folder / "README.md").write_text(card(title, facts, tally, listing.layout), encoding="utf-8")


def _results(tally: Tally) -> dict[str, Any]:
    return {
        "fingerprint": tally.fingerprint,
        "clips": tally.num_clips,
        "splits": tally.split_sizes(),
        "labels": {split: dict(sorted(tally.clips[split].items())) for split in tally.split_sizes()},
        "seconds": {split: round(tally.seconds[split], 3) for split in tally.split_sizes()},
        "skipped": dict(sorted(tally.skipped.items())),
        "torn_groups": tally.num_torn,
        "shards": tally.shards,
    }


def _samples(data: PreparedData, keys: list[str]) -> Iterator[Sample]:
    rows = {key: row for row, key in enumerate(data.keys)}
    labels = data.labels
    for key in keys:
        row = rows[key]
        for pixels, waveform in data.pictures_and_sounds(row, row + 1):
            yield pixels, waveform, labels[row] or ""


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    """Turn a failure to write into one sentence."""
    try:
        yield
    except SonicDiffusionError:  # some are errors of files, too
        raise
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise ConfigError(
            f"Cannot write to '{target}': {reason}. Make room or name another folder; the same command goes on."
        ) from problem
