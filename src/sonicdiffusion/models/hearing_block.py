"""The transformer block of a stock diffusers UNet, with ears.

The audio branch belongs to the transformer block, between text cross-attention and feed-forward, where no diffusers
hook reaches; so `sonicdiffusion.models.audio_adapter` lends blocks this class. Sounds come as arguments and not from
a side object, which gradient checkpointing would find empty when it runs the block again.

Source: Biner et al. 2024, "SonicDiffusion", arXiv 2405.00878, for the place of the branch.
"""

from collections.abc import Iterable
from typing import Any

import torch
from diffusers.models import attention
from torch import Tensor

from sonicdiffusion.models.gated_attention import GatedAudioAttention
from sonicdiffusion.models.heard_sound import AUDIO_KEY, HeardSound, audible

BRANCHES = "audio_attention"  # the new child of a block: its audio layers by the name of their adapter


# Named like its parent: regional compilation and device placement look blocks up by the name of their class.
class BasicTransformerBlock(attention.BasicTransformerBlock):
    """A transformer block that takes the audio out of its arguments, and listens if it has a branch."""

    audio_site: str

    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        timestep: Tensor | None = None,
        cross_attention_kwargs: dict[str, Any] | None = None,
        class_labels: Tensor | None = None,
        added_cond_kwargs: dict[str, Tensor] | None = None,
    ) -> Tensor:
        """Compute the block on (batch, positions, channels), with audio where it is given."""
        others = dict(cross_attention_kwargs or {})
        sounds = self._audible(others.pop(AUDIO_KEY, ()))
        if not sounds:
            return super().forward(
                hidden_states,
                attention_mask=attention_mask,
                encoder_hidden_states=encoder_hidden_states,
                encoder_attention_mask=encoder_attention_mask,
                timestep=timestep,  # type: ignore[arg-type]
                cross_attention_kwargs=others,
                class_labels=class_labels,  # type: ignore[arg-type]
                added_cond_kwargs=added_cond_kwargs,
            )
        own_context = encoder_hidden_states if self.only_cross_attention else None
        hidden_states = hidden_states + self.attn1(
            self.norm1(hidden_states),
            encoder_hidden_states=own_context,
            attention_mask=attention_mask,
            **others,
        )
        if self.attn2 is not None:
            hidden_states = hidden_states + self.attn2(
                self.norm2(hidden_states),  # pyright: ignore[reportOptionalCall] (there if attn2 is)
                encoder_hidden_states=encoder_hidden_states,
                attention_mask=encoder_attention_mask,
                **others,
            )
        hidden_states = self._listen(hidden_states, sounds)
        return hidden_states + self._feed_forward(self.norm3(hidden_states))  # pyright: ignore[reportOptionalCall]

    def _audible(self, sounds: Iterable[HeardSound]) -> list[HeardSound]:
        branches = getattr(self, BRANCHES, {})
        return [sound for sound in audible(tuple(sounds), self.audio_site) if sound.adapter in branches]

    def _listen(self, hidden_states: Tensor, sounds: list[HeardSound]) -> Tensor:
        """Add what is heard of every sound; all of them read the same states, so their order does not matter."""
        branches, positions = getattr(self, BRANCHES), hidden_states.shape[1]
        heard = hidden_states
        for sound in sounds:
            branch: GatedAudioAttention = branches[sound.adapter]
            strength = sound.strength_at(self.audio_site, positions)
            heard = heard + branch(hidden_states, sound.tokens_at(self.audio_site), strength)
        return heard

    def _feed_forward(self, states: Tensor) -> Tensor:
        if self._chunk_size is None:
            return self.ff(states)
        return torch.cat([self.ff(part) for part in states.split(self._chunk_size, self._chunk_dim)], self._chunk_dim)
