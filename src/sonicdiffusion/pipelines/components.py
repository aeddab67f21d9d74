"""The parts of an image model that hears, loaded from folders in diffusers' layout."""

import hashlib
import json
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
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
from sonicdiffusion.hub import resolve
from sonicdiffusion.pipelines.hearing import ADAPTER_FOLDER, ENCODER_FOLDER, Hearing, load_hearing

_AUTOENCODERS = {
    "AutoencoderKL": "diffusers.models.autoencoders.autoencoder_kl",
    "AutoencoderTiny": "diffusers.models.autoencoders.autoencoder_tiny",
}


@dataclass(eq=False)
class Components:
    """The parts of one pipeline.

    Args:
        name: what the user called the model.
        tokenizer: CLIP's.
        text_encoder: CLIP's.
        vae: `AutoencoderKL` or `AutoencoderTiny`.
        unet: with the adapter installed, if there is one.
        scheduler: any diffusers scheduler.
        hearing: None for a model without an adapter.
    """

    name: str
    tokenizer: CLIPTokenizer
    text_encoder: CLIPTextModel
    vae: Any
    unet: UNet2DConditionModel
    scheduler: Any
    hearing: Hearing | None

    @cached_property
    def fingerprint(self) -> str:
        """A short name of the weights, by a few numbers of each: enough to tell one training from another."""
        digest = hashlib.sha256()
        parts = [self.unet, self.vae, self.text_encoder]
        if self.hearing is not None:
            parts += [self.hearing.encoder, self.hearing.projector]
        for part in parts:
            for name, value in part.state_dict().items():
                digest.update(name.encode() + value.flatten()[:16].float().cpu().numpy().tobytes())
        return digest.hexdigest()[:16]

    def require_hearing(self) -> Hearing:
        """Return what hears.

        Raises:
            ModelError: if the model has no adapter.
        """
        if self.hearing is None:
            raise ModelError(
                f"The model {self.name!r} has no audio adapter, so it cannot hear. "
                "Load it with from_pretrained(name, adapter=...)."
            )
        return self.hearing

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return next(self.unet.parameters()).device

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


def load_components(
    name: str | Path, adapter: str | Path | None, device: torch.device, dtype: torch.dtype
) -> Components:
    """Load every part of a model.

    Args:
        name: bundled name, folder or hub id of the image model.
        adapter: the same for the audio adapter; None takes the one inside the model, if it has one.
        device: where the networks go.
        dtype: of the image model; the audio side stays in float32, where it is cheap.

    Raises:
        MissingFileError: if the model, the adapter or a part of it does not exist.
        ModelError: if a part is damaged or does not fit the others.
    """
    folder = resolve(name)
    for part in ("tokenizer", "text_encoder", "vae", "unet", "scheduler"):
        if not (folder / part).is_dir():
            raise MissingFileError(
                f"The model {str(name)!r} has no folder '{part}'. Give a folder in diffusers' layout."
            )
    autoencoder, sampler = _autoencoder(folder / "vae"), _scheduler_kind(folder / "scheduler")
    try:
        unet = _whole(UNet2DConditionModel, folder / "unet", torch_dtype=dtype)
        vae = _whole(autoencoder, folder / "vae", torch_dtype=dtype)
        text_encoder = _whole(CLIPTextModel, folder / "text_encoder", dtype=dtype)
        tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
        scheduler = sampler.from_pretrained(folder / "scheduler")
    except ModelError:
        raise
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError) as problem:
        raise ModelError(
            f"The model {str(name)!r} cannot be loaded ({problem}). Copy or download it again."
        ) from problem
    if getattr(unet.config, "addition_embed_type", None) is not None:
        raise ModelError(
            f"The model {str(name)!r} is of the XL family, which this pipeline does not run yet. "
            "Use a Stable Diffusion 1.x or 2.x model, or install the adapter into a diffusers pipeline."
        )
    hearing = _load_hearing(folder, adapter, unet)
    for network in (unet, vae, text_encoder):
        network.to(device).eval().requires_grad_(False)
    if hearing is not None:
        hearing.to(device)
    return Components(str(name), tokenizer, text_encoder, vae, unet, scheduler, hearing)


def _load_hearing(folder: Path, adapter: str | Path | None, unet: UNet2DConditionModel) -> Hearing | None:
    if adapter is None:
        return load_hearing(folder, unet) if (folder / ADAPTER_FOLDER).is_dir() else None
    place = resolve(adapter)
    has_encoder = any((part / ENCODER_FOLDER).is_dir() for part in (place, place.parent))
    beside = None if has_encoder or not (folder / ENCODER_FOLDER).is_dir() else folder / ENCODER_FOLDER
    return load_hearing(place, unet, beside)


def _autoencoder(folder: Path) -> Any:
    kind = _class_name(folder / "config.json")
    if kind not in _AUTOENCODERS:
        raise ModelError(f"The autoencoder is a {kind!r}; known are {', '.join(_AUTOENCODERS)}. Use one of them.")
    return getattr(import_module(_AUTOENCODERS[kind]), kind)


def _whole(kind: Any, folder: Path, **settings: Any) -> Any:
    """Load a network from safetensors alone, and refuse one whose weights are not all there."""
    network, info = kind.from_pretrained(folder, use_safetensors=True, output_loading_info=True, **settings)
    if info["missing_keys"]:
        missing = sorted(info["missing_keys"])
        raise ModelError(
            f"{folder} lacks {missing[0]!r} ({len(missing)} tensors missing). Copy or download the model again."
        )
    return network


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
