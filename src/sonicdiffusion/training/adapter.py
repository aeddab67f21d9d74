"""An adapter from prepared data: features, stage 1, stage 2, and the finished file."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from sonicdiffusion.config import to_dict
from sonicdiffusion.data.prepared import PreparedData
from sonicdiffusion.errors import ConfigError
from sonicdiffusion.models.adapter_file import SETTINGS_FILE, AdapterConfig, EncoderName, save_adapter
from sonicdiffusion.models.encoders import ENCODER_FOLDER, find_encoder, load_encoder
from sonicdiffusion.models.folders import read_settings, read_tensors
from sonicdiffusion.models.image_model import load_scheduler, load_unet
from sonicdiffusion.training.adapter_recipe import AdapterRecipe
from sonicdiffusion.training.bundle import put_in_place
from sonicdiffusion.training.cached_examples import CachedExamples
from sonicdiffusion.training.examples import Examples
from sonicdiffusion.training.features import FeatureMaker, FeaturePlan, compute_features
from sonicdiffusion.training.loop import choose_precision
from sonicdiffusion.training.places import folder_digest, model_folder
from sonicdiffusion.training.processes import processes
from sonicdiffusion.training.progress import Progress, training_progress
from sonicdiffusion.training.run_folder import BEGUN, DONE, is_made, mark, what_counts
from sonicdiffusion.training.single_token import TokenBranch, build_token_projector, train_single_token
from sonicdiffusion.training.stage1 import build_projector, train_stage1
from sonicdiffusion.training.stage2 import AudioBranch, train_stage2

TRAINING_SPLIT = "train"
ADAPTER, SINGLE_TOKEN = "adapter", "single_token"
"""Folders of results in the folder of a training."""

_DTYPES = {"no": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

Show = Callable[[AudioBranch, AdapterConfig, int], None]


class AdapterTraining:
    """The training of one adapter.

    Args:
        data: as `sonicdiffusion prepare` has made it.
        recipe: models and settings.
        folder: where checkpoints and the adapter go.
    """

    def __init__(self, data: PreparedData, recipe: AdapterRecipe, folder: Path) -> None:
        self.recipe, self.folder = recipe, folder
        self._data = data.split(TRAINING_SPLIT)

    @cached_property
    def plan(self) -> FeaturePlan:
        """The features that are learnt from."""
        return FeaturePlan.of(self._data, self.recipe)

    @property
    def adapter_folder(self) -> Path:
        """Where the finished adapter is."""
        return self.folder / ADAPTER

    def cache(
        self, device: torch.device, run: Callable[[Sequence[int]], Iterator[int]] | None = None
    ) -> Iterator[Progress]:
        """Compute the features that are missing.

        Args:
            device: where encoders go.
            run: as of `compute_features`.
        """
        maker = partial(FeatureMaker, self.recipe, device)
        for done, total in compute_features(self.plan, self._data, maker, run):
            yield Progress("features", done, total)

    def stage1(self) -> Iterator[Progress]:
        """Train the projector, from where it was stopped.

        Raises:
            ConfigError: if the folder holds a run by another recipe or on other data.
            MissingFileError: if the features are not there.
        """
        folder, made_by = self.folder / "stage1", self._made_by("stage1")
        if is_made(folder, DONE, made_by):
            return
        examples = CachedExamples(self.plan)
        if not is_made(folder, BEGUN, made_by):
            mark(folder, BEGUN, made_by)
        yield from training_progress("stage 1", train_stage1(self.recipe.stage1, examples, folder))
        mark(folder, DONE, made_by)

    def stage2(self, show: Show | None = None) -> Iterator[Progress]:
        """Train audio layers and projector, from where they were stopped, and write the adapter.

        Args:
            show: called with the averaged weights every `show_every` steps of the recipe.

        Raises:
            ConfigError: if stage 1 is not done, or the folder holds a run by another recipe or on other data.
            MissingFileError: if the features are not there.
        """
        folder, made_by = self.folder / "stage2", self._made_by("stage2")
        if not is_made(self.folder / "stage1", DONE, self._made_by("stage1")):
            raise ConfigError(f"Stage 1 is not done in {self.folder}. Give `sonicdiffusion train stage1` first.")
        if is_made(folder, DONE, made_by) and self._is_written():
            return
        examples = CachedExamples(self.plan)
        if not is_made(folder, BEGUN, made_by):
            mark(folder, BEGUN, made_by)
        base = model_folder(self.recipe.base)
        branch = build_branch(self.recipe, examples)
        branch.projector.load_state_dict(read_tensors(self.folder / "stage1" / "projector.safetensors"))
        encoder = load_encoder(find_encoder(self.recipe.encoder))
        config = self._config(branch, encoder)
        shown = None if show is None else (lambda step: show(branch, config, step))
        scheduler = load_scheduler(base, self.recipe.base)
        records = train_stage2(self.recipe.stage2, branch, scheduler, examples, folder, shown)
        yield from training_progress("stage 2", records)
        self._write(branch, config, encoder)
        mark(folder, DONE, made_by)

    def single_token(self) -> Iterator[Progress]:
        """Train one audio token among those of the text in place of both stages, from where it was stopped.

        Raises:
            ConfigError: if the folder holds a run by another recipe or on other data.
            MissingFileError: if the features are not there.
        """
        folder = self.folder / SINGLE_TOKEN
        base = folder_digest(model_folder(self.recipe.base), ("unet", "scheduler"))
        facts = {"features": self.plan.depends_on, "recipe": what_counts(self.recipe.stage2), "base": base}
        made_by = json.loads(json.dumps({**facts, "projector": what_counts(self.recipe.stage1)}))
        if is_made(folder, DONE, made_by):
            return
        examples = CachedExamples(self.plan)
        if not is_made(folder, BEGUN, made_by):
            mark(folder, BEGUN, made_by)
        branch = build_token_branch(self.recipe, examples)
        scheduler = load_scheduler(model_folder(self.recipe.base), self.recipe.base)
        records = train_single_token(self.recipe.stage2, branch, scheduler, examples, folder)
        yield from training_progress("single token", records)
        mark(folder, DONE, made_by)

    def _write(self, branch: AudioBranch, config: AdapterConfig, encoder: Any) -> None:
        if not processes().is_main_process:
            return
        scratch = self.folder / ".adapter"
        shutil.rmtree(scratch, ignore_errors=True)
        save_adapter(scratch, config, branch.projector, branch.adapter)
        encoder.save(scratch / ENCODER_FOLDER)
        put_in_place(scratch, self.adapter_folder)
        shutil.rmtree(scratch)

    def _is_written(self) -> bool:
        """Return whether the adapter is there and proposes what the recipe says."""
        if not (self.adapter_folder / SETTINGS_FILE).is_file():
            return False
        facts = read_settings(self.adapter_folder / SETTINGS_FILE)
        wanted = {**to_dict(self.recipe.generation), "base_family": self.recipe.base_family}
        return all(facts.get(name) == value for name, value in wanted.items())

    def _config(self, branch: AudioBranch, encoder: Any) -> AdapterConfig:
        facts, generation = encoder.facts, self.recipe.generation
        return AdapterConfig(
            encoder=EncoderName(facts.name, facts.version),
            sample_rate=facts.sample_rate,
            window_seconds=facts.window_seconds,
            crop_policy=generation.crop_policy,
            base_family=self.recipe.base_family,
            sites=branch.adapter.sites,
            projector=branch.projector.config,
            text_guidance=generation.text_guidance,
            audio_guidance=generation.audio_guidance,
            num_steps=generation.num_steps,
        )

    def _made_by(self, stage: str) -> dict[str, Any]:
        facts: dict[str, Any] = {"features": self.plan.depends_on, "recipe": what_counts(getattr(self.recipe, stage))}
        if stage == "stage2":
            base = folder_digest(model_folder(self.recipe.base), ("unet", "scheduler"))
            facts |= {"base": base, "stage1": self._made_by("stage1")}
        return json.loads(json.dumps(facts))  # as it is read back


def build_branch(recipe: AdapterRecipe, examples: Examples) -> AudioBranch:
    """Return the frozen UNet of a recipe with fresh audio layers in float32, and an untrained projector.

    Raises:
        MissingFileError: if the base has no UNet.
        ModelError: if it is damaged.
    """
    unet = _frozen_unet(recipe)
    torch.manual_seed(recipe.stage2.loop.seed)
    branch = AudioBranch(unet, build_projector(recipe.stage1, examples), recipe.stage2.sites)
    for layer in branch.adapter.branches.values():
        layer.float()
    return branch


def build_token_branch(recipe: AdapterRecipe, examples: Examples) -> TokenBranch:
    """Return the frozen UNet of a recipe, and an untrained projector that makes a single token.

    Raises:
        MissingFileError: if the base has no UNet.
        ModelError: if it is damaged.
    """
    config = build_projector(recipe.stage1, examples).config
    return TokenBranch(_frozen_unet(recipe), build_token_projector(config, recipe.stage2.loop.seed))


def _frozen_unet(recipe: AdapterRecipe) -> UNet2DConditionModel:
    precision = choose_precision(recipe.stage2.loop.mixed_precision)
    return load_unet(model_folder(recipe.base), recipe.base, _DTYPES[precision])
