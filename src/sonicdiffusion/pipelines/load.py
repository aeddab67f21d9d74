"""Models loaded from folders in diffusers' layout."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any, Self

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors import SafetensorError
from transformers.models.clip.modeling_clip import CLIPTextModel
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from sonicdiffusion.errors import MissingFileError, ModelError
from sonicdiffusion.hub import resolve
from sonicdiffusion.models.folders import load_network
from sonicdiffusion.pipelines.components import Components
from sonicdiffusion.pipelines.device import choose_device
from sonicdiffusion.pipelines.hearing import ADAPTER_FOLDER, ENCODER_FOLDER, Hearing, load_hearing
from sonicdiffusion.pipelines.safety import CHECKER_FOLDER, SafetyChecker

_AUTOENCODERS = {
    "AutoencoderKL": "diffusers.models.autoencoders.autoencoder_kl",
    "AutoencoderTiny": "diffusers.models.autoencoders.autoencoder_tiny",
}


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
    for part in ("tokenizer", "text_encoder", "vae", "unet", "scheduler"):
        if not (folder / part).is_dir():
            raise MissingFileError(
                f"The model {str(name)!r} has no folder '{part}'. Give a folder in diffusers' layout."
            )
    autoencoder, sampler = _autoencoder(folder / "vae"), _scheduler_kind(folder / "scheduler")
    try:
        unet = load_network(UNet2DConditionModel, folder / "unet", torch_dtype=dtype)
        vae = load_network(autoencoder, folder / "vae", torch_dtype=dtype)
        text_encoder = load_network(CLIPTextModel, folder / "text_encoder", dtype=dtype)
        tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
        scheduler = sampler.from_pretrained(folder / "scheduler")
        checker = SafetyChecker.load(folder, dtype) if check_safety and _has_checker(folder) else None
    except (MissingFileError, ModelError):
        raise
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError) as problem:
        raise ModelError(
            f"The model {str(name)!r} cannot be loaded ({problem}). Copy or download it again."
        ) from problem
    if getattr(unet.config, "addition_embed_type", None) is not None:
        raise ModelError(
            f"The model {str(name)!r} is of the XL family, which this pipeline does not run yet. "
            "Use a Stable Diffusion 1.x or 2.x model, or install the adapter into a diffusers pipeline."
        )
    hearing = _load_hearing(folder, adapter, unet)
    for network in (unet, vae, text_encoder, *([] if checker is None else [checker.network])):
        network.to(device).eval().requires_grad_(False)
    if hearing is not None:
        hearing.to(device)
    return Components(str(name), tokenizer, text_encoder, vae, unet, scheduler, hearing, checker)


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


def _autoencoder(folder: Path) -> Any:
    kind = _class_name(folder / "config.json")
    if kind not in _AUTOENCODERS:
        raise ModelError(f"The autoencoder is a {kind!r}; known are {', '.join(_AUTOENCODERS)}. Use one of them.")
    return getattr(import_module(_AUTOENCODERS[kind]), kind)


def _scheduler_kind(folder: Path) -> Any:
    kind = _class_name(folder / "scheduler_config.json")
    # The name comes from a file: only schedulers of diffusers are looked up.
    found = getattr(import_module("diffusers"), kind, None) if kind.endswith("Scheduler") else None
    if found is None:
        raise ModelError(f"diffusers has no scheduler {kind!r}. Name one it has in {folder}.")
    return found


def _class_name(path: Path) -> str:
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["_class_name"])
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise ModelError(f"{path} does not name its class. Copy the model again.") from problem
