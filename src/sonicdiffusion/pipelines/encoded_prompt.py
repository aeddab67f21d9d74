"""An audio prompt after its adapter has heard it: what a UNet is given for the rows of its batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sonicdiffusion.audio.window import CropPolicy
from sonicdiffusion.errors import ConfigError
from sonicdiffusion.models.audio_adapter import AudioAdapter
from sonicdiffusion.models.heard_sound import HeardSound, Strength
from sonicdiffusion.pipelines.audio_prompt import AudioPrompt, mask_tensor, strength_by_site
from sonicdiffusion.pipelines.hearing import Hearing


@dataclass(frozen=True, eq=False)
class EncodedPrompt:
    """A sound as tokens, with how strongly, where and when it acts; what is one serves all pictures.

    Args:
        adapter: that takes the tokens in.
        tokens: of the sounds, (1 or prompts, tokens, token width).
        null: tokens of no sound or of the negative one, (1, tokens, token width).
        strength: a number or (prompts,) numbers as a tensor, or one by UNet module path.
        mask: where it acts, (1 or prompts, height, width); None for everywhere.
        start: share of the sampling after which it begins.
        end: share of the sampling after which it ends.
    """

    adapter: AudioAdapter
    tokens: Tensor
    null: Tensor
    strength: Strength
    mask: Tensor | None = None
    start: float = 0.0
    end: float = 1.0

    @classmethod
    @torch.no_grad()
    def encode(
        cls,
        prompt: AudioPrompt,
        hearing: Hearing,
        factor: float,
        like: Tensor,
        crop_policy: CropPolicy | None = None,
    ) -> "EncodedPrompt":
        """Let an adapter's encoder and projector hear a prompt; the same sound is heard once.

        Args:
            prompt: what is heard.
            hearing: who hears it.
            factor: of its strength.
            like: has the device and precision of the UNet.
            crop_policy: which part of a long recording is heard; by default the adapter's.

        Raises:
            AudioError: if a recording cannot be used.
            ConfigError: if strength or mask do not go with the UNet.
        """
        heard: dict[int, Tensor] = {}
        for sound in (*prompt.sounds, prompt.negative):
            if sound is not None and id(sound) not in heard:
                heard[id(sound)] = hearing.hear(sound, crop_policy)
        nothing = heard[id(None)] = hearing.null_tokens()
        null = nothing if prompt.negative is None else heard[id(prompt.negative)]
        return cls(
            hearing.adapter,
            torch.cat([heard[id(sound)] for sound in prompt.sounds]).to(like),
            null.to(like),
            _strength(prompt, hearing.adapter.sites, factor, like),
            None if prompt.mask is None else mask_tensor(prompt.mask).to(like),
            prompt.start,
            prompt.end,
        )

    def acts(self, done: float) -> bool:
        """Return whether it is heard when a share of the sampling is done."""
        return self.start <= done < self.end

    def spread(self, num_images: int) -> "EncodedPrompt":
        """Return it with a row for each picture, where it has one for each prompt; a prompt's pictures are neighbours.

        Raises:
            ConfigError: if that does not come out even.
        """
        strength, mask = self.strength, self.mask
        if isinstance(strength, Tensor) and strength.ndim:
            strength = _for_each(strength, num_images, "strengths")
        if mask is not None:
            mask = _for_each(mask, num_images, "masks")
        return replace(self, tokens=_for_each(self.tokens, num_images, "sounds"), strength=strength, mask=mask)

    def rows(self, start: int, stop: int) -> "EncodedPrompt":
        """Return what the pictures `start` to `stop - 1` hear, once it is spread."""
        strength, mask = self.strength, self.mask
        if isinstance(strength, Tensor) and strength.ndim and len(strength) > 1:
            strength = strength[start:stop]
        if mask is not None and len(mask) > 1:
            mask = mask[start:stop]
        tokens = self.tokens if len(self.tokens) == 1 else self.tokens[start:stop]
        return replace(self, tokens=tokens, strength=strength, mask=mask)

    def heard_by(self, branches: Sequence[bool], num_images: int, *, prepare: bool) -> HeardSound:
        """Return what a UNet is given for one batch.

        Args:
            branches: whether each guidance branch, one after another in the batch, hears the sound.
            num_images: pictures in each branch.
            prepare: whether keys and values are computed now, to serve all steps.
        """
        spread = self.spread(num_images)
        tokens = spread.tokens.expand(num_images, -1, -1)
        null = self.null.expand(num_images, -1, -1)
        rows = torch.cat([tokens if heard else null for heard in branches])
        strength, mask = spread.strength, spread.mask
        if isinstance(strength, Tensor) and strength.ndim and len(strength) > 1:
            strength = strength.repeat(len(branches))
        if mask is not None and len(mask) > 1:
            mask = mask.repeat(len(branches), 1, 1)
        return HeardSound(self.adapter.prepare(rows) if prepare else rows, strength, mask, self.adapter.name)


def _strength(prompt: AudioPrompt, sites: Sequence[str], factor: float, like: Tensor) -> Strength:
    # Tensors, since a compiled UNet is compiled anew for every other Python number.
    if isinstance(prompt.strength, Mapping):
        by_site = strength_by_site(prompt.strength, sites)
        return {site: torch.tensor(number * factor).to(like) for site, number in by_site.items() if number}
    return torch.as_tensor(prompt.strength, dtype=torch.float32).to(like) * factor


def _for_each(values: Tensor, num_images: int, what: str) -> Tensor:
    """Spread values, one for each prompt, over the pictures; a single one stays as it is."""
    if len(values) == 1:
        return values
    if num_images % len(values):
        raise ConfigError(
            f"Got {len(values)} {what} for {num_images} pictures. Pass one, or as many as there are prompts."
        )
    return values.repeat_interleave(num_images // len(values), dim=0)
