"""The text-to-image base of a bundled model: a latent diffusion UNet that has never heard a sound.

Source: Rombach et al. 2022 (latent diffusion).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch import nn
from transformers.models.clip.modeling_clip import CLIPTextModel
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from sonicdiffusion.soundscapes.captions import describe
from sonicdiffusion.soundscapes.scene import sample_scene
from sonicdiffusion.training.diffusion_loss import diffusion_loss, noise_schedule
from sonicdiffusion.training.loop import LoopSettings, Losses, StepRecord, Turn, train
from sonicdiffusion.training.text_encoder import tokenize


@dataclass(frozen=True)
class BaseRecipe:
    """The UNet's size and training.

    Args:
        widths: channels of each resolution, finest first.
        num_plain_levels: finest resolutions without attention, where it costs most and helps least.
        layers_per_block: residual blocks in each resolution of the down path.
        num_heads: attention heads.
        text_dropout: share of examples with the empty prompt, for guidance.
        loop: length and rates.
    """

    widths: tuple[int, ...] = (96, 192, 256)
    num_plain_levels: int = 1
    layers_per_block: int = 1
    num_heads: int = 8
    text_dropout: float = 0.1
    loop: LoopSettings = field(default_factory=LoopSettings)


def build_unet(recipe: BaseRecipe, latent_channels: int, latent_size: int, token_width: int) -> UNet2DConditionModel:
    """Build the untrained UNet, with text cross-attention at its coarser resolutions."""
    plain, levels = recipe.num_plain_levels, len(recipe.widths)
    return UNet2DConditionModel(
        sample_size=latent_size,
        in_channels=latent_channels,
        out_channels=latent_channels,
        layers_per_block=recipe.layers_per_block,
        block_out_channels=recipe.widths,
        down_block_types=("DownBlock2D",) * plain + ("CrossAttnDownBlock2D",) * (levels - plain),
        up_block_types=("CrossAttnUpBlock2D",) * (levels - plain) + ("UpBlock2D",) * plain,
        cross_attention_dim=token_width,
        attention_head_dim=recipe.num_heads,  # diffusers' historical name for the number of heads
    )


def build_scheduler() -> DDIMScheduler:
    """Return the noise schedule of Stable Diffusion with v-prediction."""
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type="v_prediction",
        timestep_spacing="trailing",
    )


class SceneBatches:
    """Random latents of scenes with fresh captions.

    Args:
        latents: shape (scenes, channels, height, width).
        scale: factor that brings them to standard deviation 1.
        tokenizer: the text encoder's.
        text_encoder: frozen.
    """

    def __init__(
        self, latents: np.ndarray, scale: float, tokenizer: CLIPTokenizer, text_encoder: CLIPTextModel
    ) -> None:
        self.latents, self.scale = latents, scale
        self.tokenizer, self.text_encoder = tokenizer, text_encoder.eval().requires_grad_(False)

    def pictures(self, seeds: np.ndarray) -> torch.Tensor:
        """Return scaled latents (batch, channels, height, width) of scenes."""
        return torch.from_numpy(self.latents[seeds].astype(np.float32) * self.scale)

    @torch.no_grad()
    def text_tokens(self, texts: list[str]) -> torch.Tensor:
        """Return text tokens (batch, tokens, width)."""
        device = next(self.text_encoder.parameters()).device
        return self.text_encoder(tokenize(self.tokenizer, texts).to(device)).last_hidden_state


def train_base(recipe: BaseRecipe, batches: SceneBatches, folder: Path) -> Iterator[StepRecord]:
    """Train the UNet on captioned latents; saved to `folder / "unet"` and `folder / "scheduler"`."""
    torch.manual_seed(recipe.loop.seed)
    count, channels, size, _ = batches.latents.shape
    unet = build_unet(recipe, channels, size, batches.text_encoder.config.hidden_size)
    unet.to(memory_format=torch.channels_last)  # type: ignore[call-arg]
    scheduler = build_scheduler()
    schedule = noise_schedule(scheduler)

    def losses(module: nn.Module, turn: Turn) -> Losses:
        rng = turn.rng
        seeds = rng.integers(count, size=recipe.loop.batch_size)
        kept = rng.random(len(seeds)) >= recipe.text_dropout
        pairs = zip(seeds, kept, strict=True)
        texts = turn.mine([describe(sample_scene(int(seed)), rng) if keep else "" for seed, keep in pairs])
        device = next(module.parameters()).device
        latents = batches.pictures(turn.mine(seeds)).to(device)
        text_tokens = batches.text_tokens(texts).to(device)
        return {"noise": diffusion_loss(module, schedule, latents, text_tokens, turn)}

    yield from train(unet, losses, recipe.loop, folder)
    unet.save_pretrained(folder / "unet")
    scheduler.save_pretrained(folder / "scheduler")
