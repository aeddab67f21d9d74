"""Pictures from sound and text.

    pipeline = GenerationPipeline.from_pretrained("mini")
    pipeline("storm.wav", prompt="a mountain village").images[0].save("storm.png")

Source: Biner et al. 2024, "SonicDiffusion", arXiv 2405.00878.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from sonicdiffusion._version import __version__
from sonicdiffusion.audio.window import CropPolicy
from sonicdiffusion.diffusion.guidance import Guidance
from sonicdiffusion.diffusion.sampling import SamplingStep, initial_noise, sample
from sonicdiffusion.errors import ConfigError, ModelError
from sonicdiffusion.pipelines.components import Components, load_components
from sonicdiffusion.pipelines.denoiser import Conditioning, build_denoiser
from sonicdiffusion.pipelines.device import choose_device
from sonicdiffusion.pipelines.hearing import Hearing
from sonicdiffusion.pipelines.heat import HeatMaps
from sonicdiffusion.pipelines.pairing import Sound, name_sounds, pair_up

DEFAULT_GUIDANCE = 5.0  # for a model without an adapter, which brings its own
DEFAULT_STEPS = 25


@dataclass(frozen=True, eq=False)
class GenerationResult:
    """Pictures, with all that is needed to make them again.

    Args:
        images: RGB pictures.
        settings: plain values that JSON can hold.
        heat: where in each picture the sound acted, (images, height, width) of the latents, from 0 to 1 in each; None
            unless asked for.
    """

    images: list[Image.Image]
    settings: dict[str, Any]
    heat: NDArray[np.float32] | None = None


class GenerationPipeline:
    """Make pictures of what a recording sounds like.

    Args:
        components: the networks; replace `components.scheduler` to sample by another diffusers scheduler.
    """

    def __init__(self, components: Components) -> None:
        self.components = components

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path = "mini",
        adapter: str | Path | None = None,
        device: str | torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> "GenerationPipeline":
        """Load a model.

        Args:
            name: a bundled model, a folder in diffusers' layout, or a hub id.
            adapter: an audio adapter, named likewise; by default the one inside the model.
            device: by default the accelerator if there is one, else the CPU.
            dtype: of the image model; by default float16 on a CUDA device, else float32.

        Raises:
            MissingFileError: if something named does not exist.
            ModelError: if parts are damaged or do not fit each other.
        """
        place = choose_device(device)
        number = dtype or (torch.float16 if place.type == "cuda" else torch.float32)
        return cls(load_components(name, adapter, place, number))

    @torch.no_grad()
    def __call__(
        self,
        audio: Sound | Sequence[Sound] | None = None,
        prompt: str | Sequence[str] = "",
        *,
        negative_prompt: str = "",
        audio_strength: float = 1.0,
        text_guidance: float | None = None,
        audio_guidance: float | None = None,
        num_steps: int | None = None,
        seed: int = 0,
        num_images: int = 1,
        height: int | None = None,
        width: int | None = None,
        batch_size: int = 4,
        crop_policy: CropPolicy | None = None,
        heat: bool = False,
        on_step: Callable[[SamplingStep], None] | None = None,
    ) -> GenerationResult:
        """Make pictures.

        Args:
            audio: a recording's path or samples, its embedding (1, width), or a mapping from such to their weights in
                a mixture; None for text alone; or a list of them, each with its pictures.
            prompt: what else the pictures show; or a list as long as that of the sounds.
            negative_prompt: what it does not show.
            audio_strength: factor of the audio branch; 0 is exactly the image model without sound.
            text_guidance: how far to follow the text; by default what the adapter was tuned for.
            audio_guidance: how far to follow the sound; by default what the adapter was tuned for.
            num_steps: sampling steps; by default what the adapter was tuned for.
            seed: of the first picture; the following ones take the following seeds.
            num_images: how many pictures of each sound and prompt.
            height: in pixels; by default the model's own.
            width: in pixels; by default the model's own.
            batch_size: pictures made at once, which changes memory and time but not the pictures.
            crop_policy: which part of a long recording is heard; by default the adapter's.
            heat: whether to tell where in the picture the sound acts; needs sound.
            on_step: called after every sampling step.

        Returns:
            Pictures and settings.

        Raises:
            AudioError: if the recording cannot be used.
            ConfigError: if a setting is out of range, or heat is asked for without sound.
            ModelError: if there is sound but the model has no adapter.
        """
        if num_images < 1 or batch_size < 1:
            raise ConfigError(f"num_images and batch_size start at 1; got {num_images} and {batch_size}.")
        if not math.isfinite(audio_strength):
            raise ConfigError(f"audio_strength is {audio_strength}; it must be a number, 0 for off and 1 as trained.")
        guidance = self._guidance(text_guidance, audio_guidance)
        steps = self._default("num_steps", DEFAULT_STEPS) if num_steps is None else num_steps
        shape = self._latent_shape(height, width)
        if heat and (audio is None or audio_strength == 0):
            raise ConfigError("A heat map shows where a sound acts: pass audio, with a strength other than 0.")

        pairs = pair_up(audio, prompt, num_images)

        # 1. Sound and text become tokens.
        sounds = [sound if audio_strength != 0 else None for sound, _ in pairs]
        conditioning = self._condition(sounds, [text for _, text in pairs], negative_prompt, crop_policy)
        # 2. Noise becomes latents, 3. and latents become pictures, a batch at a time.
        seeds = [seed + index for index in range(len(pairs))]
        if not 0 <= seed <= seeds[-1] < 2**64:
            raise ConfigError(f"The seeds {seed} to {seeds[-1]} do not all lie between 0 and 2 ** 64 - 1.")
        images: list[Image.Image] = []
        heated: list[NDArray[np.float32]] = []
        for start in range(0, len(pairs), batch_size):
            noise, generators = initial_noise(shape, seeds[start : start + batch_size])
            rows = conditioning.rows(start, start + batch_size)
            denoise = build_denoiser(self.components.unet, self._adapter, rows, guidance, audio_strength, len(noise))
            latents = noise = noise.to(self.device)
            maps = HeatMaps(shape[1:])
            with maps.watching(self._hearing().adapter, len(noise)) if heat else nullcontext():
                for step in sample(self.components.scheduler, noise, denoise, steps, generators):
                    latents = step.latents
                    if on_step is not None:
                        on_step(step)
            images += self.decode_latents(latents)
            heated.append(maps.maps())
        settings = {
            "sonicdiffusion": __version__,
            "model": self.components.name,
            "fingerprint": self.components.fingerprint,
            "device": self.device.type,
            "dtype": str(self.components.unet.dtype).removeprefix("torch."),
            "audio": name_sounds(audio),
            "prompt": prompt if isinstance(prompt, str) else list(prompt),
            "negative_prompt": negative_prompt,
            "audio_strength": audio_strength,
            "text_guidance": guidance.text_guidance,
            "audio_guidance": guidance.audio_guidance,
            "num_steps": steps,
            "scheduler": type(self.components.scheduler).__name__,
            "seeds": seeds,
            "height": images[0].height,
            "width": images[0].width,
            "crop_policy": crop_policy or self._default("crop_policy", None),
        }
        return GenerationResult(images, settings, np.concatenate(heated) if heat else None)

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return next(self.components.unet.parameters()).device

    @torch.no_grad()
    def embed_sound(self, audio: Sound, crop_policy: CropPolicy | None = None) -> Tensor:
        """Return the embedding (1, width) of a recording; several windows are averaged.

        Raises:
            AudioError: if the recording cannot be used.
            ModelError: if the model has no adapter.
        """
        return self._hearing().embed(audio, crop_policy)

    @torch.no_grad()
    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """Return text tokens (texts, tokens, channels); a text that is too long is cut with a warning."""
        tokenizer = self.components.tokenizer
        length = min(tokenizer.model_max_length, self.components.text_encoder.config.max_position_embeddings)
        full = tokenizer(list(texts), verbose=False).input_ids  # it warns of what is cut below
        for ids in full:
            if len(ids) > length:
                warnings.warn(
                    f"The prompt has {len(ids)} tokens and the model reads {length}; the rest is ignored.",
                    stacklevel=2,
                )
        ids = tokenizer(
            list(texts), padding="max_length", truncation=True, max_length=length, return_tensors="pt"
        ).input_ids
        return self.components.text_encoder(ids.to(self.device))[0]

    @torch.no_grad()
    def decode_latents(self, latents: Tensor) -> list[Image.Image]:
        """Return pictures for latents (images, channels, height, width)."""
        vae = self.components.vae
        shift = getattr(vae.config, "shift_factor", None) or 0.0
        decoded = vae.decode((latents / vae.config.scaling_factor + shift).to(vae.dtype)).sample
        pixels = (decoded.float() / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1)  # (images, height, width, 3)
        return [Image.fromarray(picture) for picture in (pixels * 255).round().cpu().numpy().astype(np.uint8)]

    def _condition(
        self,
        sounds: Sequence[Sound | None],
        prompts: Sequence[str],
        negative_prompt: str,
        crop_policy: CropPolicy | None,
    ) -> Conditioning:
        """Return the conditioning of all pictures, one row each; equal prompts and sounds are encoded once."""
        known = list(dict.fromkeys([negative_prompt, *prompts]))
        encoded = self.encode_text(known)
        text_tokens = encoded[[known.index(prompt) for prompt in prompts]]
        negative_tokens = encoded[:1]
        if any(sound is None for sound in sounds):
            return Conditioning(text_tokens, negative_tokens)
        hearing = self._hearing()
        embeddings: dict[int, Tensor] = {}
        for sound in sounds:
            if id(sound) not in embeddings:
                embeddings[id(sound)] = hearing.embed(sound, crop_policy)  # type: ignore[arg-type]
        embedding = torch.cat([embeddings[id(sound)] for sound in sounds])
        audio_tokens, null_tokens = (
            tokens.to(text_tokens.dtype) for tokens in (hearing.tokens(embedding), hearing.null_tokens())
        )
        return Conditioning(text_tokens, negative_tokens, audio_tokens, null_tokens)

    def _guidance(self, text_guidance: float | None, audio_guidance: float | None) -> Guidance:
        text, audio = (
            self._default(name, DEFAULT_GUIDANCE) if given is None else given
            for name, given in (("text_guidance", text_guidance), ("audio_guidance", audio_guidance))
        )
        return Guidance(text, audio)

    def _latent_shape(self, height: int | None, width: int | None) -> tuple[int, int, int]:
        """Return (channels, height, width) of the latents of one picture."""
        # diffusers declares its configs as plain dictionaries, but they have attributes.
        unet: Any = self.components.unet.config
        vae = self.components.vae.config
        factor = 2 ** (len(vae.block_out_channels) - 1)
        # The UNet halves the latents at every level but the last.
        multiple = factor * 2 ** (len(unet.block_out_channels) - 1)
        own = unet.sample_size if isinstance(unet.sample_size, Sequence) else [unet.sample_size] * 2
        sizes = []
        for name, given, default in (("height", height, own[0]), ("width", width, own[1])):
            pixels = default * factor if given is None else given
            if pixels < 1 or (given is not None and pixels % multiple):
                nearest = max(1, math.floor(pixels / multiple + 0.5)) * multiple
                raise ConfigError(f"{name} is {pixels}; this model makes multiples of {multiple}. Try {nearest}.")
            sizes.append(pixels // factor)
        return (unet.in_channels, sizes[0], sizes[1])

    def _default(self, name: str, otherwise: Any) -> Any:
        hearing = self.components.hearing
        return otherwise if hearing is None else getattr(hearing.config, name)

    @property
    def _adapter(self) -> Any:
        return None if self.components.hearing is None else self.components.hearing.adapter

    def _hearing(self) -> Hearing:
        if self.components.hearing is None:
            raise ModelError(
                f"The model {self.components.name!r} has no audio adapter, so it cannot hear. "
                "Load it with from_pretrained(name, adapter=...)."
            )
        return self.components.hearing
