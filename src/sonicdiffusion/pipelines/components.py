"""The parts of one pipeline: an image model, and what hears."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from PIL import Image

from sonicdiffusion.errors import ModelError
from sonicdiffusion.models.image_model import ImageModel
from sonicdiffusion.pipelines.hearing import Hearing
from sonicdiffusion.pipelines.safety import SafetyChecker


@dataclass(eq=False)
class Components(ImageModel):
    """An image model whose UNet has the adapter installed, if there is one.

    Args:
        hearing: None for a model without an adapter.
        safety_checker: None for a model without one, or where it was left out.
    """

    hearing: Hearing | None = None
    safety_checker: SafetyChecker | None = None

    @cached_property
    def fingerprint(self) -> str:
        """A short name of the weights, by a few numbers of each: enough to tell one training from another."""
        digest = hashlib.sha256()
        parts = [self.unet, self.vae, self.text_encoder]
        if self.hearing is not None:
            parts += [self.hearing.encoder, self.hearing.projector]
        for part in parts:
            for name, value in part.state_dict().items():
                digest.update(name.encode() + value.flatten()[:16].float().cpu().numpy().tobytes())
        return digest.hexdigest()[:16]

    def require_hearing(self) -> Hearing:
        """Return what hears.

        Raises:
            ModelError: if the model has no adapter.
        """
        if self.hearing is None:
            raise ModelError(
                f"The model {self.name!r} has no audio adapter, so it cannot hear. "
                "Load it with from_pretrained(name, adapter=...)."
            )
        return self.hearing

    def make_safe(self, images: Sequence[Image.Image]) -> tuple[list[Image.Image], list[bool] | None]:
        """Return pictures, black where the safety checker found one unsafe, and which it was; None: nothing checked."""
        return (list(images), None) if self.safety_checker is None else self.safety_checker(images)
