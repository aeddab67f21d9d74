"""Pictures from sound and text.

    pipeline = GenerationPipeline.from_pretrained("mini")
    pipeline("storm.wav", prompt="a mountain village").images[0].save("storm.png")

Source: Biner et al. 2024, "SonicDiffusion", arXiv 2405.00878.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
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
from sonicdiffusion.errors import ConfigError
from sonicdiffusion.pipelines.audio_prompt import AudioPrompt
from sonicdiffusion.pipelines.conditioning import Request
from sonicdiffusion.pipelines.denoiser import Denoiser
from sonicdiffusion.pipelines.heat import HeatMaps
from sonicdiffusion.pipelines.load import PretrainedPipeline
from sonicdiffusion.pipelines.sound import Sound

DEFAULT_GUIDANCE = 5.0  # for a model without an adapter, which brings its own
DEFAULT_STEPS = 25


@dataclass(frozen=True, eq=False)
class GenerationResult:
    """Pictures, with all that is needed to make them again.

    Args:
        images: RGB pictures.
        settings: plain values that JSON can hold; "unsafe" tells which pictures the model's safety checker has
            blackened, None without one.
        heat: where in each picture the sound acted, (images, height, width) of the latents, from 0 to 1 in each; None
            unless asked for.
    """

    images: list[Image.Image]
    settings: dict[str, Any]
    heat: NDArray[np.float32] | None = None


class GenerationPipeline(PretrainedPipeline):
    """Make pictures of what a recording sounds like."""

    @torch.no_grad()
    def __call__(
        self,
        audio: Sound | AudioPrompt | Sequence[Sound] | Sequence[AudioPrompt] | None = None,
        prompt: str | Sequence[str] = "",
        *,
        negative_prompt: str = "",
        audio_strength: float = 1.0,
        text_guidance: float | None = None,
        audio_guidance: float | None = None,
        guidance_rescale: float = 0.0,
        guidance_interval: tuple[float, float] = (0.0, 1.0),
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
                a mixture; None for text alone; or a list of them, each with its pictures. An `AudioPrompt` says more of
                a sound, and a list of those acts together on every picture.
            prompt: what else the pictures show; or a list as long as that of the sounds.
            negative_prompt: what it does not show.
            audio_strength: factor of the audio branch; 0 is exactly the image model without sound.
            text_guidance: how far to follow the text; by default what the adapter was tuned for.
            audio_guidance: how far to follow the sound; by default what the adapter was tuned for.
            guidance_rescale: share, 0 to 1, of the guided prediction that gets the spread of the plain one, against the
                glare of large guidance.
            guidance_interval: from which share of the steps to which there is guidance; the others take half the time
                or less.
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
        if batch_size < 1:
            raise ConfigError(f"batch_size starts at 1; got {batch_size}.")
        parts = self.components
        guidance = Guidance(
            self._default("text_guidance", DEFAULT_GUIDANCE) if text_guidance is None else text_guidance,
            self._default("audio_guidance", DEFAULT_GUIDANCE) if audio_guidance is None else audio_guidance,
            guidance_rescale,
            guidance_interval,
        )
        steps = self._default("num_steps", DEFAULT_STEPS) if num_steps is None else num_steps
        shape = parts.latent_shape(height, width)
        request = Request.of(audio, prompt, negative_prompt, audio_strength, num_images)
        if heat and (not request.is_heard or audio_guidance == 0):
            raise ConfigError("A heat map shows where a sound acts: pass audio, with strength and guidance not 0.")
        texts = request.texts
        seeds = [seed + index for index in range(len(texts))]
        if not 0 <= seed <= seeds[-1] < 2**64:
            raise ConfigError(f"The seeds {seed} to {seeds[-1]} do not all lie between 0 and 2 ** 64 - 1.")

        # 1. Sound and text become tokens.
        conditioning = request.encode(parts, crop_policy)
        # 2. Noise becomes latents, 3. and latents become pictures, a batch at a time.
        images: list[Image.Image] = []
        heated: list[NDArray[np.float32]] = []
        for start in range(0, len(texts), batch_size):
            noise, generators = initial_noise(shape, seeds[start : start + batch_size])
            denoise = Denoiser(parts.unet, conditioning.rows(start, start + batch_size), guidance, len(noise))
            latents = noise = noise.to(self.device)
            maps = HeatMaps(shape[1:])
            with maps.watching(parts.require_hearing().adapter, len(noise)) if heat else nullcontext():
                for step in sample(parts.scheduler, noise, denoise, steps, generators):
                    latents = step.latents
                    if on_step is not None:
                        on_step(step)
            images += parts.decode_latents(latents)
            if heat:
                heated.append(maps.maps())
        images, unsafe = parts.make_safe(images)
        settings = {
            "sonicdiffusion": __version__,
            "model": parts.name,
            "fingerprint": parts.fingerprint,
            "device": self.device.type,
            "dtype": str(parts.unet.dtype).removeprefix("torch."),
            **request.facts,
            "text_guidance": guidance.text_guidance,
            "audio_guidance": guidance.audio_guidance,
            "guidance_rescale": guidance.rescale,
            "guidance_interval": list(guidance.interval),
            "num_steps": steps,
            "scheduler": type(parts.scheduler).__name__,
            "seeds": seeds,
            "height": images[0].height,
            "width": images[0].width,
            "crop_policy": crop_policy or self._default("crop_policy", None),
            "unsafe": unsafe,
        }
        return GenerationResult(images, settings, np.concatenate(heated) if heat else None)

    @torch.no_grad()
    def embed_sound(self, audio: Sound, crop_policy: CropPolicy | None = None) -> Tensor:
        """Return the embedding (1, width) of a recording; several windows are averaged.

        Raises:
            AudioError: if the recording cannot be used.
            ModelError: if the model has no adapter.
        """
        return self.components.require_hearing().embed(audio, crop_policy)

    def _default(self, name: str, otherwise: Any) -> Any:
        hearing = self.components.hearing
        return otherwise if hearing is None else getattr(hearing.config, name)
