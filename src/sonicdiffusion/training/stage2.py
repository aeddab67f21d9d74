"""Stage 2: audio layers learn to draw what is heard, in a base model that stays as it is.

Source: Biner et al. 2024, "SonicDiffusion", the training of the adapters: the diffusion loss, with the text replaced
by the empty prompt half of the time.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch import nn

from sonicdiffusion.models.audio_adapter import AudioAdapter
from sonicdiffusion.models.audio_projector import AudioProjector
from sonicdiffusion.models.heard_sound import AUDIO_KEY, HeardSound
from sonicdiffusion.soundscapes.captions import describe
from sonicdiffusion.soundscapes.scene import Scene, sample_scene
from sonicdiffusion.training.base import SceneBatches, diffusion_loss
from sonicdiffusion.training.loop import LoopSettings, Losses, StepRecord, train


@dataclass(frozen=True)
class Stage2Recipe:
    """The training of adapters and projector together.

    Args:
        text_dropout: share of examples with the empty prompt.
        audio_dropout: share of examples with null audio, for guidance.
        silent_captions: share of the prompts that name the scene without its events, as a user's prompt does.
        text_gate: gate of audio layers that start as copies of the text cross-attention; 0 lets them start as nothing,
            with the published gate.
        loop: length and rates.
    """

    text_dropout: float = 0.5
    audio_dropout: float = 0.1
    silent_captions: float = 0.8
    text_gate: float = 0.5
    loop: LoopSettings = field(default_factory=LoopSettings)


class AudioBranch(nn.Module):
    """What stage 2 trains, as one network: the projector and the audio layers, around a frozen UNet."""

    def __init__(self, unet: UNet2DConditionModel, projector: AudioProjector) -> None:
        super().__init__()
        self.unet = unet.requires_grad_(False)
        self.adapter = AudioAdapter.install(unet)
        for parameter in self.adapter.parameters():
            parameter.requires_grad_(True)
        self.projector = projector

    def forward(
        self,
        noisy: torch.Tensor,
        times: torch.Tensor,
        text_tokens: torch.Tensor,
        audio_embedding: torch.Tensor,
    ) -> torch.Tensor:
        """Return the UNet's prediction with text tokens and an audio embedding (zero = null audio)."""
        audio = [HeardSound(self.projector(audio_embedding))]
        return self.unet(noisy, times, text_tokens, cross_attention_kwargs={AUDIO_KEY: audio}).sample


def train_stage2(
    recipe: Stage2Recipe,
    branch: AudioBranch,
    scheduler: DDIMScheduler,
    embeddings: np.ndarray,
    batches: SceneBatches,
    folder: Path,
) -> Iterator[StepRecord]:
    """Train the audio branch on cached latents and embeddings of the same scenes; `branch` holds the result.

    Args:
        recipe: dropout and rates.
        branch: the frozen UNet with fresh audio layers, and the projector of stage 1.
        scheduler: the base's noise schedule.
        embeddings: audio embeddings, (copies, scenes, width).
        batches: gives latents and text tokens of the scenes.
        folder: where checkpoints go.
    """
    count = min(embeddings.shape[1], len(batches.latents))
    if recipe.text_gate:
        branch.adapter.copy_text_attention(recipe.text_gate)

    def losses(module: nn.Module, step: int, generator: torch.Generator) -> Losses:
        rng = np.random.default_rng([recipe.loop.seed, step])
        seeds = rng.integers(count, size=recipe.loop.batch_size)
        texts = [_prompt(sample_scene(int(seed)), recipe, rng) for seed in seeds]
        chosen = embeddings[rng.integers(len(embeddings), size=len(seeds)), seeds]
        heard = rng.random((len(seeds), 1)) >= recipe.audio_dropout
        device = next(module.parameters()).device
        latents = batches.pictures(seeds).to(device)
        audio = torch.from_numpy((chosen * heard).astype(np.float32)).to(device)
        text_tokens = batches.text_tokens(texts).to(device)
        return {"noise": diffusion_loss(module, scheduler, latents, text_tokens, generator, audio)}

    yield from train(branch, losses, recipe.loop, folder)


def _prompt(scene: Scene, recipe: Stage2Recipe, rng: np.random.Generator) -> str:
    if rng.random() < recipe.text_dropout:
        return ""
    return describe(replace(scene, events=()) if rng.random() < recipe.silent_captions else scene, rng)
