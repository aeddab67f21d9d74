"""Stage 2: audio layers learn to draw what is heard, in a base model that stays as it is.

Source: Biner et al. 2024, "SonicDiffusion", the training of the adapters: the diffusion loss, with the text replaced
by the empty prompt half of the time.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import nn

from sonicdiffusion.errors import ConfigError
from sonicdiffusion.models.audio_adapter import AudioAdapter, all_sites, default_sites
from sonicdiffusion.models.audio_projector import AudioProjector
from sonicdiffusion.models.heard_sound import AUDIO_KEY, HeardSound
from sonicdiffusion.training.diffusion_loss import diffusion_loss, noise_schedule
from sonicdiffusion.training.examples import Examples
from sonicdiffusion.training.loop import LoopSettings, Losses, StepRecord, Turn, train
from sonicdiffusion.training.watch import GateWatch

Sites = Literal["default", "all"]
Gates = Literal["learnt", "open"]
_OPEN = 20.0  # a gate before its tanh, which is 1 then in any precision


@dataclass(frozen=True)
class Stage2Recipe:
    """The training of adapters and projector together.

    Args:
        text_dropout: share of examples with the empty prompt.
        audio_dropout: share of examples with null audio, for guidance.
        text_gate: gate of audio layers that start as copies of the text cross-attention; 0 lets them start as nothing,
            with the published gate.
        sites: "default" puts audio layers into the middle block and the up path, as published; "all" into every block.
        gates: "learnt" as published, or "open": fixed at 1, as if there were none.
        min_snr_gamma: signal-to-noise ratio from which on times weigh less, usually 5; left out, all weigh alike.
        gradient_checkpointing: whether the UNet computes its activations twice instead of keeping them.
        loop: length and rates.

    Raises:
        ConfigError: if a number is out of range.
    """

    text_dropout: float = 0.5
    audio_dropout: float = 0.1
    text_gate: float = 0.5
    sites: Sites = "default"
    gates: Gates = "learnt"
    min_snr_gamma: float | None = None
    gradient_checkpointing: bool = False
    loop: LoopSettings = field(default_factory=LoopSettings)

    def __post_init__(self) -> None:
        if not (0 <= self.text_dropout <= 1 and 0 <= self.audio_dropout <= 1):
            raise ConfigError("text_dropout and audio_dropout are shares, from 0 to 1.")
        if self.min_snr_gamma is not None and self.min_snr_gamma <= 0:
            raise ConfigError("min_snr_gamma is above 0; leave it out to weigh all times alike.")


class AudioBranch(nn.Module):
    """What stage 2 trains, as one network: the projector and the audio layers, around a frozen UNet.

    Args:
        unet: of the base.
        projector: embedding to tokens.
        sites: where the audio layers are.
    """

    def __init__(self, unet: UNet2DConditionModel, projector: AudioProjector, sites: Sites = "default") -> None:
        super().__init__()
        self.unet = unet.requires_grad_(False)
        self.adapter = AudioAdapter.install(unet, all_sites(unet) if sites == "all" else default_sites(unet))
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
    scheduler: Any,
    examples: Examples,
    folder: Path,
    show: Callable[[int], None] | None = None,
) -> Iterator[StepRecord]:
    """Train the audio branch; `branch` holds the result.

    Args:
        recipe: dropout and rates.
        branch: the frozen UNet with fresh audio layers, and the projector of stage 1.
        scheduler: the base's.
        examples: what it learns from.
        folder: where checkpoints go.
        show: as of `train`.
    """
    if recipe.text_gate:
        branch.adapter.copy_text_attention(recipe.text_gate)
    if recipe.gates == "open":
        for layer in branch.adapter.branches.values():
            layer.gate.requires_grad_(False).fill_(_OPEN)
    if recipe.gradient_checkpointing:
        branch.unet.enable_gradient_checkpointing()
    watch = GateWatch(recipe.loop, branch.adapter)
    compute = drawing_losses(recipe, scheduler, examples)

    def losses(module: nn.Module, turn: Turn) -> Losses:
        watch.look(turn)
        return compute(module, turn)

    yield from train(branch, losses, recipe.loop, folder, show)


def drawing_losses(recipe: Stage2Recipe, scheduler: Any, examples: Examples) -> Callable[[nn.Module, Turn], Losses]:
    """Return the diffusion loss of sounds and their pictures, with text and sound dropped by their shares.

    Args:
        recipe: dropout.
        scheduler: the base's.
        examples: what is learnt from.

    Returns:
        What `train` asks for; its network takes noisy latents, times, text tokens and audio embeddings.
    """
    schedule, empty = noise_schedule(scheduler), examples.empty_prompt()

    def losses(module: nn.Module, turn: Turn) -> Losses:
        rng = turn.rng
        indices = rng.integers(len(examples), size=recipe.loop.batch_size)
        silent = rng.random(len(indices)) < recipe.audio_dropout
        wordless = rng.random(len(indices)) < recipe.text_dropout
        latents, embeddings, text_tokens = (turn.mine(one) for one in examples.pictures_of_sounds(indices, rng))
        silent, wordless = (torch.from_numpy(turn.mine(one)) for one in (silent, wordless))
        device = next(module.parameters()).device
        embeddings = embeddings.masked_fill(silent[:, None], 0.0).float().to(device)
        text_tokens = torch.where(wordless[:, None, None], empty.to(text_tokens), text_tokens).to(device)
        loss = diffusion_loss(
            module,
            schedule,
            latents.to(device),
            text_tokens,
            turn,
            embeddings,
            min_snr_gamma=recipe.min_snr_gamma,
        )
        return {"noise": loss}

    return losses
