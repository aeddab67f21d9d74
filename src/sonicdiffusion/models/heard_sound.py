"""What one sound is to a UNet: tokens, the adapter that reads them, how strongly, and where in the picture.

A UNet with audio adapters takes any number of them at once:

    unet(latents, timestep, encoder_hidden_states=text_tokens, cross_attention_kwargs={"audio": [sound, another]})
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from sonicdiffusion.errors import ConfigError
from sonicdiffusion.models.gated_attention import KeysValues

AUDIO_KEY = "audio"
DEFAULT_ADAPTER = "default"
_SHAPE_TOLERANCE = 0.3  # logarithm of the aspect: odd sizes are rounded when a UNet halves them


@dataclass(frozen=True, eq=False)
class PreparedAudioTokens:
    """Keys and values of the same audio tokens for every site, to be kept over all sampling steps.

    Args:
        sites: what each site reads, by UNet module path.
    """

    sites: Mapping[str, KeysValues]


Strength = float | Tensor | Mapping[str, float | Tensor]


@dataclass(frozen=True, eq=False)
class HeardSound:
    """One sound, as the rows of a batch hear it.

    Args:
        tokens: audio tokens (batch, tokens, token width), or what every site reads of them.
        strength: factor of the audio branch, 0 exactly off; a number, a tensor with one number for all rows or
            one for each, or such by UNet module path, where sites that are not named are off.
        mask: where in the picture it acts, in [0, 1], (1 or batch, height, width) at any size; None is everywhere.
        adapter: name of the adapter that reads the tokens.
    """

    tokens: Tensor | PreparedAudioTokens
    strength: Strength = 1.0
    mask: Tensor | None = None
    adapter: str = DEFAULT_ADAPTER

    def tokens_at(self, site: str) -> Tensor | KeysValues:
        """Return what a site reads."""
        return self.tokens.sites[site] if isinstance(self.tokens, PreparedAudioTokens) else self.tokens

    def strength_at(self, site: str, positions: int) -> float | Tensor:
        """Return the strength of a site with so many positions, to multiply (batch, positions, channels)."""
        strength = self.strength.get(site, 0.0) if isinstance(self.strength, Mapping) else self.strength
        if isinstance(strength, Tensor) and strength.ndim == 1:
            strength = strength[:, None, None]  # one number for each row of the batch
        if self.mask is None or _is_off(strength):
            return strength
        return strength * mask_positions(self.mask, positions)


def audible(sounds: Sequence[HeardSound], site: str) -> list[HeardSound]:
    """Return the sounds that a site hears at all."""
    return [
        sound
        for sound in sounds
        if not _is_off(sound.strength.get(site, 0.0) if isinstance(sound.strength, Mapping) else sound.strength)
    ]


def mask_positions(mask: Tensor, positions: int) -> Tensor:
    """Bring a mask (1 or batch, height, width) to the positions of a site, (1 or batch, positions, 1).

    The site's height and width follow from their product, since it halves both as often as the other.

    Raises:
        ConfigError: if no such height and width exist.
    """
    height, width = mask.shape[-2:]
    shapes = [(tall, positions // tall) for tall in range(1, positions + 1) if positions % tall == 0]
    misfit, shape = min((abs(math.log(tall * width / (wide * height))), (tall, wide)) for tall, wide in shapes)
    if misfit > _SHAPE_TOLERANCE:
        raise ConfigError(
            f"A mask of {width} x {height} pixels has another shape than the picture. Give it the picture's own."
        )
    small = interpolate(mask[:, None].float(), size=shape, mode="area")
    return small.flatten(2).transpose(1, 2).to(mask.dtype)


def _is_off(strength: float | Tensor) -> bool:
    """Return whether a strength is a plain 0; a tensor is not looked into, which would stop a GPU or a compiler."""
    return not isinstance(strength, torch.Tensor) and strength == 0
