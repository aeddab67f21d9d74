"""What a training will cost, found out by a few steps of it at full size on made-up features."""

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sonicdiffusion.models.encoders import find_encoder, load_encoder
from sonicdiffusion.models.folders import read_settings
from sonicdiffusion.models.image_model import load_scheduler
from sonicdiffusion.training.adapter import build_branch
from sonicdiffusion.training.adapter_recipe import AdapterRecipe
from sonicdiffusion.training.examples import Indices
from sonicdiffusion.training.places import model_folder, own_size
from sonicdiffusion.training.stage1 import train_stage1
from sonicdiffusion.training.stage2 import train_stage2

_STEPS = 3  # the first warms up and is not counted


class MadeUpExamples:
    """Noise in the shapes of a recipe's features.

    Args:
        recipe: whose models give the shapes.
    """

    def __init__(self, recipe: AdapterRecipe) -> None:
        base = model_folder(recipe.base)
        text, vae = (read_settings(base / part / "config.json") for part in ("text_encoder", "vae"))
        self.embedding_width = load_encoder(find_encoder(recipe.encoder)).facts.embedding_width
        self.num_tokens, self.token_width = text["max_position_embeddings"], text["hidden_size"]
        halvings = len(vae.get("block_out_channels") or vae["encoder_block_out_channels"]) - 1
        side = recipe.features.picture_size // 2**halvings or own_size(base)
        channels = read_settings(base / "unet" / "config.json")["in_channels"]
        self._latent_shape = (channels, side, side)

    def __len__(self) -> int:
        return 1024

    def sounds_in_words(
        self, indices: Indices, rng: np.random.Generator
    ) -> tuple[torch.Tensor, torch.Tensor, NDArray[np.integer]]:
        words = _noise(rng, len(indices), self.num_tokens, self.token_width)
        return _noise(rng, len(indices), self.embedding_width), words, np.asarray(indices) % 8

    def pictures_of_sounds(
        self, indices: Indices, rng: np.random.Generator
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        words = _noise(rng, len(indices), self.num_tokens, self.token_width)
        sounds = _noise(rng, len(indices), self.embedding_width)
        return _noise(rng, len(indices), *self._latent_shape), sounds, words

    def empty_prompt(self) -> torch.Tensor:
        return torch.zeros(1, self.num_tokens, self.token_width)


def seconds_per_step(recipe: AdapterRecipe, stage: str) -> float:
    """Return the mean time of a step of a stage, by a few that leave nothing behind.

    Args:
        recipe: the whole.
        stage: "stage1" or "stage2".
    """
    examples = MadeUpExamples(recipe)
    settings: Any = getattr(recipe, stage)
    settings = replace(settings, loop=replace(settings.loop, num_steps=_STEPS, trackers=(), show_every=0))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if stage == "stage1":
            records = train_stage1(settings, examples, folder)
        else:
            scheduler = load_scheduler(model_folder(recipe.base), recipe.base)
            records = train_stage2(settings, build_branch(recipe, examples), scheduler, examples, folder)
        next(records)
        started = time.perf_counter()
        for record in records:
            if record.step == _STEPS:
                break
        return (time.perf_counter() - started) / (_STEPS - 1)


def _noise(rng: np.random.Generator, *shape: int) -> torch.Tensor:
    return torch.from_numpy(rng.standard_normal(shape, np.float32))
