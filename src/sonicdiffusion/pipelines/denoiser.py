"""One guided prediction of the UNet: the seam between networks and sampling."""

from typing import Any

import torch
from torch import Tensor, nn

from sonicdiffusion.diffusion.guidance import Branch, Guidance
from sonicdiffusion.models.heard_sound import AUDIO_KEY
from sonicdiffusion.pipelines.conditioning import Conditioning


class Denoiser:
    """`denoise(latents, timestep, share of the steps done) -> prediction`, with all needed branches in one batch.

    Text and sound stay the same while the same sounds act and the same branches are needed, so they are laid out, and
    the sounds' keys and values computed, once.

    Args:
        unet: a diffusers `UNet2DConditionModel`, with the adapters of the sounds.
        conditioning: text and sound.
        guidance: how far to follow each. While no sound acts, the audio guidance counts for nothing.
        num_images: pictures in a batch.

    Attributes:
        num_evaluations: pictures that went through the UNet so far, those of all branches counted.
    """

    def __init__(self, unet: nn.Module, conditioning: Conditioning, guidance: Guidance, num_images: int = 1) -> None:
        self.unet, self.conditioning, self.guidance, self.num_images = unet, conditioning, guidance, num_images
        self.num_evaluations = 0
        self._laid_out: dict[Any, tuple[Tensor, dict[str, Any] | None]] = {}

    @torch.no_grad()
    def __call__(self, latents: Tensor, timestep: Tensor, done: float = 0.0) -> Tensor:
        """Return the guided prediction (images, channels, height, width) for noisy latents of this shape."""
        acting = tuple(index for index, sound in enumerate(self.conditioning.sounds) if sound.acts(done))
        guidance = self.guidance.at(done, is_heard=bool(acting))
        text_tokens, audio = self._inputs(guidance.branches, acting)
        self.num_evaluations += len(guidance.branches) * len(latents)
        prediction = self.unet(
            torch.cat([latents] * len(guidance.branches)).to(text_tokens.dtype),
            timestep,
            encoder_hidden_states=text_tokens,
            cross_attention_kwargs=audio,
            return_dict=False,
        )[0]  # (branches * images, channels, height, width)
        return guidance.combine_batch(prediction).to(latents.dtype)

    def _inputs(self, branches: tuple[Branch, ...], acting: tuple[int, ...]) -> tuple[Tensor, dict[str, Any] | None]:
        key = (branches, acting)
        if key not in self._laid_out:
            given = self.conditioning
            texts = [given.negative_tokens if branch == "null" else given.text_tokens for branch in branches]
            text_tokens = torch.cat([tokens.expand(self.num_images, -1, -1) for tokens in texts])
            hears = [branch == "audio" for branch in branches]
            sounds = [given.sounds[index].heard_by(hears, self.num_images, prepare=True) for index in acting]
            self._laid_out[key] = text_tokens, {AUDIO_KEY: sounds} if sounds else None
        return self._laid_out[key]
