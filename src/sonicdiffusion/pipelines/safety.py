"""Stable Diffusion's safety checker: pictures that it finds unsafe come out black, as in diffusers' pipelines."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from PIL import Image
from safetensors import SafetensorError
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from sonicdiffusion.errors import MissingFileError, ModelError
from sonicdiffusion.models.folders import load_network

CHECKER_FOLDER = "safety_checker"
_FEATURES_FOLDER = "feature_extractor"


class SafetyChecker:
    """Finds unsafe pictures.

    Args:
        network: `StableDiffusionSafetyChecker` of diffusers.
        feature_extractor: brings pictures to the network's size and range.
    """

    def __init__(self, network: Any, feature_extractor: CLIPImageProcessorPil) -> None:
        self.network, self.feature_extractor = network, feature_extractor

    @classmethod
    def load(cls, folder: Path, dtype: torch.dtype) -> "SafetyChecker":
        """Load the checker of a model's folder.

        Raises:
            MissingFileError: if a part is not there.
            ModelError: if it is damaged.
        """
        for part in (CHECKER_FOLDER, _FEATURES_FOLDER):
            if not (folder / part).is_dir():
                raise MissingFileError(
                    f"The model in {folder} names a safety checker but has no folder '{part}'. Copy or download it "
                    "again, or load the model without: check_safety=False, --no-safety-checker."
                )
        try:
            network = load_network(StableDiffusionSafetyChecker, folder / CHECKER_FOLDER, dtype=dtype)
            features = CLIPImageProcessorPil.from_pretrained(folder / _FEATURES_FOLDER)
        except (OSError, ValueError, RuntimeError, TypeError, SafetensorError) as problem:
            raise ModelError(
                f"The safety checker in {folder} cannot be loaded ({problem}). Copy or download it again."
            ) from problem
        return cls(network.eval().requires_grad_(False), features)

    @torch.no_grad()
    def __call__(self, images: Sequence[Image.Image]) -> tuple[list[Image.Image], list[bool]]:
        """Return the pictures with black ones for those that are unsafe, and which were."""
        weights = self.network.visual_projection.weight
        seen: Any = self.feature_extractor(list(images), return_tensors="pt")
        # It would blacken arrays; what is used is its second answer. It logs a warning by itself.
        _, unsafe = self.network(seen.pixel_values.to(weights), [torch.zeros(())] * len(images))
        pairs = zip(images, unsafe, strict=True)
        return [Image.new("RGB", image.size) if bad else image for image, bad in pairs], [bool(bad) for bad in unsafe]
