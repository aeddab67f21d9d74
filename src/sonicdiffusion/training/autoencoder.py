"""The picture autoencoder of a bundled model: a TAESD-type network with few latent channels.

Source: architecture of `diffusers.AutoencoderTiny` (Bohan, TAESD); losses ours.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny

from sonicdiffusion.data.shards import Shards
from sonicdiffusion.training.loop import LoopSettings, Losses, StepRecord, train


@dataclass(frozen=True)
class AutoencoderRecipe:
    """The autoencoder's size and training.

    Args:
        num_pictures: pictures it sees.
        channels: width of every layer.
        latent_channels: numbers for each latent position.
        num_halvings: how often the resolution is halved; 3 makes a position of 8 x 8 pixels.
        crop: side of the training crops in pixels.
        latent_noise: standard deviation of the noise added to latents in training, so that near latents decode alike.
        latent_weight: weight of the penalty that keeps latents at mean 0 and variance 1.
        edge_weight: weight of the loss on neighbouring differences, which keeps thin things.
        loop: length and rates.
    """

    num_pictures: int = 12_000
    channels: int = 48
    latent_channels: int = 8
    num_halvings: int = 3
    crop: int = 64
    latent_noise: float = 0.1
    latent_weight: float = 0.01
    edge_weight: float = 1.0
    loop: LoopSettings = field(default_factory=LoopSettings)


def build_autoencoder(recipe: AutoencoderRecipe) -> AutoencoderTiny:
    """Build the untrained network, most of its layers at low resolution, where they are cheap."""
    levels = recipe.num_halvings + 1
    widths = (recipe.channels,) * levels
    return AutoencoderTiny(
        latent_channels=recipe.latent_channels,
        encoder_block_out_channels=widths,
        decoder_block_out_channels=widths,
        num_encoder_blocks=(0, 1, 1, 2, 3)[:levels],
        num_decoder_blocks=(3, 3, 2, 1, 0)[-levels:],
        scaling_factor=1.0,
    )


def train_autoencoder(recipe: AutoencoderRecipe, pictures: Shards, folder: Path) -> Iterator[StepRecord]:
    """Train on random crops; the trained network is saved to `folder / "vae"`."""
    network = build_autoencoder(recipe)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-arg]

    def losses(module: Any, _step: int, generator: torch.Generator) -> Losses:
        image = _crops(pictures, recipe, generator).to(next(module.parameters()).device)
        latents = module.encode(image).latents
        noise = torch.randn(latents.shape, generator=generator).to(latents)
        decoded = module.decode(latents + recipe.latent_noise * noise).sample.float()
        return {
            "pixels": F.l1_loss(decoded, image),
            "edges": recipe.edge_weight * edge_loss(decoded, image),
            "latents": recipe.latent_weight * latent_penalty(latents.float()),
            "_mean_squared_error": F.mse_loss(decoded.detach(), image),
        }

    yield from train(network, losses, recipe.loop, folder)
    network.save_pretrained(folder / "vae")


def _crops(pictures: Shards, recipe: AutoencoderRecipe, generator: torch.Generator) -> torch.Tensor:
    """Return random crops in [-1, 1], shape (batch, 3, crop, crop), half of them mirrored."""
    rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
    images = pictures.read("image", rng.integers(len(pictures), size=recipe.loop.batch_size))
    size = images.shape[1] - recipe.crop
    tops, lefts = rng.integers(0, size + 1, (2, len(images)))
    crops = [im[t : t + recipe.crop, c : c + recipe.crop] for im, t, c in zip(images, tops, lefts, strict=True)]
    mirrored = [crop[:, ::-1] if rng.random() < 0.5 else crop for crop in crops]
    return to_tensor(np.stack(mirrored))


def to_tensor(images: np.ndarray) -> torch.Tensor:
    """Turn uint8 pictures (batch, height, width, 3) into floats in [-1, 1], (batch, 3, height, width)."""
    tensor = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float() / 127.5 - 1.0
    return tensor.contiguous(memory_format=torch.channels_last)


def edge_loss(decoded: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
    """Return the mean absolute error of horizontal, vertical and coarse differences."""
    error = decoded - image
    across, down = error.diff(dim=3).abs().mean(), error.diff(dim=2).abs().mean()
    return across + down + F.avg_pool2d(error, 4).abs().mean()


def latent_penalty(latents: torch.Tensor) -> torch.Tensor:
    """Return how far each latent channel is from mean 0 and variance 1 over the batch."""
    mean, variance = latents.mean(dim=(0, 2, 3)), latents.var(dim=(0, 2, 3))
    return (mean**2 + (variance - 1.0) ** 2).sum()
