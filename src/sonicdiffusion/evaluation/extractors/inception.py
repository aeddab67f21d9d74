"""Inception v3 of 2015-12-05, the network that FID is defined by.

References:
    Szegedy et al. 2016, "Rethinking the Inception Architecture for Computer Vision", arXiv 1512.00567: the blocks.
    Heusel et al. 2017, arXiv 1706.08500: FID reads the 2048 numbers of the last pooling.

The frozen graph of that date, which FID goes by everywhere, differs from later ones in its pooling: the mean leaves
out padding, and the last block takes the maximum. Names of weights are those of its published conversions to torch.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, max_pool2d

from sonicdiffusion.errors import ModelError
from sonicdiffusion.evaluation.bench import Pictures
from sonicdiffusion.evaluation.extractors.extractor import Embeddings, ExtractorFacts, weights_version
from sonicdiffusion.models.folders import read_tensors

WIDTH = 2048
SIZE = 299
_BATCH = 32


class Convolution(nn.Module):
    """Convolution, normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int | tuple[int, int], stride: int = 1, pad: bool = False):
        super().__init__()
        sides = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (sides[0] // 2, sides[1] // 2) if pad else (0, 0)
        self.conv = nn.Conv2d(inputs, outputs, sides, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, maps: Tensor) -> Tensor:
        """Map (batch, inputs, height, width) to (batch, outputs, ...)."""
        return self.bn(self.conv(maps)).relu()


# A branch is a chain of convolutions: name, outputs, kernel. Two names joined by "|" end a chain side by side.
Chain = tuple[tuple[str, int, int | tuple[int, int]], ...]


class Mixed(nn.Module):
    """A block of branches side by side, their maps joined.

    Args:
        inputs: channels.
        chains: of convolutions; in a block that halves the resolution, each chain's last one does it, without padding.
        pool: "mean" or "max" before a convolution of `pooled` channels, or "halve" for a maximum that is one itself.
        pooled: channels of the pooling branch.
    """

    def __init__(self, inputs: int, chains: tuple[Chain, ...], pool: str, pooled: int = 0) -> None:
        super().__init__()
        self._pool, self._names = pool, []
        for chain in chains:
            width, names = inputs, []
            for place, (name, outputs, kernel) in enumerate(chain):
                halves = pool == "halve" and place == len(chain) - 1
                for one, sides in zip(name.split("|"), _sides(name, kernel), strict=True):
                    self.add_module(one, Convolution(width, outputs, sides, 2 if halves else 1, pad=not halves))
                width = outputs
                names.append(name.split("|"))
            self._names.append(names)
        if pooled:
            self.branch_pool = Convolution(inputs, pooled, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """Map (batch, inputs, height, width) to (batch, outputs, same or half size)."""
        found = []
        for names in self._names:
            heads = [maps]
            for step in names:
                heads = [self.get_submodule(name)(heads[0]) for name in step]
            found += heads
        if self._pool == "halve":
            return torch.cat([*found, max_pool2d(maps, 3, 2)], dim=1)
        if self._pool == "max":
            pooled = max_pool2d(maps, 3, 1, 1)
        else:
            pooled = avg_pool2d(maps, 3, 1, 1, count_include_pad=False)
        return torch.cat([*found, self.branch_pool(pooled)], dim=1)


def _sides(name: str, kernel: int | tuple[int, int]) -> list[int | tuple[int, int]]:
    return [(1, 3), (3, 1)] if "|" in name else [kernel]


def _block_a(inputs: int, pooled: int) -> Mixed:
    five: Chain = (("branch5x5_1", 48, 1), ("branch5x5_2", 64, 5))
    three: Chain = (("branch3x3dbl_1", 64, 1), ("branch3x3dbl_2", 96, 3), ("branch3x3dbl_3", 96, 3))
    return Mixed(inputs, ((("branch1x1", 64, 1),), five, three), "mean", pooled)


def _block_c(width: int) -> Mixed:
    once: Chain = (("branch7x7_1", width, 1), ("branch7x7_2", width, (1, 7)), ("branch7x7_3", 192, (7, 1)))
    kernels = (1, (7, 1), (1, 7), (7, 1), (1, 7))
    widths = (width, width, width, width, 192)
    twice: Chain = tuple((f"branch7x7dbl_{i + 1}", widths[i], kernels[i]) for i in range(5))
    return Mixed(768, ((("branch1x1", 192, 1),), once, twice), "mean", 192)


def _block_e(inputs: int, pool: str) -> Mixed:
    once: Chain = (("branch3x3_1", 384, 1), ("branch3x3_2a|branch3x3_2b", 384, 3))
    twice: Chain = (
        ("branch3x3dbl_1", 448, 1),
        ("branch3x3dbl_2", 384, 3),
        ("branch3x3dbl_3a|branch3x3dbl_3b", 384, 3),
    )
    return Mixed(inputs, ((("branch1x1", 320, 1),), once, twice), pool, 192)


class InceptionV3(nn.Module):
    """The network up to its last pooling; the layer of 1008 classes is left out."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Convolution(3, 32, 3, 2)
        self.Conv2d_2a_3x3 = Convolution(32, 32, 3)
        self.Conv2d_2b_3x3 = Convolution(32, 64, 3, pad=True)
        self.Conv2d_3b_1x1 = Convolution(64, 80, 1)
        self.Conv2d_4a_3x3 = Convolution(80, 192, 3)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = _block_a(192, 32), _block_a(256, 64), _block_a(288, 64)
        three: Chain = (("branch3x3dbl_1", 64, 1), ("branch3x3dbl_2", 96, 3), ("branch3x3dbl_3", 96, 3))
        self.Mixed_6a = Mixed(288, ((("branch3x3", 384, 3),), three), "halve")
        self.Mixed_6b, self.Mixed_6c = _block_c(128), _block_c(160)
        self.Mixed_6d, self.Mixed_6e = _block_c(160), _block_c(192)
        seven: Chain = (
            ("branch7x7x3_1", 192, 1), ("branch7x7x3_2", 192, (1, 7)),
            ("branch7x7x3_3", 192, (7, 1)), ("branch7x7x3_4", 192, 3),
        )  # fmt: skip
        self.Mixed_7a = Mixed(768, ((("branch3x3_1", 192, 1), ("branch3x3_2", 320, 3)), seven), "halve")
        self.Mixed_7b, self.Mixed_7c = _block_e(1280, "mean"), _block_e(2048, "max")

    def forward(self, pictures: Tensor) -> Tensor:
        """Map pictures (batch, 3, 299, 299) in [-1, 1) to embeddings (batch, 2048)."""
        maps = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(pictures)))
        maps = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(max_pool2d(maps, 3, 2)))
        maps = max_pool2d(maps, 3, 2)  # (batch, 192, 35, 35)
        for block in (self.Mixed_5b, self.Mixed_5c, self.Mixed_5d, self.Mixed_6a, self.Mixed_6b, self.Mixed_6c):
            maps = block(maps)
        for block in (self.Mixed_6d, self.Mixed_6e, self.Mixed_7a, self.Mixed_7b, self.Mixed_7c):
            maps = block(maps)
        return maps.mean(dim=(2, 3))


class InceptionExtractor:
    """FID's 2048 numbers.

    Args:
        network: its weights.
    """

    def __init__(self, network: InceptionV3) -> None:
        self._network = network.eval()
        self.facts = ExtractorFacts("Inception v3, 2015-12-05", weights_version(network), WIDTH, is_published=True)

    @classmethod
    def load(cls, path: Path, device: torch.device | str = "cpu") -> "InceptionExtractor":
        """Load weights in safetensors; `sonicdiffusion convert-weights` makes them of a published checkpoint.

        Raises:
            MissingFileError: if there is no such file.
            ModelError: if it is damaged or holds other weights.
        """
        network = InceptionV3()
        tensors = {name: value for name, value in read_tensors(path).items() if not name.startswith("fc.")}
        try:
            network.load_state_dict(tensors, strict=False)
            missing = [n for n in network.state_dict() if n not in tensors and not n.endswith("num_batches_tracked")]
        except RuntimeError as problem:
            raise ModelError(f"{path} holds weights of another shape than Inception v3. Check the file.") from problem
        if missing:
            raise ModelError(f"{path} lacks {missing[0]!r} ({len(missing)} tensors missing). Check the file.")
        return cls(network.to(device))

    @torch.inference_mode()
    def pictures(self, pictures: Pictures) -> Embeddings:
        """Return embeddings, (pictures, 2048), as they are: not of unit length."""
        device = self._network.Conv2d_1a_3x3.conv.weight.device
        parts = []
        for start in range(0, len(pictures), _BATCH):
            batch = torch.from_numpy(np.ascontiguousarray(pictures[start : start + _BATCH])).permute(0, 3, 1, 2)
            resized = resize_as_tensorflow(batch.float().to(device), SIZE)
            parts.append(self._network((resized - 128.0) / 128.0).cpu().numpy())
        return np.concatenate(parts)


def resize_as_tensorflow(pictures: Tensor, size: int) -> Tensor:
    """Resize bilinearly as the frozen graph does: output pixel i reads at i * old / new, and nothing is smoothed.

    Args:
        pictures: shape (batch, channels, height, width).
        size: new height and width in pixels.

    Source: the operation ResizeBilinear of TensorFlow 1 with align_corners false, which FID's graph begins with.
    """
    for axis in (2, 3):
        old = pictures.shape[axis]
        place = torch.arange(size, device=pictures.device) * (old / size)
        low = place.long().clamp(max=old - 1)
        share = (place - low).reshape((-1, 1) if axis == 2 else (1, -1))
        upper = pictures.index_select(axis, (low + 1).clamp(max=old - 1))
        lower = pictures.index_select(axis, low)
        pictures = lower + (upper - lower) * share
    return pictures
