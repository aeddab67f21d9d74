"""Pictures as latents, computed once: what the text encoder and the UNet learn from."""

from pathlib import Path

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny

from sonicdiffusion.data.shards import SHARD_SIZE, Shards
from sonicdiffusion.training.autoencoder import to_tensor


@torch.no_grad()
def encode_pictures(vae: AutoencoderTiny, pictures: Shards, path: Path) -> np.ndarray:
    """Return the latents of all pictures, computing them if `path` does not hold them.

    Args:
        vae: a trained autoencoder.
        pictures: shards with an array "image".
        path: an .npy file, written whole or not at all.

    Returns:
        float16, shape (pictures, channels, height, width).
    """
    if not path.exists():
        vae.eval().to(memory_format=torch.channels_last)  # type: ignore[call-arg]
        parts = []
        for start in range(0, len(pictures), SHARD_SIZE // 5):
            images = pictures.read("image", np.arange(start, start + SHARD_SIZE // 5))
            parts.append(vae.encode(to_tensor(images), return_dict=False)[0].numpy().astype(np.float16))
        scratch = path.with_suffix(".writing.npy")
        np.save(scratch, np.concatenate(parts))
        scratch.replace(path)
    return np.load(path)


def normalise_autoencoder(vae: AutoencoderTiny, latents: np.ndarray) -> None:
    """Scale the autoencoder in place so that its latents have standard deviation 1 over the given ones.

    The factor goes where every diffusers pipeline looks for it: `vae.config.scaling_factor`.
    """
    vae.register_to_config(scaling_factor=float(1.0 / latents.astype(np.float32).std()))
