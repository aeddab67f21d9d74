"""One audio token among the text tokens, and no audio layers: what the paper's method is compared with.

Source: after Yariv et al. 2023, "AudioToken: Adaptation of Text-Conditioned Diffusion Models for Audio-to-Image
Generation", section 3: one token learnt by the diffusion loss, the image model frozen. Theirs is a word that the text
encoder reads; ours takes the place of the text encoder's last output, which in a short prompt is padding. Our
projector makes it, and their loss on classes is left out.
"""

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import nn

from sonicdiffusion.config import from_dict
from sonicdiffusion.models.audio_projector import AudioProjector, AudioProjectorConfig
from sonicdiffusion.models.folders import read_settings, read_tensors, write_settings, write_tensors
from sonicdiffusion.training.examples import Examples
from sonicdiffusion.training.loop import StepRecord, train
from sonicdiffusion.training.processes import processes
from sonicdiffusion.training.stage2 import Stage2Recipe, drawing_losses

SETTINGS_FILE, WEIGHTS_FILE = "config.json", "projector.safetensors"


class TokenBranch(nn.Module):
    """A frozen UNet whose text tokens hold one of sound.

    Args:
        unet: of the base.
        projector: embedding to one token, as wide as those of text.
    """

    def __init__(self, unet: UNet2DConditionModel, projector: AudioProjector) -> None:
        super().__init__()
        self.unet = unet.requires_grad_(False)
        self.projector = projector

    def forward(
        self,
        noisy: torch.Tensor,
        times: torch.Tensor,
        text_tokens: torch.Tensor,
        audio_embedding: torch.Tensor,
    ) -> torch.Tensor:
        """Return the UNet's prediction with text tokens and an audio embedding (zero = null audio)."""
        return self.unet(noisy, times, with_token(text_tokens, self.projector(audio_embedding))).sample


def with_token(text_tokens: torch.Tensor, token: torch.Tensor) -> torch.Tensor:
    """Return text tokens (batch, tokens, width) whose last one is a token (batch, 1, width)."""
    return torch.cat([text_tokens[:, :-1], token.to(text_tokens)], dim=1)


def build_token_projector(config: AudioProjectorConfig, seed: int) -> AudioProjector:
    """Return an untrained projector like another, that makes one token."""
    torch.manual_seed(seed)
    return AudioProjector(replace(config, num_tokens=1))


def train_single_token(
    recipe: Stage2Recipe, branch: TokenBranch, scheduler: Any, examples: Examples, folder: Path
) -> Iterator[StepRecord]:
    """Train the projector by the diffusion loss; saved to `folder`.

    Args:
        recipe: dropout and rates; what it says of audio layers does not apply.
        branch: the frozen UNet and a fresh projector.
        scheduler: the base's.
        examples: what it learns from.
        folder: where weights and checkpoints go.
    """
    yield from train(branch, drawing_losses(recipe, scheduler, examples), recipe.loop, folder)
    if processes().is_main_process:
        write_tensors(folder / WEIGHTS_FILE, branch.projector.state_dict())
        write_settings(folder / SETTINGS_FILE, asdict(branch.projector.config))


def load_token_projector(folder: Path) -> AudioProjector:
    """Read what `train_single_token` has saved, in evaluation mode.

    Raises:
        MissingFileError: if it is not there.
    """
    path = folder / SETTINGS_FILE
    projector = AudioProjector(from_dict(read_settings(path), AudioProjectorConfig, source=str(path)))
    projector.load_state_dict(read_tensors(folder / WEIGHTS_FILE))
    return projector.eval().requires_grad_(False)
