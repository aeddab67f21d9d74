"""How far a piece of work is, as whoever waits for it is told."""

from collections.abc import Iterator
from dataclasses import dataclass

from sonicdiffusion.training.loop import StepRecord


@dataclass(frozen=True)
class Progress:
    """How far a step is.

    Args:
        doing: what it does at the moment.
        done: units done.
        total: units in all.
        record: the last training record, if it trains.
    """

    doing: str
    done: int
    total: int
    record: StepRecord | None = None


def training_progress(doing: str, records: Iterator[StepRecord]) -> Iterator[Progress]:
    """Yield the progress of a training."""
    for record in records:
        yield Progress(doing, record.step, record.num_steps, record)
