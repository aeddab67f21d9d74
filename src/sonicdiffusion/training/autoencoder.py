"""The picture autoencoder of a bundled model: a linear encoder in closed form, and a decoder that is trained.

The encoder is the principal components of 8 x 8 patches, written into the convolutions of `diffusers.AutoencoderTiny`
(Bohan, TAESD) without its non-linear blocks: it takes no training, and latents are known before the decoder is.
Sources: Pearson 1901 (principal components); the half whitening and the losses are ours.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from torch import nn

from sonicdiffusion.data.shards import Shards
from sonicdiffusion.errors import ConfigError
from sonicdiffusion.training.loop import LoopSettings, Losses, StepRecord, Turn, train

_FITTED_PICTURES = 1500


@dataclass(frozen=True)
class AutoencoderRecipe:
    """The autoencoder's size and training.

    Args:
        num_pictures: pictures it sees.
        channels: width of every layer; what a patch holds before the last halving must fit into it.
        latent_channels: numbers for each latent position.
        num_halvings: how often the resolution is halved; 3 makes a position of 8 x 8 pixels.
        crop: side of the training crops in pixels.
        latent_noise: standard deviation of the noise added to latents in training, as a share of theirs, so that near
            latents decode alike.
        edge_weight: weight of the loss on neighbouring differences, which keeps thin things.
        loop: length and rates of the decoder's training.
    """

    num_pictures: int = 16_000
    channels: int = 48
    latent_channels: int = 12
    num_halvings: int = 3
    crop: int = 64
    latent_noise: float = 0.1
    edge_weight: float = 1.0
    loop: LoopSettings = field(default_factory=LoopSettings)

    def __post_init__(self) -> None:
        needed = max(3 * 4 ** (self.num_halvings - 1), self.latent_channels)
        if self.channels < needed:
            raise ConfigError(
                f"An encoder of {self.num_halvings} halvings and {self.latent_channels} latent channels needs at "
                f"least {needed} channels; got {self.channels}."
            )


def build_autoencoder(recipe: AutoencoderRecipe) -> AutoencoderTiny:
    """Build the network: a linear encoder, and a decoder most of whose layers work at low, cheap resolution."""
    levels = recipe.num_halvings + 1
    widths = (recipe.channels,) * levels
    return AutoencoderTiny(
        latent_channels=recipe.latent_channels,
        encoder_block_out_channels=widths,
        decoder_block_out_channels=widths,
        num_encoder_blocks=(0,) * levels,
        num_decoder_blocks=(3, 3, 2, 1, 0)[-levels:],
        scaling_factor=1.0,
    )


def patch_components(images: np.ndarray, halvings: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what a linear encoder of patches keeps: the principal components of the images' patches.

    Each component is divided by the fourth root of its variance. Left as they are, the first would drown the others in
    the noise of diffusion; whitened, fine grain would weigh as much as the scene. All are scaled to a mean square of
    1/4, where the decoder's soft clipping at 3 hardly touches them.

    Args:
        images: uint8 pictures, shape (pictures, height, width, 3), sides divisible by 2 ** halvings.
        halvings: a patch is 2 ** halvings pixels wide.
        count: components kept.

    Returns:
        Basis (count, numbers in a patch) and offset (count,): a patch of values in [0, 1] becomes basis @ patch +
        offset. A patch is ordered as nested quarters: the last halving's (row, column) first, RGB last.
    """
    side = 2**halvings
    pictures, height, width, _ = images.shape
    axes = (height // side, *(2,) * halvings, width // side, *(2,) * halvings, 3)
    rows, columns = range(2, 2 + halvings), range(3 + halvings, 3 + 2 * halvings)
    order = (0, 1, 2 + halvings, *(axis for pair in zip(rows, columns, strict=True) for axis in pair), 3 + 2 * halvings)
    patches = images.reshape(pictures, *axes).transpose(order).reshape(-1, side * side * 3).astype(np.float32) / 255.0
    mean = patches.mean(axis=0)
    variances, vectors = np.linalg.eigh(np.cov(patches.T))
    kept = np.maximum(variances[::-1][:count], 1e-8)
    basis = (vectors[:, ::-1][:, :count] / kept**0.25).T * (0.5 / np.sqrt(np.sqrt(kept).mean()))
    return basis.astype(np.float32), (-basis @ mean).astype(np.float32)


@torch.no_grad()
def set_encoder(network: AutoencoderTiny, basis: np.ndarray, offset: np.ndarray) -> None:
    """Write a linear encoder of patches into the network's convolutions, exactly, and freeze it.

    Args:
        network: as `build_autoencoder` builds it.
        basis: as `patch_components` returns it.
        offset: likewise.
    """
    first, *halvings, last = (layer for layer in network.encoder.layers if isinstance(layer, nn.Conv2d))
    for layer in (first, *halvings, last):
        layer.weight.zero_()
        layer.requires_grad_(False)
    count, held = len(basis), 3
    first.weight[:3, :3, 1, 1] = torch.eye(3)
    for number, layer in enumerate(halvings, start=1):
        parts = torch.eye(4 * held) if number < len(halvings) else torch.from_numpy(basis)
        # Stride 2 with border 1 puts the pixels of a 2 x 2 patch under rows and columns 1 and 2 of the kernel.
        for quarter in range(4):
            taps = parts[:, quarter * held : (quarter + 1) * held]
            layer.weight[: len(parts), :held, 1 + quarter // 2, 1 + quarter % 2] = taps
        held = 4 * held
    last.weight[:, :count, 1, 1] = torch.eye(count)
    for layer, bias in ((first, torch.zeros(len(first.weight))), (last, torch.from_numpy(offset))):
        assert layer.bias is not None  # AutoencoderTiny gives one to its first and last layer
        layer.bias.copy_(bias)


def train_autoencoder(recipe: AutoencoderRecipe, pictures: Shards, folder: Path) -> Iterator[StepRecord]:
    """Compute the encoder and train the decoder on random crops; the network is saved to `folder / "vae"`."""
    torch.manual_seed(recipe.loop.seed)
    network = build_autoencoder(recipe)
    some = pictures.read("image", np.arange(min(len(pictures), _FITTED_PICTURES)))
    set_encoder(network, *patch_components(some, recipe.num_halvings, recipe.latent_channels))
    network.to(memory_format=torch.channels_last)  # type: ignore[call-arg]

    def losses(module: Any, turn: Turn) -> Losses:
        generator = turn.generator
        image = _crops(pictures, recipe, generator).to(next(module.parameters()).device)
        with torch.no_grad():
            latents = module.encode(image).latents
        noise = torch.randn(latents.shape, generator=generator).to(latents)
        decoded = module.decode(latents + 0.5 * recipe.latent_noise * noise).sample.float()
        return {
            "pixels": F.l1_loss(decoded, image),
            "edges": recipe.edge_weight * edge_loss(decoded, image),
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
