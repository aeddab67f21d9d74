"""Cached examples of Soundscapes on disk: rendered once by worker processes, then read as memory maps.

A shard holds the examples of 500 consecutive seeds and is written whole or not at all, so that rendering can be
stopped anywhere and goes on where it was.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHARD_SIZE = 500

Example = Mapping[str, Any]  # arrays and numpy scalars by name


def cache_folder() -> Path:
    """Return the folder for files that can be made again: $SONICDIFFUSION_CACHE or ~/.cache/sonicdiffusion."""
    chosen = os.environ.get("SONICDIFFUSION_CACHE")
    return Path(chosen) if chosen else Path.home() / ".cache" / "sonicdiffusion"


def _write_shard(folder: Path, first_seed: int, make: Callable[[int], Example]) -> None:
    examples = [make(seed) for seed in range(first_seed, first_seed + SHARD_SIZE)]
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".writing-"))
    for name in examples[0]:
        np.save(scratch / f"{name}.npy", np.stack([example[name] for example in examples]))
    try:
        scratch.rename(folder)
    except OSError:  # another process finished the same shard first
        shutil.rmtree(scratch)


@dataclass(frozen=True)
class Shards:
    """Examples number 0 to `len - 1` of one kind, read without loading them all.

    Args:
        folders: the shards in order of their seeds.
    """

    folders: tuple[Path, ...]

    def __len__(self) -> int:
        return SHARD_SIZE * len(self.folders)

    def read(self, name: str, indices: NDArray[np.integer]) -> NDArray:
        """Return the array `name` of the examples `indices`, shape (examples, ...)."""
        shards = {int(s): np.load(self.folders[s] / f"{name}.npy", mmap_mode="r") for s in set(indices // SHARD_SIZE)}
        return np.stack([shards[int(i) // SHARD_SIZE][int(i) % SHARD_SIZE] for i in indices])

    def read_all(self, name: str) -> NDArray:
        """Return the array `name` of all examples, shape (examples, ...)."""
        return np.concatenate([np.load(folder / f"{name}.npy") for folder in self.folders])


def render_shards(
    kind: str,
    make: Callable[[int], Example],
    count: int,
    *,
    first_seed: int = 0,
    settings: dict | None = None,
    workers: int | None = None,
) -> Iterator[tuple[int, int]]:
    """Render what is missing of `count` examples, yielding (shards done, shards in all) as they finish.

    Args:
        kind: name of the kind of example; names the folder.
        make: a picklable function from a seed to named arrays, the same names and shapes for every seed.
        count: number of examples, rounded up to whole shards.
        first_seed: seed of the first example.
        settings: what the examples depend on besides the seed; part of the cache's key.
        workers: worker processes; one for each processor unless given.
    """
    folders = shard_folders(kind, count, first_seed=first_seed, settings=settings)
    missing = [(index, folder) for index, folder in enumerate(folders) if not folder.exists()]
    done = len(folders) - len(missing)
    yield done, len(folders)
    if not missing:
        return
    with ProcessPoolExecutor(workers or os.cpu_count()) as pool:
        jobs = [pool.submit(_write_shard, folder, first_seed + i * SHARD_SIZE, make) for i, folder in missing]
        try:
            for job in jobs:
                job.result()
                done += 1
                yield done, len(folders)
        finally:
            pool.shutdown(cancel_futures=True)


def shard_folders(kind: str, count: int, *, first_seed: int = 0, settings: dict | None = None) -> tuple[Path, ...]:
    """Return the folders of the shards that hold `count` examples from `first_seed` on, rendered or not."""
    key = "-".join(f"{name}={value}" for name, value in sorted((settings or {}).items()))
    root = cache_folder() / "soundscapes" / kind / (key or "default")
    return tuple(root / f"{first_seed + index * SHARD_SIZE:09d}" for index in range(-(-count // SHARD_SIZE)))
