"""The bundled model from nothing: its steps in order, each a recipe file, each resumable, then the bundle.

Everything that can be made again lies in the cache folder; only `bundle` writes to the package.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from safetensors.torch import load_file, save_file
from transformers.models.clip.modeling_clip import CLIPTextModel
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from sonicdiffusion.config import load_recipe, nearest
from sonicdiffusion.data.examples import picture_example, sound_example
from sonicdiffusion.data.shards import Example, Shards, cache_folder, render_shards, shard_folders
from sonicdiffusion.errors import ConfigError
from sonicdiffusion.models.audio_encoder import ClapAudioEncoder
from sonicdiffusion.soundscapes.scene import WORLD_VERSION
from sonicdiffusion.training.adapter_recipe import GenerationDefaults
from sonicdiffusion.training.audio_encoder import AudioEncoderRecipe, embed_sounds, train_audio_encoder
from sonicdiffusion.training.autoencoder import AutoencoderRecipe, train_autoencoder
from sonicdiffusion.training.base import BaseRecipe, SceneBatches, train_base
from sonicdiffusion.training.bundle import Parts, put_in_place, write_bundle
from sonicdiffusion.training.latents import encode_pictures, normalise_autoencoder
from sonicdiffusion.training.progress import Progress, training_progress
from sonicdiffusion.training.run_folder import BEGUN, DONE, is_made, mark, what_counts
from sonicdiffusion.training.scene_examples import SceneExamples, SceneStage1Recipe, SceneStage2Recipe
from sonicdiffusion.training.stage1 import build_projector, train_stage1
from sonicdiffusion.training.stage2 import AudioBranch, train_stage2
from sonicdiffusion.training.text_encoder import TextEncoderRecipe, train_text_encoder

Recipe = TypeVar("Recipe")

STEPS = ("autoencoder", "text_encoder", "base", "audio_encoder", "stage1", "stage2", "bundle")
_NEEDS = {
    "autoencoder": (),
    "text_encoder": ("autoencoder",),
    "base": ("text_encoder",),
    "audio_encoder": ("text_encoder",),
    "stage1": ("audio_encoder",),
    "stage2": ("base", "stage1"),
    "bundle": ("stage2",),
}
_SETTINGS = {"world": WORLD_VERSION}


RECIPES: dict[str, type] = {
    "autoencoder": AutoencoderRecipe,
    "text_encoder": TextEncoderRecipe,
    "base": BaseRecipe,
    "audio_encoder": AudioEncoderRecipe,
    "stage1": SceneStage1Recipe,
    "stage2": SceneStage2Recipe,
    "bundle": GenerationDefaults,
}
"""The kind of each step's recipe."""


def recipe_names() -> tuple[str, ...]:
    """Return the names of the recipes that come with the package."""
    return tuple(sorted(path.name for path in _recipes().iterdir() if path.is_dir()))


def _recipes() -> Path:
    return Path(str(files("sonicdiffusion.training"))) / "recipes"


