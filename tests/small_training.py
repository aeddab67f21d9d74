"""Small prepared data and recipes, for tests of training an adapter."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from PIL import Image

from sonicdiffusion.data.prepare import PrepareSettings, prepare
from sonicdiffusion.training.adapter_recipe import AdapterRecipe, FeatureRecipe, GenerationDefaults
from sonicdiffusion.training.loop import LoopSettings
from sonicdiffusion.training.stage1 import Stage1Recipe
from sonicdiffusion.training.stage2 import Stage2Recipe

PITCHES = {"low": 200.0, "mid": 900.0, "high": 3000.0}


def small_data(folder: Path, count: int = 24) -> Path:
    """Prepare pairs of a tone and a picture of one colour; the class says which."""
    source = folder / "pairs"
    source.mkdir(parents=True)
    rows = ["sound,picture,label"]
    for index in range(count):
        rng = np.random.default_rng(index)
        label = list(PITCHES)[index % 3]
        pitch = PITCHES[label] * rng.uniform(0.9, 1.1)
        times = np.arange(8000) / 8000
        tone = 0.3 * np.sin(2 * np.pi * pitch * times) + rng.normal(0, 0.01, times.size)
        soundfile.write(source / f"{index:02d}.wav", tone.astype(np.float32), 8000)
        colours = np.zeros((24, 32, 3), np.uint8)
        colours[..., index % 3] = 200
        colours += rng.integers(0, 30, colours.shape, np.uint8)
        Image.fromarray(colours).save(source / f"{index:02d}.png")
        rows.append(f"{index:02d}.wav,{index:02d}.png,{label}")
    table = source / "pairs.csv"
    table.write_text("\n".join(rows) + "\n")
    target = folder / "data"
    list(prepare(table, target, PrepareSettings(test_share=0.2, caption="{label}"), workers=0))
    return target


def small_recipe(model: Path, **changes: Any) -> AdapterRecipe:
    """Return a recipe of a few steps for a tiny model."""
    loop = LoopSettings(
        num_steps=6, batch_size=4, warmup_steps=1, checkpoint_seconds=0.0, mixed_precision="no", trackers=()
    )
    recipe = AdapterRecipe(
        base=str(model),
        encoder=str(model),
        base_family="tiny",
        features=FeatureRecipe(picture_copies=2, sound_copies=2, mixtures=1),
        stage1=Stage1Recipe(attention_width=16, num_blocks=1, loop=replace(loop, batch_size=6)),
        stage2=Stage2Recipe(loop=loop),
        generation=GenerationDefaults(num_steps=3),
    )
    return replace(recipe, **changes)
