"""The linear encoder of the bundled model's autoencoder: exact, frozen, and worth its latents."""

from pathlib import Path

import numpy as np
import pytest
import torch

from sonicdiffusion.data.shards import SHARD_SIZE, Shards
from sonicdiffusion.errors import ConfigError
from sonicdiffusion.soundscapes.picture.paint import paint
from sonicdiffusion.soundscapes.scene import sample_scene
from sonicdiffusion.training.autoencoder import (
    AutoencoderRecipe,
    build_autoencoder,
    patch_components,
    set_encoder,
    to_tensor,
    train_autoencoder,
)
from sonicdiffusion.training.loop import LoopSettings


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.stack([paint(sample_scene(seed), size=(96, 128)).image for seed in range(12)])


def encode(images: np.ndarray, recipe: AutoencoderRecipe) -> torch.Tensor:
    network = build_autoencoder(recipe)
    set_encoder(network, *patch_components(images, recipe.num_halvings, recipe.latent_channels))
    with torch.no_grad():
        return network.encode(to_tensor(images), return_dict=False)[0]


def test_each_position_is_its_patch_on_the_components(images: np.ndarray) -> None:
    basis, offset = patch_components(images, 3, 12)
    latents = encode(images, AutoencoderRecipe()).numpy()
    assert latents.shape == (12, 12, 12, 16)
    for row, column in ((0, 0), (11, 15), (5, 9)):
        patch = images[:, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8] / 255.0
        # From y, x to nested quarters: the highest bit of each first.
        bits = patch.reshape(-1, 2, 2, 2, 2, 2, 2, 3).transpose(0, 1, 4, 2, 5, 3, 6, 7)
        expected = bits.reshape(len(images), 192) @ basis.T + offset
        np.testing.assert_allclose(latents[:, :, row, column], expected, atol=1e-5)


def test_latents_are_centred_uncorrelated_and_of_mean_square_one_quarter(images: np.ndarray) -> None:
    flat = encode(images, AutoencoderRecipe()).transpose(0, 1).flatten(1).numpy()
    np.testing.assert_allclose(flat.mean(axis=1), 0.0, atol=1e-4)
    covariance = np.cov(flat)
    assert np.trace(covariance) / len(flat) == pytest.approx(0.25, rel=1e-3)
    np.testing.assert_allclose(covariance - np.diag(np.diag(covariance)), 0.0, atol=1e-3)


def test_all_components_of_a_patch_lose_nothing(images: np.ndarray) -> None:
    basis, offset = patch_components(images, 1, 12)
    latents = encode(images, AutoencoderRecipe(channels=12, latent_channels=12, num_halvings=1)).numpy()
    patches = np.linalg.solve(basis.astype(np.float64), (latents.transpose(0, 2, 3, 1) - offset)[..., None])[..., 0]
    pictures = patches.reshape(12, 48, 64, 2, 2, 3).transpose(0, 1, 3, 2, 4, 5).reshape(images.shape)
    np.testing.assert_allclose(pictures, images / 255.0, atol=1e-3)


def test_training_leaves_the_encoder_and_improves_the_decoder(tmp_path: Path, images: np.ndarray) -> None:
    (tmp_path / "shard").mkdir()
    np.save(tmp_path / "shard" / "image.npy", np.resize(images, (SHARD_SIZE, *images.shape[1:])))
    settings = LoopSettings(num_steps=30, batch_size=4, learning_rate=2e-3, warmup_steps=1)
    recipe = AutoencoderRecipe(channels=12, latent_channels=6, num_halvings=2, crop=32, loop=settings)
    steps = list(train_autoencoder(recipe, Shards((tmp_path / "shard",)), tmp_path / "run"))
    assert steps[-1].losses["pixels"] < 0.7 * steps[0].losses["pixels"]
    vae = type(build_autoencoder(recipe)).from_pretrained(tmp_path / "run" / "vae")
    fresh = build_autoencoder(recipe)
    set_encoder(fresh, *patch_components(np.resize(images, (SHARD_SIZE, *images.shape[1:])), 2, 6))
    for name, value in fresh.encoder.state_dict().items():
        torch.testing.assert_close(vae.encoder.state_dict()[name], value, msg=name)


def test_a_width_that_cannot_hold_a_patch_is_refused() -> None:
    with pytest.raises(ConfigError, match="needs at least 48 channels; got 40"):
        AutoencoderRecipe(channels=40)
