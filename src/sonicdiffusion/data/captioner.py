"""Captions by a model that looks at the pictures."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from PIL import Image

from sonicdiffusion.errors import ModelError
from sonicdiffusion.hub import resolve

_BATCH = 8  # pictures captioned at once
_LONGEST = 40  # tokens


class Captioner:
    """An image captioner of transformers, such as BLIP, BLIP-2 or GIT, on a GPU if there is one.

    Args:
        name: a folder or a hub id; its weights are safetensors.

    Raises:
        MissingFileError: if there is no such folder.
        ModelError: if it cannot be downloaded, or is no captioner.
    """

    def __init__(self, name: str) -> None:
        # Here and not above: preparation without a captioner needs neither.
        import torch
        from transformers import AutoModelForImageTextToText, AutoProcessor

        folder = resolve(name)
        try:
            self._processor: Any = AutoProcessor.from_pretrained(folder)
            model: Any = AutoModelForImageTextToText.from_pretrained(folder, use_safetensors=True)
        except (OSError, ValueError, KeyError, ImportError) as problem:
            reason = str(problem).strip().partition("\n")[0]
            raise ModelError(
                f"{name!r} cannot be loaded as an image captioner ({reason}). Give a folder or hub id of one that "
                "transformers knows, such as BLIP, with its weights as safetensors."
            ) from problem
        mps = torch.backends.mps.is_available()
        self._device = torch.device("cuda" if torch.cuda.is_available() else "mps" if mps else "cpu")
        self._model = model.to(self._device).eval()

    def __call__(self, pictures: Sequence[bytes]) -> list[str]:
        """Describe encoded pictures, by greedy decoding: the same picture gives the same words."""
        import torch

        captions: list[str] = []
        for first in range(0, len(pictures), _BATCH):
            images = [Image.open(BytesIO(picture)).convert("RGB") for picture in pictures[first : first + _BATCH]]
            inputs = self._processor(images=images, return_tensors="pt").to(self._device)
            with torch.inference_mode():
                tokens = self._model.generate(
                    pixel_values=inputs["pixel_values"], do_sample=False, num_beams=1, max_new_tokens=_LONGEST
                )
            captions += [text.strip() for text in self._processor.batch_decode(tokens, skip_special_tokens=True)]
        return captions
