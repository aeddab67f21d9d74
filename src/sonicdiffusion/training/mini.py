"""The bundled model from nothing: its steps in order, each a recipe file, each resumable, then the bundle.

Everything that can be made again lies in the cache folder; only `bundle` writes to the package.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from safetensors.torch import load_file, save_file
from transformers.models.clip.modeling_clip import CLIPTextModel
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from sonicdiffusion.config import load_recipe, nearest, to_dict
from sonicdiffusion.data.examples import WORLD_VERSION, picture_example, sound_example
from sonicdiffusion.data.shards import Example, Shards, cache_folder, render_shards, shard_folders
from sonicdiffusion.errors import ConfigError
from sonicdiffusion.models.adapter_file import AdapterConfig, EncoderName, save_adapter
from sonicdiffusion.models.audio_encoder import ClapAudioEncoder
from sonicdiffusion.training.audio_encoder import AudioEncoderRecipe, embed_sounds, train_audio_encoder
from sonicdiffusion.training.autoencoder import AutoencoderRecipe, train_autoencoder
from sonicdiffusion.training.base import BaseRecipe, SceneBatches, train_base
from sonicdiffusion.training.latents import encode_pictures, normalise_autoencoder
from sonicdiffusion.training.loop import StepRecord
from sonicdiffusion.training.stage1 import Stage1Recipe, build_projector, train_stage1
from sonicdiffusion.training.stage2 import AudioBranch, Stage2Recipe, train_stage2
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


@dataclass(frozen=True)
class BundleRecipe:
    """What the bundle says of itself.

    Args:
        crop_policy: how a long recording becomes windows.
        text_guidance: default of generation.
        audio_guidance: default of generation.
        num_steps: default of generation.
    """

    crop_policy: str = "loudest"
    text_guidance: float = 3.0
    audio_guidance: float = 3.0
    num_steps: int = 20


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

    Raises:
        ConfigError: if the recipe is not known.
    """

    def __init__(self, recipe: str, folder: Path | None = None) -> None:
        self.recipes = _recipes() / recipe if recipe in recipe_names() else Path(recipe)
        if not self.recipes.is_dir():
            raise ConfigError(f"There is no recipe {recipe!r}. {nearest(recipe, recipe_names())}")
        self.folder = folder or cache_folder() / "runs" / self.recipes.name

    def run(self, step: str) -> Iterator[Progress]:
        """Do one step, yielding its progress; a step that is done is not done again.

        Raises:
            ConfigError: if the step is not known, or one that it needs is not done.
        """
        if step not in STEPS:
            raise ConfigError(f"There is no step {step!r}. {nearest(step, STEPS)}")
        marker = self.folder / step / "done.json"
        if marker.exists() and step != "bundle":
            if json.loads(marker.read_text()) != self._made_by(step):
                raise ConfigError(
                    f"{marker.parent} was made by another recipe or in another version of the world. "
                    "Remove that folder, and those of the later steps, to make it anew."
                )
            return
        for needed in _NEEDS[step]:
            if not (self.folder / needed / "done.json").exists():
                raise ConfigError(f"The step {step!r} needs {needed!r}, which is not done. Train it first.")
        yield from getattr(self, f"_{step}")()
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.write_text(json.dumps(self._made_by(step)))

    def _made_by(self, step: str) -> dict[str, str | int]:
        """Return what the result of a step depends on, besides the steps before it."""
        return {"world": WORLD_VERSION, "recipe": (self.recipes / f"{step}.toml").read_text()}

    def _recipe(self, step: str, kind: type[Recipe]) -> Recipe:
        recipe = load_recipe(self.recipes / f"{step}.toml", kind)
        (self.folder / step).mkdir(parents=True, exist_ok=True)
        (self.folder / step / "recipe.json").write_text(json.dumps(to_dict(recipe), indent=1))
        return recipe

    def _autoencoder(self) -> Iterator[Progress]:
        recipe = self._recipe("autoencoder", AutoencoderRecipe)
        yield from _render("pictures", picture_example, recipe.num_pictures)
        yield from _training("autoencoder", train_autoencoder(recipe, self._pictures(), self.folder / "autoencoder"))
        yield Progress("pictures to latents", 0, 1)
        vae = AutoencoderTiny.from_pretrained(self.folder / "autoencoder" / "vae")
        normalise_autoencoder(vae, encode_pictures(vae, self._pictures(), self._latents_path))
        vae.save_pretrained(self.folder / "autoencoder" / "vae")

    def _text_encoder(self) -> Iterator[Progress]:
        recipe = self._recipe("text_encoder", TextEncoderRecipe)
        latents = np.load(self._latents_path)
        yield from _training("text encoder", train_text_encoder(recipe, latents, self.folder / "text_encoder"))

    def _base(self) -> Iterator[Progress]:
        recipe = self._recipe("base", BaseRecipe)
        yield from _training("base", train_base(recipe, self._batches(), self.folder / "base"))

    def _audio_encoder(self) -> Iterator[Progress]:
        recipe = self._recipe("audio_encoder", AudioEncoderRecipe)
        yield from _render("sounds", sound_example, recipe.num_sounds)
        training = train_audio_encoder(recipe, self._sounds(recipe), *self._text_parts(), self.folder / "audio_encoder")
        yield from _training("audio encoder", training)

    def _stage1(self) -> Iterator[Progress]:
        recipe = self._recipe("stage1", Stage1Recipe)
        yield Progress("sounds to embeddings", 0, 1)
        sounds_recipe = self._recipe("audio_encoder", AudioEncoderRecipe)
        sounds = self._sounds(sounds_recipe)
        encoder = ClapAudioEncoder.load(self.folder / "audio_encoder" / "audio_encoder")
        embeddings = embed_sounds(encoder, sounds, sounds_recipe, recipe.embedding_copies, self._embeddings_path)
        classes = sounds.read_all("intensities").argmax(axis=1)
        folder = self.folder / "stage1"
        yield from _training("stage 1", train_stage1(recipe, embeddings, classes, self._batches(), folder))

    def _stage2(self) -> Iterator[Progress]:
        recipe = self._recipe("stage2", Stage2Recipe)
        embeddings, branch = np.load(self._embeddings_path), self._branch()
        branch.projector.load_state_dict(load_file(self.folder / "stage1" / "projector.safetensors"))
        scheduler = DDIMScheduler.from_config(json.loads(self._scheduler_path.read_text()))
        assert isinstance(scheduler, DDIMScheduler)  # from_config may return a pair, when asked to
        folder = self.folder / "stage2"
        yield from _training("stage 2", train_stage2(recipe, branch, scheduler, embeddings, self._batches(), folder))
        state = {f"projector.{name}": value for name, value in branch.projector.state_dict().items()}
        save_file({**state, **branch.adapter.state_dict()}, folder / "branch.safetensors")

    def _bundle(self) -> Iterator[Progress]:
        recipe = self._recipe("bundle", BundleRecipe)
        yield Progress("bundle", 0, 1)
        branch = self._branch()
        weights = load_file(self.folder / "stage2" / "branch.safetensors")
        branch.adapter.load_state_dict({k: v for k, v in weights.items() if not k.startswith("projector.")})
        branch.projector.load_state_dict(
            {k.removeprefix("projector."): v for k, v in weights.items() if k.startswith("projector.")}
        )
        encoder = ClapAudioEncoder.load(self.folder / "audio_encoder" / "audio_encoder")
        scratch = self.folder / "bundle" / "mini"
        shutil.rmtree(scratch, ignore_errors=True)
        self._write_bundle(scratch, recipe, branch, encoder)
        target = Path(str(files("sonicdiffusion"))) / "bundled" / "mini"
        target.parent.mkdir(exist_ok=True)
        for part in scratch.iterdir():  # the model card in the target stays
            shutil.rmtree(target / part.name) if (target / part.name).is_dir() else None
            shutil.copytree(part, target / part.name) if part.is_dir() else shutil.copy(part, target / part.name)

    def _write_bundle(self, target: Path, recipe: BundleRecipe, branch: AudioBranch, encoder: ClapAudioEncoder) -> None:
        target.mkdir(parents=True)
        config = AdapterConfig(
            encoder=EncoderName(encoder.config.name, encoder.config.version),
            sample_rate=encoder.config.log_mel.sample_rate,
            window_seconds=encoder.config.window_seconds,
            crop_policy=recipe.crop_policy,
            base_family="mini",
            sites=branch.adapter.sites,
            projector=branch.projector.config,
            text_guidance=recipe.text_guidance,
            audio_guidance=recipe.audio_guidance,
            num_steps=recipe.num_steps,
        )
        branch.half()
        save_adapter(target / "audio_adapter", config, branch.projector, branch.adapter)
        with branch.adapter.removed() as unet:
            unet.save_pretrained(target / "unet")  # type: ignore[operator]
        vae = AutoencoderTiny.from_pretrained(self.folder / "autoencoder" / "vae")
        vae.half().save_pretrained(target / "vae")
        tokenizer, text_encoder = self._text_parts()
        tokenizer.save_pretrained(target / "tokenizer")
        text_encoder.half().save_pretrained(target / "text_encoder")
        encoder.half().save(target / "audio_encoder")
        shutil.copytree(self.folder / "base" / "scheduler", target / "scheduler")
        (target / "model_index.json").write_text(json.dumps(_MODEL_INDEX, indent=2) + "\n")
        for path in target.glob("*/config.json"):
            _clean_config(path)

    @property
    def _scheduler_path(self) -> Path:
        return self.folder / "base" / "scheduler" / "scheduler_config.json"

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

    def _branch(self) -> AudioBranch:
        recipe = self._recipe("stage1", Stage1Recipe)
        encoder = ClapAudioEncoder.load(self.folder / "audio_encoder" / "audio_encoder")
        projector = build_projector(recipe, self._batches(), encoder.config.embedding_width)
        torch.manual_seed(0)
        return AudioBranch(UNet2DConditionModel.from_pretrained(self.folder / "base" / "unet"), projector)


def _clean_config(path: Path) -> None:
    """Take out what only the machine of the training knows, and what diffusers writes but warns of on reading."""
    facts = json.loads(path.read_text())
    facts.pop("_name_or_path", None)
    if facts.get("_class_name") == "AutoencoderTiny":
        facts.pop("block_out_channels", None)
    path.write_text(json.dumps(facts, indent=2) + "\n")


_MODEL_INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "feature_extractor": [None, None],
    "image_encoder": [None, None],
    "requires_safety_checker": False,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderTiny"],
}


def _render(kind: str, make: Callable[[int], Example], count: int) -> Iterator[Progress]:
    for done, total in render_shards(kind, make, count, settings=_SETTINGS):
        yield Progress(f"rendering {kind}", done, total)


def _training(doing: str, records: Iterator[StepRecord]) -> Iterator[Progress]:
    for record in records:
        yield Progress(doing, record.step, record.num_steps, record)
