"""From one audio embedding to a sequence of audio tokens.

Source: Biner et al. 2024, "SonicDiffusion", arXiv 2405.00878, the audio projector.
"""

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from sonicdiffusion.errors import ConfigError

UPSAMPLING = 3  # stride of the transposed convolution
DOWNSAMPLING = 4  # stride of the last convolution
Residual = Literal["published", "chained"]


@dataclass(frozen=True)
class AudioProjectorConfig:
    """The shape of an audio projector; the defaults are the published ones for Stable Diffusion 1.x.

    Args:
        embedding_width: width of the audio embedding.
        num_tokens: audio tokens per clip; also the channels of the convolutions.
        token_width: width of a token; as published, 3/4 of the embedding width. Where it is not, a linear layer before
            the convolutions and the last one after them bring one to the other (ours).
        attention_width: inner width of the self-attention, all heads together.
        num_heads: attention heads.
        num_blocks: residual attention blocks.
        kernel_size: length of every convolution kernel; odd.
        residual: "chained" feeds each block with the one before it; "published" feeds every block with the
            output of the convolutions and keeps the last block alone, which the published weights were
            trained for.

    Raises:
        ConfigError: if the numbers contradict each other.
    """

    embedding_width: int = 1024
    num_tokens: int = 77
    token_width: int = 768
    attention_width: int = 320
    num_heads: int = 8
    num_blocks: int = 4
    kernel_size: int = 17
    residual: Residual = "published"

    def __post_init__(self) -> None:
        for name in (
            "embedding_width",
            "num_tokens",
            "token_width",
            "attention_width",
            "num_heads",
            "num_blocks",
        ):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least 1.")
        if self.attention_width % self.num_heads:
            raise ConfigError(
                f"attention_width {self.attention_width} is not divisible by num_heads {self.num_heads}; "
                "choose a multiple."
            )
        if self.kernel_size < UPSAMPLING or self.kernel_size % 2 == 0:
            raise ConfigError(f"kernel_size is {self.kernel_size}; it must be odd and at least 3.")
        if self.residual not in get_args(Residual):
            raise ConfigError(f"residual is {self.residual!r}; known are {', '.join(get_args(Residual))}.")

    @property
    def signal_width(self) -> int:
        """Width that the convolutions read: that of the embedding if it fits, else the least that gives the tokens."""
        if self.token_width * DOWNSAMPLING == self.embedding_width * UPSAMPLING:
            return self.embedding_width
        return math.ceil(self.token_width / UPSAMPLING) * DOWNSAMPLING


class ProjectorBlock(nn.Module):
    """Self-attention over the tokens, then a two-layer network, added to the input.

    Neither part is normalised first: the published weights were trained so.
    """

    def __init__(self, token_width: int, attention_width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.query = nn.Linear(token_width, attention_width, bias=False)
        self.key = nn.Linear(token_width, attention_width, bias=False)
        self.value = nn.Linear(token_width, attention_width, bias=False)
        self.hidden = nn.Linear(attention_width, attention_width)
        self.widen = nn.Linear(attention_width, token_width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map tokens (batch, tokens, token width) to new ones of the same shape."""
        query, key, value = (
            layer(tokens).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)  # (batch, heads, tokens, head width)
            for layer in (self.query, self.key, self.value)
        )
        attended = scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        return tokens + self.widen(gelu(self.hidden(attended)))


class AudioProjector(nn.Module):
    """Turn an audio embedding into audio tokens.

    The embedding is read as a signal of one channel: convolutions make a channel of every token, a transposed
    convolution and a strided one bring its length to the token width, and self-attention relates the tokens.

    Source: Biner et al. 2024; the chained blocks are ours.
    """

    def __init__(self, config: AudioProjectorConfig) -> None:
        super().__init__()
        self.config = config
        width, tokens, kernel = config.signal_width, config.num_tokens, config.kernel_size
        inner = width * UPSAMPLING // DOWNSAMPLING
        fits = width == config.embedding_width
        self.resize = nn.Identity() if fits else nn.Linear(config.embedding_width, width)
        same = kernel // 2
        # With (kernel - 3) / 2 the lengths come out as exactly 3 * width, then 3/4 * width.
        strided = (kernel - UPSAMPLING) // 2
        self.spread = nn.Conv1d(1, tokens, kernel, padding=same)
        self.mix_1 = nn.Conv1d(tokens, tokens, kernel, padding=same)
        self.norm_1 = nn.LayerNorm([tokens, width])
        self.mix_2 = nn.Conv1d(tokens, tokens, kernel, padding=same)
        self.norm_2 = nn.LayerNorm([tokens, width])
        self.upsample = nn.ConvTranspose1d(tokens, tokens, kernel, stride=UPSAMPLING, padding=strided)
        self.norm_3 = nn.LayerNorm([tokens, UPSAMPLING * width])
        self.downsample = nn.Conv1d(tokens, tokens, kernel, stride=DOWNSAMPLING, padding=strided)
        self.blocks = nn.ModuleList(
            ProjectorBlock(inner, config.attention_width, config.num_heads) for _ in range(config.num_blocks)
        )
        self.out = nn.Linear(inner, config.token_width)

    def forward(self, audio_embedding: Tensor) -> Tensor:
        """Project audio embeddings (batch, embedding width) to tokens (batch, tokens, token width)."""
        signal = self.spread(self.resize(audio_embedding).unsqueeze(1))  # (batch, tokens, signal width)
        signal = self.norm_1(gelu(self.mix_1(gelu(signal))))
        signal = self.norm_2(gelu(self.mix_2(signal)))
        signal = gelu(self.norm_3(gelu(self.upsample(signal))))  # (batch, tokens, 3 * signal width)
        tokens = self.downsample(signal)  # (batch, tokens, 3/4 of the signal width)
        # Published: every block reads the same input and overwrites the one before, so only the last one
        # counts.
        working = self.blocks if self.config.residual == "chained" else self.blocks[-1:]
        for block in working:
            tokens = block(tokens)
        return self.out(tokens)

    def null_tokens(self) -> Tensor:
        """Return the tokens of no sound, (1, tokens, token width): those of an embedding of zeros."""
        nothing = torch.zeros(
            1, self.config.embedding_width, device=self.out.weight.device, dtype=self.out.weight.dtype
        )
        return self(nothing)
