"""A text-to-image model in diffusers' layout: its parts, loaded from a folder, and what they do."""

import json
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError
from torch import Tensor
from transformers.models.clip.modeling_clip import CLIPTextModel
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from sonicdiffusion.errors import ConfigError, MissingFileError, ModelError
from sonicdiffusion.models.folders import load_network

_AUTOENCODERS = {
    "AutoencoderKL": "diffusers.models.autoencoders.autoencoder_kl",
    "AutoencoderTiny": "diffusers.models.autoencoders.autoencoder_tiny",
}


@dataclass(eq=False)
class ImageModel:
    """The parts of a model.

    Args:
        name: what the user called it.
        tokenizer: CLIP's.
        text_encoder: CLIP's.
        vae: `AutoencoderKL` or `AutoencoderTiny`.
        unet: predicts noise or velocity.
        scheduler: any diffusers scheduler.
    """

    name: str
    tokenizer: CLIPTokenizer
    text_encoder: CLIPTextModel
    vae: Any
    unet: UNet2DConditionModel
    scheduler: Any

    @classmethod
    def load(
        cls, folder: Path, name: str, dtype: torch.dtype = torch.float32, *, with_unet: bool = True
    ) -> "ImageModel":
        """Load the parts, frozen and in evaluation mode, on the CPU; without its UNet a model still encodes.

        Raises:
            MissingFileError: if a part is not there.
            ModelError: if a part is damaged, or the model is of a family that is not run.
        """
        for part in ("tokenizer", "text_encoder", "vae", "unet", "scheduler"):
            if not (folder / part).is_dir():
                raise MissingFileError(
                    f"The model {name!r} has no folder '{part}'. Give a folder in diffusers' layout."
                )
        kind = _autoencoder(folder / "vae")
        with _one_sentence(name):
            unet: Any = load_unet(folder, name, dtype) if with_unet else None
            vae = load_network(kind, folder / "vae", torch_dtype=dtype)
            text_encoder = load_network(CLIPTextModel, folder / "text_encoder", dtype=dtype)
            tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
        for network in (vae, text_encoder):
            network.eval().requires_grad_(False)
        return cls(name, tokenizer, text_encoder, vae, unet, load_scheduler(folder, name))

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return self.text_encoder.device

    @torch.no_grad()
    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """Return text tokens (texts, tokens, channels); a text that is too long is cut with a warning."""
        length = min(self.tokenizer.model_max_length, self.text_encoder.config.max_position_embeddings)
        for ids in self.tokenizer(list(texts), verbose=False).input_ids:  # it warns of what is cut below
            if len(ids) > length:
                warnings.warn(
                    f"The prompt has {len(ids)} tokens and the model reads {length}; the rest is ignored.",
                    stacklevel=2,
                )
        ids = self.tokenizer(
            list(texts), padding="max_length", truncation=True, max_length=length, return_tensors="pt"
        ).input_ids
        return self.text_encoder(ids.to(self.device))[0]

    @torch.no_grad()
    def encode_pictures(self, pictures: NDArray[np.uint8]) -> Tensor:
        """Return latents (pictures, channels, height, width) of RGB pictures (pictures, height, width, 3)."""
        pixels = torch.tensor(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
        coded = self.vae.encode(pixels.to(self.device, self.vae.dtype))
        latents = coded.latents if hasattr(coded, "latents") else coded.latent_dist.mode()
        return (latents - self._latent_shift) * self.vae.config.scaling_factor

    @torch.no_grad()
    def decode_latents(self, latents: Tensor) -> list[Image.Image]:
        """Return pictures for latents (pictures, channels, height, width)."""
        latents = latents / self.vae.config.scaling_factor + self._latent_shift
        decoded = self.vae.decode(latents.to(self.vae.dtype)).sample
        pixels = (decoded.float() / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1)  # (pictures, height, width, 3)
        return [Image.fromarray(picture) for picture in (pixels * 255).round().cpu().numpy().astype(np.uint8)]

    def latent_shape(self, height: int | None = None, width: int | None = None) -> tuple[int, int, int]:
        """Return (channels, height, width) of the latents of one picture.

        Args:
            height: of the picture in pixels; by default the model's own.
            width: of the picture in pixels; by default the model's own.

        Raises:
            ConfigError: if the model makes no pictures of this size.
        """
        # diffusers declares its configs as plain dictionaries, but they have attributes.
        unet: Any = self.unet.config
        own = unet.sample_size if isinstance(unet.sample_size, Sequence) else [unet.sample_size] * 2
        sizes = []
        for name, given, default in (("height", height, own[0]), ("width", width, own[1])):
            pixels = default * self.pixels_per_latent if given is None else given
            if pixels < 1 or (given is not None and pixels % self.size_multiple):
                multiple = self.size_multiple
                close = max(1, math.floor(pixels / multiple + 0.5)) * multiple
                raise ConfigError(f"{name} is {pixels}; this model makes multiples of {multiple}. Try {close}.")
            sizes.append(pixels // self.pixels_per_latent)
        return (unet.in_channels, sizes[0], sizes[1])

    @property
    def size_multiple(self) -> int:
        """Of how many pixels the sides of a picture are multiples."""
        unet: Any = self.unet.config
        return self.pixels_per_latent * 2 ** (len(unet.block_out_channels) - 1)  # halved at every level but the last

    @property
    def pixels_per_latent(self) -> int:
        """How many pixels of a picture, along a side, one latent stands for."""
        return 2 ** (len(self.vae.config.block_out_channels) - 1)

    @property
    def _latent_shift(self) -> float:
        return getattr(self.vae.config, "shift_factor", None) or 0.0


def load_unet(folder: Path, name: str, dtype: torch.dtype = torch.float32) -> UNet2DConditionModel:
    """Load the UNet of a model's folder, frozen and in evaluation mode, on the CPU.

    Raises:
        ModelError: if it is damaged, or of a family that is not run.
    """
    with _one_sentence(name):
        unet = load_network(UNet2DConditionModel, folder / "unet", torch_dtype=dtype)
    if getattr(unet.config, "addition_embed_type", None) is not None:
        raise ModelError(
            f"The model {name!r} is of the XL family, which this does not run yet. "
            "Use a Stable Diffusion 1.x or 2.x model, or install the adapter into a diffusers pipeline."
        )
    return unet.eval().requires_grad_(False)


def load_scheduler(folder: Path, name: str) -> Any:
    """Load the scheduler of a model's folder.

    Raises:
        ModelError: if it is damaged or unknown.
    """
    kind = _scheduler_kind(folder / "scheduler")
    with _one_sentence(name):
        return kind.from_pretrained(folder / "scheduler")


@contextmanager
def _one_sentence(name: str) -> Iterator[None]:
    """Turn whatever loading raises into one sentence."""
    try:
        yield
    except ModelError:
        raise
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError) as problem:
        raise ModelError(f"The model {name!r} cannot be loaded ({problem}). Copy or download it again.") from problem


def _autoencoder(folder: Path) -> Any:
    kind = _class_name(folder / "config.json")
    if kind not in _AUTOENCODERS:
        raise ModelError(f"The autoencoder is a {kind!r}; known are {', '.join(_AUTOENCODERS)}. Use one of them.")
    return getattr(import_module(_AUTOENCODERS[kind]), kind)


def _scheduler_kind(folder: Path) -> Any:
    kind = _class_name(folder / "scheduler_config.json")
    # The name comes from a file: only schedulers of diffusers are looked up.
    found = getattr(import_module("diffusers"), kind, None) if kind.endswith("Scheduler") else None
    if found is None:
        raise ModelError(f"diffusers has no scheduler {kind!r}. Name one it has in {folder}.")
    return found


def _class_name(path: Path) -> str:
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["_class_name"])
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise ModelError(f"{path} does not name its class. Copy the model again.") from problem
