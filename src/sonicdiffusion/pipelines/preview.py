"""Pictures of fixed sounds while an adapter is trained."""

from pathlib import Path
from typing import Any

import torch
from transformers.utils import logging

from sonicdiffusion.data.prepared import PreparedData
from sonicdiffusion.hub import resolve
from sonicdiffusion.models.adapter_file import AdapterConfig
from sonicdiffusion.models.encoders import find_encoder, load_encoder
from sonicdiffusion.models.image_model import ImageModel
from sonicdiffusion.pipelines.components import Components
from sonicdiffusion.pipelines.generate import GenerationPipeline
from sonicdiffusion.pipelines.hearing import Hearing
from sonicdiffusion.pipelines.picture_files import PictureFolder
from sonicdiffusion.pipelines.safety import CHECKER_FOLDER

_MOST = 8


class Preview:
    """Draws the same sounds with the same seeds each time it is called.

    Args:
        base: bundled name, folder or hub id of the image model.
        encoder: the same for the audio encoder.
        data: prepared data; the sounds come from its test split, one of each class, or without one from what is learnt.
        folder: where a sheet of pictures goes each time.
    """

    def __init__(self, base: str, encoder: str, data: Path, folder: Path) -> None:
        self._base, self._encoder, self._folder = base, encoder, folder
        self._base_folder = resolve(base, without=(CHECKER_FOLDER,))
        prepared = PreparedData(data)
        split = prepared.split("test" if "test" in prepared.splits else prepared.splits[0])
        firsts = {label: index for index, label in reversed(list(enumerate(split.labels)))}
        chosen = sorted(firsts.values())[:_MOST] if len(firsts) > 1 else list(range(min(_MOST, len(split))))
        self._sounds = [next(iter(split.pictures_and_sounds(index, index + 1)))[1] for index in chosen]

    @torch.no_grad()
    def __call__(self, branch: Any, config: AdapterConfig, step: int) -> None:
        """Draw with the weights of a branch (UNet, projector, adapter) after a step."""
        logging.disable_progress_bar()
        model = ImageModel.load(self._base_folder, self._base, with_unet=False)
        encoder = load_encoder(find_encoder(self._encoder))
        device = branch.projector.out.weight.device
        for network in (model.vae, model.text_encoder, encoder):
            network.to(device)
        hearing = Hearing(config, encoder, branch.projector, branch.adapter)
        parts = {**vars(model), "unet": branch.unet}
        pipeline = GenerationPipeline(Components(**parts, hearing=hearing))
        made = pipeline(self._sounds)
        pictures = PictureFolder(self._folder)
        pictures.save(made.images, f"step-{step:06d}", made.settings)
