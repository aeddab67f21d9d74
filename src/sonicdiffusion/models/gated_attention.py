"""The layer through which sound enters the image model: gated cross-attention to audio tokens.

Source: Biner et al. 2024, "SonicDiffusion", arXiv 2405.00878, the gated audio cross-attention.
"""

from dataclasses import dataclass
from typing import Any

import torch
from diffusers.models.attention_processor import Attention
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

INITIAL_GATE = 0.1


@dataclass(frozen=True, eq=False)
class KeysValues:
    """What one layer reads of the audio tokens, ready to be attended to.

    Audio tokens stay the same over all sampling steps, so their keys and values are worth keeping.

    Args:
        keys: shape (batch, heads, tokens, head channels).
        values: shape (batch, heads, tokens, head channels).
    """

    keys: Tensor
    values: Tensor


class GatedAudioAttention(nn.Module):
    """Return `strength * tanh(gate) * attention(layer_norm(h), audio_tokens)`, to be added to the hidden states h.

    The output matrix starts at zero, so a new layer changes nothing. The published one starts at random,
    which disturbs the base model before the first training step; weights trained either way load alike.

    Args:
        channels: width of the hidden states.
        token_width: width of the audio tokens.
        num_heads: attention heads; divides the channels.

    Source: Biner et al. 2024; the zero start of the output is ours.
    """

    def __init__(self, channels: int, token_width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.token_width = token_width
        self.norm = nn.LayerNorm(channels)
        # These names keep clear of to_q, to_k, to_v and to_out, which LoRA settings for the base model
        # target.
        self.query = nn.Linear(channels, channels, bias=False)
        self.key = nn.Linear(token_width, channels, bias=False)
        self.value = nn.Linear(token_width, channels, bias=False)
        self.out = nn.Linear(channels, channels)
        self.gate = nn.Parameter(torch.full((1,), INITIAL_GATE))
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def prepare(self, audio_tokens: Tensor) -> KeysValues:
        """Compute the keys and values of audio tokens (batch, tokens, token width)."""
        return KeysValues(self._split(self.key(audio_tokens)), self._split(self.value(audio_tokens)))

    def forward(self, hidden: Tensor, audio: Tensor | KeysValues, strength: float | Tensor = 1.0) -> Tensor:
        """Return what hidden states hear of the audio, to be added to them.

        Args:
            hidden: (batch, positions, channels).
            audio: audio tokens (batch, tokens, token width), or their prepared keys and values.
            strength: 0 is exactly off; a number, or a tensor that broadcasts to (batch, positions, channels).

        Returns:
            New numbers, (batch, positions, channels).
        """
        read = audio if isinstance(audio, KeysValues) else self.prepare(audio)
        query = self._split(self.query(self.norm(hidden)))  # (batch, heads, positions, head channels)
        heard = scaled_dot_product_attention(query, read.keys, read.values)
        heard = self.out(heard.transpose(1, 2).flatten(2))  # (batch, positions, channels)
        # In the dtype of the hidden states, so that a float32 strength does not widen a half-precision model.
        return (strength * torch.tanh(self.gate)).to(heard.dtype) * heard

    @torch.no_grad()
    def copy_from(self, norm: nn.LayerNorm, attention: Attention, gate: float) -> None:
        """Take the weights of a text cross-attention with the same widths, and open the gate.

        Audio tokens that resemble text tokens then act like text from the first training step on.

        Args:
            norm: the text attention's own.
            attention: diffusers' layer.
            gate: before its tanh.

        Source: after Ye et al. 2023, "IP-Adapter", whose image keys and values start from those of the text.
        """
        given: Any = attention  # some of diffusers' layers have no keys; one with text has
        pairs = (
            (self.norm, norm),
            (self.query, given.to_q),
            (self.key, given.to_k),
            (self.value, given.to_v),
            (self.out, given.to_out[0]),
        )
        for own, theirs in pairs:
            own.load_state_dict(theirs.state_dict())
        self.gate.fill_(gate)

    def _split(self, states: Tensor) -> Tensor:
        """Turn (batch, length, channels) into (batch, heads, length, head channels)."""
        return states.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
