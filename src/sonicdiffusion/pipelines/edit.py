"""A photograph changes to the sound: the place stays, and what happens in it is heard.

    pipeline = EditPipeline.from_pretrained("mini")
    photo = pipeline.prepare("valley.jpg")                 # once
    photo.edit("rain.wav").images[0].save("rainy.png")     # as often as you like

Sources: Biner et al. 2024, "SonicDiffusion", arXiv 2405.00878, section on editing; Tumanyan et al. 2023, "Plug-and-Play
Diffusion Features", arXiv 2211.12572. The references of the inversions are in `sonicdiffusion.diffusion.inversion`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sonicdiffusion.diffusion.inversion import NoiseLevels
from sonicdiffusion.errors import ConfigError
from sonicdiffusion.pipelines.audio_prompt import AudioPrompt
from sonicdiffusion.pipelines.edit_method import DEFAULT_METHOD, METHODS
from sonicdiffusion.pipelines.load import PretrainedPipeline
from sonicdiffusion.pipelines.photo import Framing, Photo, frame_photo, open_photo
from sonicdiffusion.pipelines.prepared_photo import EditResult, PreparedPhoto
from sonicdiffusion.pipelines.sound import Sound


class EditPipeline(PretrainedPipeline):
    """Edit photographs by sound; the model's scheduler is DDIM."""

    def prepare(
        self,
        photo: Photo | str | Path | bytes | Image.Image | NDArray[np.uint8],
        *,
        method: str = DEFAULT_METHOD,
        framing: Framing = "fit",
        num_steps: int | None = None,
        seed: int = 0,
    ) -> "PreparedPhoto":
        """Invert a photograph and keep what edits of it need, for as many of them as you like.

        Args:
            photo: a file, its bytes, a picture, RGB pixels (height, width, 3), or what `open_photo` has made of it.
            method: one of `METHODS`.
            framing: "fit" edits the whole photograph in its own aspect, "crop" its middle in the model's.
            num_steps: sampling steps; by default the method's own.
            seed: of the noise, for methods that draw any.

        Raises:
            ConfigError: if a setting is unknown or out of range.
            MissingFileError: if there is no such file.
            ModelError: if the model cannot hear, or has no place to keep a layout in.
            PictureError: if the photograph cannot be read.
        """
        if not 0 <= seed < 2**64:
            raise ConfigError(f"The seed {seed} does not lie between 0 and 2 ** 64 - 1.")
        if method not in METHODS:
            raise ConfigError(f"There is no method {method!r}; known are {', '.join(METHODS)}.")
        parts = self.components
        hearing = parts.require_hearing()
        steps = METHODS[method].num_steps(hearing.config.num_steps) if num_steps is None else num_steps
        opened = photo if isinstance(photo, Photo) else open_photo(photo)
        native = tuple(side * parts.pixels_per_latent for side in parts.latent_shape()[1:])
        frame = frame_photo(opened, framing, (native[0], native[1]), parts.size_multiple)
        source = parts.encode_pictures(frame.pixels[None]).float()
        return PreparedPhoto(parts, frame, source, method, NoiseLevels.of(parts.scheduler, steps), seed)

    def __call__(
        self,
        photo: Photo | str | Path | bytes | Image.Image | NDArray[np.uint8],
        audio: Sound | AudioPrompt | Sequence[Sound] | Sequence[AudioPrompt] | None,
        prompt: str | Sequence[str] = "",
        *,
        method: str = DEFAULT_METHOD,
        framing: Framing = "fit",
        num_steps: int | None = None,
        seed: int = 0,
        **settings: Any,
    ) -> EditResult:
        """Prepare a photograph and edit it once; `settings` are those of `PreparedPhoto.edit`."""
        prepared = self.prepare(photo, method=method, framing=framing, num_steps=num_steps, seed=seed)
        return prepared.edit(audio, prompt, **settings)
