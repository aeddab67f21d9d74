"""CLIP by transformers: pictures and texts in one space.

Source: Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision", arXiv 2103.00020;
the preprocessing is that of its published code: short side to the network's size by bicubic resampling, centre crop.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import normalize
from transformers.models.clip.modeling_clip import CLIPModel
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from sonicdiffusion.errors import ModelError
from sonicdiffusion.evaluation.bench import Pictures
from sonicdiffusion.evaluation.extractors.extractor import Embeddings, ExtractorFacts, weights_version
from sonicdiffusion.hub import resolve
from sonicdiffusion.models.folders import load_network

MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
_BATCH = 32

# Width of the vision network, patch and picture size in pixels, width of the embedding.
_PUBLISHED = {
    (768, 32, 224, 512): "CLIP ViT-B/32",
    (768, 16, 224, 512): "CLIP ViT-B/16",
    (1024, 14, 224, 768): "CLIP ViT-L/14",
    (1024, 14, 336, 768): "CLIP ViT-L/14@336",
}


class ClipExtractor:
    """A CLIP's two halves, to embeddings of length 1.

    Args:
        network: both halves.
        tokenizer: that of its text half.
    """

    def __init__(self, network: CLIPModel, tokenizer: CLIPTokenizer) -> None:
        self._network, self._tokenizer = network.eval(), tokenizer
        config: Any = network.config
        vision = config.vision_config
        shape = (vision.hidden_size, vision.patch_size, vision.image_size, config.projection_dim)
        name = _PUBLISHED.get(shape, f"CLIP of width {shape[0]}, patch {shape[1]}")
        self.facts = ExtractorFacts(name, weights_version(network), shape[3], shape in _PUBLISHED)

    @classmethod
    def load(cls, name: str | Path, device: torch.device | str = "cpu") -> "ClipExtractor":
        """Load a `CLIPModel` with its tokenizer, from a folder or a hub id.

        Raises:
            MissingFileError: if there is no such folder.
            ModelError: if it cannot be read.
        """
        folder = resolve(name)
        try:
            network = load_network(CLIPModel, folder, dtype=torch.float32)
            tokenizer = CLIPTokenizer.from_pretrained(folder)
        except (OSError, ValueError, RuntimeError) as problem:
            raise ModelError(
                f"The CLIP in '{name}' cannot be read ({problem}). Give a folder or hub id with the weights of a "
                "CLIPModel in safetensors and its tokenizer."
            ) from problem
        return cls(network.to(device), tokenizer)

    @torch.inference_mode()
    def pictures(self, pictures: Pictures) -> Embeddings:
        """Return unit embeddings, (pictures, width)."""
        vision: Any = self._network.config.vision_config
        parts = []
        for start in range(0, len(pictures), _BATCH):
            pixels = preprocess(pictures[start : start + _BATCH], vision.image_size).to(self._network.device)
            output: Any = self._network.get_image_features(pixel_values=pixels)  # type: ignore[arg-type]
            parts.append(normalize(output.pooler_output, dim=-1).cpu().numpy())
        return np.concatenate(parts)

    @torch.inference_mode()
    def texts(self, texts: Sequence[str]) -> Embeddings:
        """Return unit embeddings, (texts, width); a text is cut off where the network's positions end."""
        text: Any = self._network.config.text_config
        found: Any = self._tokenizer(
            list(texts), padding=True, truncation=True, max_length=text.max_position_embeddings, return_tensors="pt"
        ).to(self._network.device)
        output: Any = self._network.get_text_features(
            input_ids=found["input_ids"], attention_mask=found["attention_mask"]
        )
        return normalize(output.pooler_output, dim=-1).cpu().numpy()


def preprocess(pictures: Pictures, size: int) -> Tensor:
    """Return pictures as CLIP sees them, (pictures, 3, size, size), normalised by CLIP's own mean and deviation."""
    height, width = pictures.shape[1:3]
    scale = size / min(height, width)
    fitted = (size, int(width * scale)) if height <= width else (int(height * scale), size)
    top, left = round((fitted[0] - size) / 2), round((fitted[1] - size) / 2)
    crops = []
    for picture in pictures:
        resized = Image.fromarray(picture).resize((fitted[1], fitted[0]), Image.Resampling.BICUBIC)
        crops.append(np.asarray(resized)[top : top + size, left : left + size])
    scaled = np.stack(crops).astype(np.float32) / 255.0
    normal = (scaled - np.array(MEAN, np.float32)) / np.array(DEVIATION, np.float32)
    return torch.from_numpy(normal).permute(0, 3, 1, 2)
