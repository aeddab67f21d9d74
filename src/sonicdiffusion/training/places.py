"""Where the models that a recipe names lie, and what tells one from another."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sonicdiffusion.errors import MissingFileError, ModelError
from sonicdiffusion.hub import resolve
from sonicdiffusion.models.folders import read_settings


def model_folder(name: str) -> Path:
    """Return the folder of an image model, downloading it if it is a hub id, without its safety checker.

    Raises:
        MissingFileError: if there is none.
        ModelError: if it cannot be downloaded.
    """
    return resolve(name, without=("safety_checker",))


def own_size(folder: Path) -> int:
    """Return the side of the latents that an image model was made for.

    Raises:
        MissingFileError: if the folder holds no UNet.
    """
    size: Any = read_settings(folder / "unet" / "config.json").get("sample_size")
    return int(size[0] if isinstance(size, list) else size)


def check_base(folder: Path, name: str) -> None:
    """Refuse an image model that no adapter can be trained for, before hours of work.

    Raises:
        MissingFileError: if a part is not there.
        ModelError: if the model is of another kind than text-to-image of Stable Diffusion 1.x or 2.x.
    """
    unet, vae, text = (read_settings(folder / part / "config.json") for part in ("unet", "vae", "text_encoder"))
    if unet.get("addition_embed_type") is not None:
        raise ModelError(f"{name!r} is of the XL family, for which no adapter can be trained here yet.")
    if unet.get("in_channels", 4) != vae.get("latent_channels", 4):
        raise ModelError(f"{name!r} is a model for inpainting or the like. Take the text-to-image model of its family.")
    if unet.get("cross_attention_dim") != text.get("hidden_size"):
        raise ModelError(
            f"The UNet of {name!r} takes text tokens {unet.get('cross_attention_dim')} wide; its text encoder makes "
            f"them {text.get('hidden_size')} wide. Copy or download the model again."
        )


def folder_digest(folder: Path, parts: Sequence[str]) -> str:
    """Return the SHA-256 of the files in some parts of a folder, their names included.

    Raises:
        MissingFileError: if there is no file.
    """
    digest = hashlib.sha256()
    paths = sorted(path for part in parts for path in (folder / part).glob("*") if path.is_file())
    if not paths:
        raise MissingFileError(f"There is no model in {folder}. Check the name.")
    for path in paths:
        if path.suffix in (".md", ".txt") and path.name != "merges.txt":
            continue
        with path.open("rb") as file:
            digest.update(f"{path.relative_to(folder)}:{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()
