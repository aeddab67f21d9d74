"""What is spread: chunks of a preparation, chunks of features, recordings that become pictures.

Every worker reads and writes the same folders, so that on several machines they lie on a shared disk.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from sonicdiffusion.data.prepared import PreparedData
from sonicdiffusion.data.settings import PrepareSettings
from sonicdiffusion.data.workers import Job, run_job
from sonicdiffusion.distributed.spread import spread
from sonicdiffusion.pipelines.generate import GenerationPipeline
from sonicdiffusion.pipelines.picture_files import PictureFolder
from sonicdiffusion.training.adapter_recipe import AdapterRecipe
from sonicdiffusion.training.features import FeatureMaker, FeaturePlan, compute_chunk


def spread_jobs(num_workers: int, jobs: Iterable[Job], settings: PrepareSettings) -> Iterator[Job]:
    """Yield each chunk of a preparation once its part is written; with its first argument bound, for `prepare`."""
    listed = list(jobs)
    for number in spread(listed, partial(_preparing, settings), num_workers):
        yield listed[number]


def _preparing(settings: PrepareSettings) -> Callable[[Job], None]:
    return partial(run_job, settings=settings)


def spread_chunks(
    num_workers: int, num_gpus: float, folder: Path, split: str, recipe: AdapterRecipe, chunks: Sequence[int]
) -> Iterator[int]:
    """Yield each chunk of a split's features once written; with all but the last bound, for `compute_features`."""
    for number in spread(chunks, partial(_encoding, folder, split, recipe), num_workers, num_gpus):
        yield chunks[number]


def _encoding(folder: Path, split: str, recipe: AdapterRecipe) -> Callable[[int], None]:
    torch.set_num_threads(1)  # as one process for each core
    data = PreparedData(folder).split(split)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return partial(compute_chunk, FeaturePlan.of(data, recipe), data, FeatureMaker(recipe, device))


@dataclass(frozen=True)
class Order:
    """One recording that becomes pictures.

    Args:
        sound: its path.
        stem: beginning of the pictures' names, which no other order has.
    """

    sound: str
    stem: str


def generate_many(
    sounds: Sequence[str | Path],
    out: Path,
    *,
    model: str = "mini",
    adapter: str | None = None,
    num_workers: int = 2,
    num_gpus: float = 0.0,
    **settings: Any,
) -> Iterator[int]:
    """Make pictures of many recordings, yielding the number of each whose pictures are there; those that are, stay.

    Args:
        sounds: paths that every worker can read.
        out: a folder that every worker can write to.
        model: as of `GenerationPipeline.from_pretrained`.
        adapter: likewise.
        num_workers: workers at once.
        num_gpus: GPUs for each.
        settings: of the pipeline's call, such as `prompt` and `num_images`.
    """
    orders = [Order(str(sound), f"{number:06d}-{Path(sound).stem}") for number, sound in enumerate(sounds)]
    missing = [number for number, order in enumerate(orders) if not (out / f"{order.stem}.done").is_file()]
    make = partial(_generating, model, adapter, out, settings)
    for number in spread([orders[number] for number in missing], make, num_workers, num_gpus):
        yield missing[number]


def _generating(model: str, adapter: str | None, out: Path, settings: dict[str, Any]) -> Callable[[Order], None]:
    torch.set_num_threads(1)
    pipeline = GenerationPipeline.from_pretrained(model, adapter)

    def generate(order: Order) -> None:
        for half_done in out.glob(f"{order.stem}*"):
            half_done.unlink()
        made = pipeline(order.sound, **settings)
        PictureFolder(out).save(made.images, order.stem, {**made.settings, "sound": Path(order.sound).name})
        (out / f"{order.stem}.done").touch()

    return generate
