"""Weights that are the same on every machine, so that two implementations of a network can be laid side by side."""

import zlib

import numpy as np
import torch
from torch import Tensor, nn


def random_weights(network: nn.Module) -> dict[str, Tensor]:
    """Return weights for every parameter and buffer but windows, drawn from the name of each."""
    found = {}
    for name, value in network.state_dict().items():
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        if name.endswith(("num_batches_tracked", "window")):
            found[name] = value
            continue
        if name.endswith("running_var"):
            drawn = rng.uniform(0.5, 1.5, value.shape)
        elif value.ndim > 1:
            drawn = rng.normal(0.0, np.sqrt(2.0 / value[0].numel()), value.shape)
        else:
            drawn = rng.normal(1.0 if name.endswith("weight") else 0.0, 0.1, value.shape)
        found[name] = torch.from_numpy(drawn.astype(np.float32))
    return found


def random_pictures(height: int, width: int) -> np.ndarray:
    """Return two pictures, smooth in part and noisy in part, (2, height, width, 3)."""
    rng = np.random.default_rng(5)
    slope = np.linspace(0, 200, width)[None, None, :, None] * np.ones((2, height, 1, 3))
    return (slope + rng.integers(0, 56, slope.shape)).astype(np.uint8)


def random_sound() -> np.ndarray:
    """Return 1.5 seconds at 16 kHz: a rising tone in noise, float32."""
    time = np.arange(24_000) / 16_000
    tone = np.sin(2 * np.pi * (300 + 400 * time) * time)
    return (0.4 * tone + 0.05 * np.random.default_rng(6).normal(size=time.size)).astype(np.float32)