class Workshop:
    """The making of a bundled model by one recipe.

    Args:
        recipe: a name such as "mini-cpu", or a folder with one TOML file for each step.
        folder: where the work lies; in the cache folder unless given.
        target: where the bundle is put; unless given, into the package for a recipe of the package, and else into the
            folder "model" where the work lies.

    Raises:
        ConfigError: if the recipe is not known, or one of its files has a mistake.
    """

    def __init__(self, recipe: str, folder: Path | None = None, target: Path | None = None) -> None:
        self.recipes = _recipes() / recipe if recipe in recipe_names() else Path(recipe).resolve()
        if not self.recipes.is_dir():
            raise ConfigError(f"There is no recipe {recipe!r}. {nearest(recipe, recipe_names())}")
        self.folder = folder or cache_folder() / "runs" / self.recipes.name
        package = Path(str(files("sonicdiffusion"))) / "bundled" / "mini"
        self.target = target or (package if recipe in recipe_names() else self.folder / "model")
        for step, kind in RECIPES.items():  # so that a mistake in the last is not found after hours
            self._recipe(step, kind)

    def steps(self, names: Sequence[str] = ()) -> tuple[str, ...]:
        """Return the steps of these names, or all in order.

        Raises:
            ConfigError: if one is not known.
        """
        for name in names:
            if name not in STEPS:
                raise ConfigError(f"There is no step {name!r}. {nearest(name, STEPS)}")
        return tuple(names) or STEPS

    def run(self, step: str) -> Iterator[Progress]:
        """Do one step, yielding its progress; a step that is done is not done again.

        Raises:
            ConfigError: if the step is not known, or one that it needs is not done.
        """
        (step,) = self.steps([step])
        for needed in _NEEDS[step]:
            if not is_made(self.folder / needed, DONE, self._made_by(needed)):
                raise ConfigError(f"The step {step!r} needs {needed!r}, which is not done. Train it first.")
        made_by, folder = self._made_by(step), self.folder / step
        if step != "bundle":
            if is_made(folder, DONE, made_by):
                return
            if not is_made(folder, BEGUN, made_by):
                mark(folder, BEGUN, made_by)
        yield from getattr(self, f"_{step}")()
        mark(folder, DONE, made_by)

    def _made_by(self, step: str) -> dict[str, Any]:
        """Return all that the result of a step depends on: plain values, the steps that it needs included."""
        recipe = load_recipe(self.recipes / f"{step}.toml", RECIPES[step])
        facts = {"world": WORLD_VERSION, "recipe": what_counts(recipe), **{n: self._made_by(n) for n in _NEEDS[step]}}
        return json.loads(json.dumps(facts))  # as it is read back

    def _recipe(self, step: str, kind: type[Recipe]) -> Recipe:
        return load_recipe(self.recipes / f"{step}.toml", kind)

    def _autoencoder(self) -> Iterator[Progress]:
        recipe = self._recipe("autoencoder", AutoencoderRecipe)
        yield from _render("pictures", picture_example, recipe.num_pictures)
        yield from training_progress(
            "autoencoder", train_autoencoder(recipe, self._pictures(), self.folder / "autoencoder")
        )
        yield Progress("pictures to latents", 0, 1)
        vae = AutoencoderTiny.from_pretrained(self.folder / "autoencoder" / "vae")
        normalise_autoencoder(vae, encode_pictures(vae, self._pictures(), self._latents_path))
        vae.save_pretrained(self.folder / "autoencoder" / "vae")

    def _text_encoder(self) -> Iterator[Progress]:
        recipe = self._recipe("text_encoder", TextEncoderRecipe)
        latents = np.load(self._latents_path)
        yield from training_progress("text encoder", train_text_encoder(recipe, latents, self.folder / "text_encoder"))

    def _base(self) -> Iterator[Progress]:
        recipe = self._recipe("base", BaseRecipe)
        yield from training_progress("base", train_base(recipe, self._batches(), self.folder / "base"))

    def _audio_encoder(self) -> Iterator[Progress]:
        recipe = self._recipe("audio_encoder", AudioEncoderRecipe)
        yield from _render("sounds", sound_example, recipe.num_sounds)
        training = train_audio_encoder(recipe, self._sounds(recipe), *self._text_parts(), self.folder / "audio_encoder")
        yield from training_progress("audio encoder", training)

    def _stage1(self) -> Iterator[Progress]:
        recipe = self._recipe("stage1", SceneStage1Recipe)
        yield Progress("sounds to embeddings", 0, 1)
        sounds_recipe = self._recipe("audio_encoder", AudioEncoderRecipe)
        sounds = self._sounds(sounds_recipe)
        encoder = ClapAudioEncoder.load(self.folder / "audio_encoder" / "audio_encoder")
        embeddings = embed_sounds(encoder, sounds, sounds_recipe, recipe.embedding_copies, self._embeddings_path)
        examples = SceneExamples(self._batches(), embeddings, sounds.read_all("intensities"))
        yield from training_progress("stage 1", train_stage1(recipe, examples, self.folder / "stage1"))

    def _stage2(self) -> Iterator[Progress]:
        recipe, folder = self._recipe("stage2", SceneStage2Recipe), self.folder / "stage2"
        examples = self._examples(recipe.silent_captions)
        branch = self._branch(examples)
        branch.projector.load_state_dict(load_file(self.folder / "stage1" / "projector.safetensors"))
        yield from training_progress("stage 2", train_stage2(recipe, branch, self._scheduler(), examples, folder))
        state = {f"projector.{name}": value for name, value in branch.projector.state_dict().items()}
        save_file({**state, **branch.adapter.state_dict()}, folder / "branch.safetensors")

    def _bundle(self) -> Iterator[Progress]:
        recipe = self._recipe("bundle", GenerationDefaults)
        yield Progress("bundle", 0, 1)
        branch = self._branch(self._examples())
        weights = load_file(self.folder / "stage2" / "branch.safetensors")
        branch.adapter.load_state_dict({k: v for k, v in weights.items() if not k.startswith("projector.")})
        branch.projector.load_state_dict(
            {k.removeprefix("projector."): v for k, v in weights.items() if k.startswith("projector.")}
        )
        tokenizer, text_encoder = self._text_parts()
        parts = Parts(
            branch,
            encoder=ClapAudioEncoder.load(self.folder / "audio_encoder" / "audio_encoder"),
            vae=AutoencoderTiny.from_pretrained(self.folder / "autoencoder" / "vae"),
            tokenizer=tokenizer,
            text_encoder=text_encoder,
            scheduler=self._scheduler(),
        )
        scratch = self.folder / "bundle" / "mini"
        shutil.rmtree(scratch, ignore_errors=True)
        write_bundle(scratch, recipe, parts)
        put_in_place(scratch, self.target)

    def _scheduler(self) -> DDIMScheduler:
        path = self.folder / "base" / "scheduler" / "scheduler_config.json"
        scheduler = DDIMScheduler.from_config(json.loads(path.read_text()))
        assert isinstance(scheduler, DDIMScheduler)  # from_config may return a pair, when asked to
        return scheduler

    @property
    def _latents_path(self) -> Path:
        return self.folder / "autoencoder" / "latents.npy"

    @property
    def _embeddings_path(self) -> Path:
        return self.folder / "stage1" / "embeddings.npy"

    def _pictures(self) -> Shards:
        recipe = self._recipe("autoencoder", AutoencoderRecipe)
        return Shards(shard_folders("pictures", recipe.num_pictures, settings=_SETTINGS))

    def _sounds(self, recipe: AudioEncoderRecipe) -> Shards:
        return Shards(shard_folders("sounds", recipe.num_sounds, settings=_SETTINGS))

    def _text_parts(self) -> tuple[CLIPTokenizer, CLIPTextModel]:
        folder = self.folder / "text_encoder"
        tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
        return tokenizer, CLIPTextModel.from_pretrained(folder / "text_encoder")

    def _batches(self) -> SceneBatches:
        vae_config = json.loads((self.folder / "autoencoder" / "vae" / "config.json").read_text())
        return SceneBatches(np.load(self._latents_path), vae_config["scaling_factor"], *self._text_parts())

    def _examples(self, silent_captions: float = 0.0) -> SceneExamples:
        sounds = self._sounds(self._recipe("audio_encoder", AudioEncoderRecipe))
        embeddings = np.load(self._embeddings_path)
        return SceneExamples(self._batches(), embeddings, sounds.read_all("intensities"), silent_captions)

    def _branch(self, examples: SceneExamples) -> AudioBranch:
        projector = build_projector(self._recipe("stage1", SceneStage1Recipe), examples)
        torch.manual_seed(0)
        sites = self._recipe("stage2", SceneStage2Recipe).sites
        return AudioBranch(UNet2DConditionModel.from_pretrained(self.folder / "base" / "unet"), projector, sites)


def _render(kind: str, make: Callable[[int], Example], count: int) -> Iterator[Progress]:
    for done, total in render_shards(kind, make, count, settings=_SETTINGS):
        yield Progress(f"rendering {kind}", done, total)
