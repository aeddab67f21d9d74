"""Chunks worked on by several processes, in any order, each kept as a file of its own."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sonicdiffusion.data.chunks import ChunkResult, gather, prepare_clips
from sonicdiffusion.data.clips import Found, Skipped
from sonicdiffusion.data.parquet_files import Row, write_part
from sonicdiffusion.data.settings import PrepareSettings

Prepare = Callable[[Sequence[Found], PrepareSettings], Iterator[Row | Skipped]]


@dataclass(frozen=True)
class Job:
    """One chunk.

    Args:
        part: the file that keeps what becomes of it.
        found: its clips.
    """

    part: Path
    found: Sequence[Found]


def run_jobs(
    jobs: Iterable[Job], settings: PrepareSettings, workers: int, prepare: Prepare = prepare_clips
) -> Iterator[Job]:
    """Yield each job once its part is written.

    A file that ends the process which reads it, as a fault in a decoder does, is skipped like any other bad one.

    Args:
        jobs: taken as they are needed, so that a long list is never held.
        settings: how clips are cut.
        workers: processes; 0 works in this one.
        prepare: what turns clips into rows; importable by its name.

    Raises:
        OSError: if a part cannot be written.
    """
    if workers == 0:
        for job in jobs:
            run_job(job, settings, prepare)
            yield job
        return
    waiting = iter(jobs)
    while True:
        lost: list[Job] = []
        yield from _run_in_pool(waiting, settings, workers, prepare, lost)
        if not lost:
            return
        for job in lost:  # the process that read one of these has ended: which one?
            _write(job, _alone(job.found, settings, prepare))
            yield job


def run_job(job: Job, settings: PrepareSettings, prepare: Prepare = prepare_clips) -> None:
    """Work on a chunk in this process.

    Raises:
        OSError: if its part cannot be written.
    """
    _write(job, gather(prepare(job.found, settings)))


def _run_in_pool(
    jobs: Iterator[Job], settings: PrepareSettings, workers: int, prepare: Prepare, lost: list[Job]
) -> Iterator[Job]:
    """Yield finished jobs until there are no more, or until a process ends; then `lost` holds those under way."""
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    pool = ProcessPoolExecutor(workers, context, _begin, (stop,))
    running: dict[Future[None], Job] = {}
    job: Job | None = None
    try:
        while not lost:
            while len(running) < workers + 1 and (job := next(jobs, None)) is not None:
                running[pool.submit(_work, job, settings, prepare)] = job
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                job = running.pop(future)
                try:
                    future.result()
                except BrokenProcessPool:
                    lost += [job, *running.values()]
                    break
                yield job
    except BrokenProcessPool:  # found when submitting
        lost += [*running.values(), *([job] if job is not None else [])]
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def _alone(found: Sequence[Found], settings: PrepareSettings, prepare: Prepare) -> ChunkResult:
    """Work on clips one by one, each in a process of its own if need be."""
    context = multiprocessing.get_context("spawn")
    rows: list[Row] = []
    skipped: list[Skipped] = []
    pool = ProcessPoolExecutor(1, context, _begin, (context.Event(),))
    try:
        for one in found:
            try:
                result = pool.submit(_gathered, [one], settings, prepare).result()
            except BrokenProcessPool:
                pool.shutdown()
                pool = ProcessPoolExecutor(1, context, _begin, (context.Event(),))
                reason = "The program that reads it ended at once. Encode it anew."
                result = ChunkResult([], [Skipped(one.source, "unreadable", reason)])
            rows += result.rows
            skipped += result.skipped
    finally:
        pool.shutdown(cancel_futures=True)
    return ChunkResult(rows, skipped)


_stop: Any = None  # an event of the process that this one works for


def _begin(stop: Any) -> None:
    """Make a worker ready: deaf to Ctrl-C, which its parent hears, and gone when its parent is."""
    import cv2

    global _stop
    _stop = stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


def _work(job: Job, settings: PrepareSettings, prepare: Prepare) -> None:
    """Work on a chunk in a worker; stops between two clips when told to, leaving nothing."""

    def until_stopped() -> Iterator[Row | Skipped]:
        for outcome in prepare(job.found, settings):
            if _stop.is_set():
                raise InterruptedError
            yield outcome

    _write(job, gather(until_stopped()))


def _gathered(found: Sequence[Found], settings: PrepareSettings, prepare: Prepare) -> ChunkResult:
    return gather(prepare(found, settings))


def _write(job: Job, result: ChunkResult) -> None:
    write_part(job.part, result.rows, result.skipped)
