"""Samples a second of stage 2 with cached features, against encoding pictures, sounds and captions in each step.

cache_speed.py DATA RECIPE [PAIRS] [BATCH]: prepared data. Without a cache, each step reads and decodes as many
consecutive rows as its batch has, and encodes them.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from sonicdiffusion.data.prepared import PreparedData
from sonicdiffusion.models.image_model import load_scheduler
from sonicdiffusion.training.adapter import AdapterTraining, build_branch
from sonicdiffusion.training.adapter_recipe import load_adapter_recipe
from sonicdiffusion.training.cached_examples import CachedExamples
from sonicdiffusion.training.features import FeatureMaker
from sonicdiffusion.training.places import model_folder
from sonicdiffusion.training.stage2 import train_stage2


class FreshExamples(CachedExamples):
    """The same pairs, encoded whenever they are asked for."""

    def prepare(self, data: PreparedData, maker: FeatureMaker) -> None:
        self.maker, self.data = maker, data

    def pictures_of_sounds(
        self, indices: np.ndarray, rng: np.random.Generator
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        first = int(rng.integers(max(1, len(self.data) - len(indices))))
        rows = slice(first, first + len(indices))
        found = self.maker(list(self.data.pictures_and_sounds(rows.start, rows.stop)), first)
        tokens = self.maker.text_tokens(self.data.captions[rows])
        latents, sounds = (torch.from_numpy(found[name][:, -1]).float() for name in ("latents", "embeddings"))
        return latents, sounds, torch.from_numpy(tokens).float()


def steps() -> Iterator[tuple[float, float]]:
    """Yield seconds of a step with cached features and of one without, pair by pair."""
    recipe = load_adapter_recipe(sys.argv[2])
    batch = int(sys.argv[4]) if len(sys.argv) > 4 else recipe.stage2.loop.batch_size
    loop = replace(recipe.stage2.loop, batch_size=batch, num_steps=1000, accumulation=1, trackers=(), show_every=0)
    recipe = replace(recipe, features=replace(recipe.features, picture_copies=1, sound_copies=1))
    data = PreparedData(sys.argv[1])
    training = AdapterTraining(data, recipe, Path("unused"))
    list(training.cache(torch.device("cpu")))
    fresh = FreshExamples(training.plan)
    fresh.prepare(data.split("train"), FeatureMaker(recipe, torch.device("cpu")))
    runs = []
    scheduler = load_scheduler(model_folder(recipe.base), recipe.base)
    for examples in (CachedExamples(training.plan), fresh):
        settings = replace(recipe.stage2, loop=loop)
        folder = Path(tempfile.mkdtemp())
        runs.append(train_stage2(settings, build_branch(recipe, examples), scheduler, examples, folder))
    while True:
        times = []
        for run in runs:
            started = time.perf_counter()
            next(run)
            times.append(time.perf_counter() - started)
        yield times[0], times[1]


count = int(sys.argv[3]) if len(sys.argv) > 3 else 10
measured = [pair for _, pair in zip(range(count + 1), steps(), strict=False)][1:]  # the first warms up
ratios = [fresh / cached for cached, fresh in measured]
cached, fresh = (statistics.median(column) for column in zip(*measured, strict=True))
print(f"A step takes {cached:.3f} s with cached features and {fresh:.3f} s without.")
print(f"Cached: {statistics.median(ratios):.2f} times the samples a second (median of {count} pairs).")
