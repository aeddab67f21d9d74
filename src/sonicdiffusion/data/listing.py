"""A source looked through once: how many clips it holds, and by what it is known again."""

import hashlib
import json
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from sonicdiffusion.data.captions import caption_of
from sonicdiffusion.data.clips import Found, Skipped
from sonicdiffusion.data.layouts.layout import Layout
from sonicdiffusion.data.settings import PrepareSettings
from sonicdiffusion.errors import ConfigError

_REPORT_EVERY = 500


@dataclass(frozen=True)
class Listing:
    """What a source holds; its clips are listed anew when they are needed, not kept.

    Args:
        source: the folder or table.
        layout: how it is laid out.
        count: clips and what is left out at once.
        fingerprint: of names, words and sizes of files; changes when the source does.
    """

    source: Path
    layout: Layout
    count: int
    fingerprint: str

    def chunks(self, settings: PrepareSettings) -> Iterator[list[Found]]:
        """Yield the clips again, in pieces, with their captions settled.

        Raises:
            ConfigError: if the source has changed in between.
        """
        everything = _listed(self.source, self.layout, settings)
        num_listed = 0
        while chunk := [self._captioned(one, settings) for one in islice(everything, chunk_size(settings))]:
            num_listed += len(chunk)
            yield chunk
        if num_listed != self.count:
            raise ConfigError(f"The files in '{self.source}' changed during the preparation. Name a new folder for it.")

    def _captioned(self, one: Found, settings: PrepareSettings) -> Found:
        if isinstance(one, Skipped):
            return one
        return replace(one, caption=caption_of(one, settings.caption, self.layout.caption), words={})


def chunk_size(settings: PrepareSettings) -> int:
    """Return how many clips of a source make a chunk: fewer where each may give several rows."""
    return max(1, settings.chunk_clips // settings.clips_per_video)


def survey(source: Path, layout: Layout, settings: PrepareSettings) -> Generator[int, None, Listing]:
    """Look through a source, yielding the number of clips so far now and then.

    Returns:
        The listing.

    Raises:
        ConfigError: if a folder or table cannot be read.
    """
    digest, count = hashlib.sha256(), 0
    for one in _listed(source, layout, settings):
        digest.update(_traces(one))
        count += 1
        if count % _REPORT_EVERY == 0:
            yield count
    yield count
    return Listing(source, layout, count, digest.hexdigest())


def _listed(source: Path, layout: Layout, settings: PrepareSettings) -> Iterator[Found]:
    try:
        yield from layout.list_clips(source, settings)
    except OSError as problem:
        where = problem.filename or source
        reason = problem.strerror or problem
        raise ConfigError(f"'{where}' cannot be read: {reason}. Make it readable, or name another source.") from problem


def _traces(one: Found) -> bytes:
    """Return what tells a clip from another without reading its files."""
    if isinstance(one, Skipped):
        return repr(one).encode()
    sizes = [path.stat().st_size if path.is_file() else -1 for path in one.files]
    facts = [one.source, one.start_seconds, one.moment_seconds, one.label, one.caption, one.group, one.split]
    return json.dumps([*facts, dict(one.words), sizes]).encode()
