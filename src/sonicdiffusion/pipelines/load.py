"""Pipelines loaded by the name of a model."""

import json
from pathlib import Path
from typing import Any, Self

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from sonicdiffusion.errors import ModelError
from sonicdiffusion.hub import resolve
from sonicdiffusion.models.image_model import ImageModel
from sonicdiffusion.pipelines.components import Components
from sonicdiffusion.pipelines.device import choose_device
from sonicdiffusion.pipelines.hearing import ADAPTER_FOLDER, ENCODER_FOLDER, Hearing, load_hearing
from sonicdiffusion.pipelines.safety import CHECKER_FOLDER, SafetyChecker


class PretrainedPipeline:
    """A pipeline of ours: it works with the parts of one model.

    Args:
        components: the networks; replace `components.scheduler` to sample by another diffusers scheduler.
    """

    def __init__(self, components: Components) -> None:
        self.components = components

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path = "mini",
        adapter: str | Path | None = None,
        device: str | torch.device | None = None,
        dtype: torch.dtype | None = None,
        *,
        check_safety: bool = True,
    ) -> Self:
        """Load a model.

        Args:
            name: a bundled model, a folder in diffusers' layout, or a hub id.
            adapter: an audio adapter, named likewise; by default the one inside the model.
            device: by default the accelerator if there is one, else the CPU.
            dtype: of the image model; by default float16 on a CUDA device, else float32. The audio side stays in
                float32, where it is cheap.
            check_safety: whether a model that has a safety checker uses it: pictures that it finds unsafe come out
                black.

        Raises:
            ConfigError: if the device cannot be used.
            MissingFileError: if the model, the adapter or a part of it does not exist.
            ModelError: if parts are damaged or do not fit each other.
        """
        place = choose_device(device)
        number = dtype or (torch.float16 if place.type == "cuda" else torch.float32)
        return cls(_load(name, adapter, place, number, check_safety))

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return self.components.device


def _load(
    name: str | Path, adapter: str | Path | None, device: torch.device, dtype: torch.dtype, check_safety: bool
) -> Components:
    folder = resolve(name, without=() if check_safety else (CHECKER_FOLDER,))
    model = ImageModel.load(folder, str(name), dtype)
    checker = SafetyChecker.load(folder, dtype) if check_safety and _has_checker(folder) else None
    hearing = _load_hearing(folder, adapter, model.unet)
    networks: list[Any] = [model.unet, model.vae, model.text_encoder, *([] if checker is None else [checker.network])]
    for network in networks:
        network.to(device)
    if hearing is not None:
        hearing.to(device)
    return Components(**vars(model), hearing=hearing, safety_checker=checker)


def _load_hearing(folder: Path, adapter: str | Path | None, unet: UNet2DConditionModel) -> Hearing | None:
    if adapter is None:
        return load_hearing(folder, unet) if (folder / ADAPTER_FOLDER).is_dir() else None
    place = resolve(adapter)
    has_encoder = any((part / ENCODER_FOLDER).is_dir() for part in (place, place.parent))
    beside = None if has_encoder or not (folder / ENCODER_FOLDER).is_dir() else folder / ENCODER_FOLDER
    return load_hearing(place, unet, beside)


def _has_checker(folder: Path) -> bool:
    """Tell whether a model names a safety checker; a folder without an index has one if its folder is there."""
    index = folder / "model_index.json"
    if not index.is_file():
        return (folder / CHECKER_FOLDER).is_dir()
    try:
        named = json.loads(index.read_text(encoding="utf-8")).get(CHECKER_FOLDER)
    except (OSError, ValueError, AttributeError) as problem:
        raise ModelError(f"{index} cannot be read. Copy the model again.") from problem
    return bool(named) and named[0] is not None
