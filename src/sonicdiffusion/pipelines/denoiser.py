"""One guided prediction of the UNet: the seam between networks and sampling."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sonicdiffusion.diffusion.guidance import Guidance
from sonicdiffusion.diffusion.sampling import Denoise
from sonicdiffusion.errors import ConfigError
from sonicdiffusion.models.audio_adapter import AudioAdapter
from sonicdiffusion.models.heard_sound import AUDIO_KEY, HeardSound


@dataclass(frozen=True, eq=False)
class Conditioning:
    """What one batch of pictures listens to; a first axis of 1 serves every picture.

    Args:
        text_tokens: of the prompt, (1 or images, tokens, channels).
        negative_tokens: of the negative prompt, (1 or images, tokens, channels).
        audio_tokens: of the sound, (1 or images, tokens, channels); None leaves the base model alone.
        null_tokens: of no sound, (1 or images, tokens, channels); needed where there is sound.
    """

    text_tokens: Tensor
    negative_tokens: Tensor
    audio_tokens: Tensor | None = None
    null_tokens: Tensor | None = None

    def rows(self, start: int, stop: int) -> "Conditioning":
        """Return the conditioning of the pictures `start` to `stop - 1`."""
        return Conditioning(
            *(
                tokens if tokens is None or len(tokens) == 1 else tokens[start:stop]
                for tokens in (self.text_tokens, self.negative_tokens, self.audio_tokens, self.null_tokens)
            )  # type: ignore[arg-type]
        )


@torch.no_grad()
def build_denoiser(
    unet: nn.Module,
    adapter: AudioAdapter | None,
    conditioning: Conditioning,
    guidance: Guidance,
    audio_strength: float = 1.0,
    num_images: int = 1,
) -> Denoise:
    """Return `denoise(latents, timestep) -> prediction`, which evaluates all needed branches in one batch.

    Text and audio stay the same over the steps, so they are laid out, and the audio's keys and values
    computed, here and once.

    Args:
        unet: a diffusers `UNet2DConditionModel`.
        adapter: the one installed in it, or None.
        conditioning: text and sound.
        guidance: how far to follow each. Without sound, or with strength 0, the audio guidance counts for
            nothing.
        audio_strength: factor of the audio branch; 0 is the base model.
        num_images: pictures in a batch.

    Raises:
        ConfigError: if there is sound but no adapter or no null tokens.
    """
    has_audio = conditioning.audio_tokens is not None and audio_strength != 0
    if not has_audio:
        guidance = Guidance(guidance.text_guidance, 0.0)
    texts = {
        "null": conditioning.negative_tokens,
        "text": conditioning.text_tokens,
        "audio": conditioning.text_tokens,
    }
    text_tokens = torch.cat([_spread(texts[branch], num_images) for branch in guidance.branches])
    audio = None
    if has_audio:
        if adapter is None or conditioning.null_tokens is None or conditioning.audio_tokens is None:
            raise ConfigError("Sound needs an audio adapter and null tokens. Load the model with an adapter.")
        sounds = {
            "null": conditioning.null_tokens,
            "text": conditioning.null_tokens,
            "audio": conditioning.audio_tokens,
        }
        audio_tokens = torch.cat([_spread(sounds[branch], num_images) for branch in guidance.branches])
        # A tensor, since a compiled UNet is compiled anew for every other Python number.
        strength = torch.tensor(audio_strength, device=audio_tokens.device, dtype=audio_tokens.dtype)
        audio = {AUDIO_KEY: [HeardSound(adapter.prepare(audio_tokens), strength, adapter=adapter.name)]}

    def denoise(latents: Tensor, timestep: Tensor) -> Tensor:
        batch = torch.cat([latents] * len(guidance.branches)).to(text_tokens.dtype)
        prediction = unet(
            batch,
            timestep,
            encoder_hidden_states=text_tokens,
            cross_attention_kwargs=audio,
            return_dict=False,
        )[0]  # (branches * images, channels, height, width)
        return guidance.combine_batch(prediction).to(latents.dtype)

    return denoise


def _spread(tokens: Tensor, num_images: int) -> Tensor:
    """Give every picture its row of tokens (1 or images, tokens, channels)."""
    return tokens.expand(num_images, -1, -1)
