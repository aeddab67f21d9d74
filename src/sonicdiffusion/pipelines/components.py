"""The parts of an image model that hears, and what they do for every pipeline."""

import hashlib
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from transformers.models.clip.modeling_clip import CLIPTextModel
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from sonicdiffusion.errors import ConfigError, ModelError
from sonicdiffusion.pipelines.hearing import Hearing
from sonicdiffusion.pipelines.safety import SafetyChecker


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
        safety_checker: None for a model without one, or where it was left out.
    """

    name: str
    tokenizer: CLIPTokenizer
    text_encoder: CLIPTextModel
    vae: Any
    unet: UNet2DConditionModel
    scheduler: Any
    hearing: Hearing | None
    safety_checker: SafetyChecker | None = None

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

    def make_safe(self, images: Sequence[Image.Image]) -> tuple[list[Image.Image], list[bool] | None]:
        """Return pictures, black where the safety checker found one unsafe, and which it was; None: nothing checked."""
        return (list(images), None) if self.safety_checker is None else self.safety_checker(images)

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
