"""Reproducible numbers for parity tests: a network is filled from the published names of its tensors.

The stored outputs in `tests/data/parity` were computed with weights from the same formula, so no weights are
stored: a seeded normal draw for each name, scaled by the square root of the fan-in, or set near 1 or 0 for
    norms and biases.
"""

import math
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

DATA = Path(__file__).parent / "data" / "parity"
PROJECTOR_NORMS = tuple(f"audio_emb_projection.{entry}.weight" for entry in (4, 7, 10))


def load_case(name: str) -> dict[str, Tensor]:
    """Load the stored inputs and outputs of one case."""
    return load_file(DATA / f"{name}.safetensors")


def numbers(published_name: str, shape: tuple[int, ...]) -> Tensor:
    """Return the numbers of the tensor with this published name."""
    stream = np.random.RandomState(zlib.crc32(published_name.encode()))  # its stream never changes
    draw = stream.standard_normal(shape).astype(np.float32)
    leaf = published_name.split(".")[-1]
    if leaf == "gate_adapter":
        values = 0.1 + 0.3 * np.abs(draw)
    elif leaf in {"bias", "running_mean"}:
        values = 0.02 * draw
    elif leaf == "running_var":
        values = 1 + 0.1 * np.abs(draw)
    elif "norm" in published_name or ".bn" in published_name or published_name in PROJECTOR_NORMS:
        values = 1 + 0.1 * draw
    else:
        values = draw / math.sqrt(max(1, math.prod(shape[1:])))
    return torch.from_numpy(np.asarray(values, dtype=np.float32))


def fill(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Return a state dict with published names, given the shape of each tensor."""
    return {name: numbers(name, tuple(shape)) for name, shape in shapes.items()}


def published_shapes(
    ours: Mapping[str, Tensor], published: Mapping[str, object], rename: Callable[[str], str]
) -> dict[str, tuple[int, ...]]:
    """Return the shapes that our tensors give to those published names that `rename` maps onto them."""
    return {name: tuple(ours[new].shape) for name in published if (new := rename(name)) in ours}


def largest_difference(one: Tensor, other: Tensor) -> float:
    """Return the largest absolute difference of two tensors of one shape."""
    assert one.shape == other.shape, f"{tuple(one.shape)} against {tuple(other.shape)}"
    return (one - other).abs().max().item()


def normal_input(name: str, shape: tuple[int, ...]) -> Tensor:
    """Return the standard normal numbers of an input that is not stored."""
    stream = np.random.RandomState(zlib.crc32(f"input:{name}".encode()))
    return torch.from_numpy(stream.standard_normal(shape).astype(np.float32))
