"""Where in the picture the sound acts: what the audio layers add for the sound and would not add for silence.

Attention itself cannot tell: its weights over the audio tokens sum to 1 in every place. What the layers add to the
hidden states, against what they add for null audio in the same step, is large where the sound has something to say.

Source: ours; after Tang et al. 2022, "What the DAAM", arXiv 2210.04885, in averaging over layers and steps.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import interpolate

from sonicdiffusion.errors import ConfigError
from sonicdiffusion.models.audio_adapter import AudioAdapter


class HeatMaps:
    """What the audio layers of one adapter do, gathered over the calls of its UNet.

    Args:
        size: height and width of the latents.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self._sum: Tensor | float = 0.0
        self._count = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing was seen yet: no sound acted, or none was guided by."""
        return not self._count

    @contextmanager
    def watching(self, adapter: AudioAdapter, num_images: int, sites: Sequence[str] | None = None) -> Iterator[None]:
        """Gather what is added while the UNet is called with so many pictures; the rows with sound come last.

        Args:
            adapter: whose layers are watched.
            num_images: pictures in a batch.
            sites: of those layers; all unless given.
        """
        chosen = adapter.branches if sites is None else {site: adapter.branches[site] for site in sites}

        def add(_layer: nn.Module, _given: Any, added: Any) -> None:
            self._add(added, num_images)

        handles = [branch.register_forward_hook(add) for branch in chosen.values()]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def maps(self) -> NDArray[np.float32]:
        """Return the maps (images, height, width) in the size of the latents, each from 0 to 1 at its strongest.

        Raises:
            ConfigError: if nothing was seen.
        """
        if self.is_empty:
            raise ConfigError(
                "No heat map: the sound acted in no step, or without guidance by it. Give it steps, and an "
                "audio_guidance other than 0 and 1."
            )
        mean = self._sum / self._count
        assert isinstance(mean, Tensor)
        mean = mean - mean.amin(dim=(1, 2), keepdim=True)
        return (mean / mean.amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)).cpu().numpy()

    @torch.no_grad()
    def _add(self, added: Tensor, num_images: int) -> None:
        if len(added) <= num_images:
            return  # without a prediction for silence beside it, nothing can be told
        sound = added[-num_images:].float() - added[:num_images].float()
        strength = sound.norm(dim=-1)  # (images, positions)
        height, width = self.size
        tall = round(math.sqrt(strength.shape[1] * height / width))
        grid = strength.reshape(num_images, 1, tall, -1)
        # Layers differ in scale: each counts by its own mean.
        grid = grid / grid.mean(dim=(2, 3), keepdim=True).clamp(min=1e-12)
        self._sum = self._sum + interpolate(grid, size=self.size, mode="bilinear", align_corners=False)[:, 0]
        self._count += 1


def overlay(picture: Image.Image, heat: NDArray[Any]) -> Image.Image:
    """Return a picture in grey, with its heat map over it: red where the sound acts, yellow where it acts most.

    What is cooler than a third of the hottest place stays grey.

    Args:
        picture: RGB.
        heat: numbers in [0, 1], (height, width) of any size.
    """
    levels = Image.fromarray((np.asarray(heat) * 255).round().astype(np.uint8)).resize(
        picture.size, Image.Resampling.BICUBIC
    )
    share = ((np.asarray(levels, np.float32)[..., None] / 255 - 1 / 3) * 1.5).clip(0, 1)
    colour = np.concatenate([np.full_like(share, 255.0), 220 * share**2, np.zeros_like(share)], axis=2)
    grey = np.asarray(picture.convert("L").convert("RGB"), np.float32)
    mixed = grey * (1 - 0.7 * share) + colour * 0.7 * share
    return Image.fromarray(mixed.round().clip(0, 255).astype(np.uint8))


def hot_mask(maps: NDArray[np.float32], reach: float) -> Tensor:
    """Return soft masks (images, 1, height, width) of heat maps, hot from `reach` below Otsu's threshold on."""
    masks = []
    for heat in maps:
        grey = (heat * 255).round().astype(np.uint8)
        level, _ = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
        masks.append(1 / (1 + np.exp(-(grey.astype(np.float32) - level + 255 * reach) / 12)))
    return torch.from_numpy(np.stack(masks)).float()[:, None]
