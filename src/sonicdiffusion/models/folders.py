"""Folders of weights with their settings: JSON beside safetensors, each file written whole or not at all."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from sonicdiffusion.errors import MissingFileError, ModelError


def write_settings(path: Path, settings: Mapping[str, Any]) -> None:
    """Write settings as JSON, atomically."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    temporary.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    _put(temporary, path)


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors as safetensors, atomically; tensors that share memory are stored apart."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        save_file({name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}, temporary)
    except SafetensorError as problem:  # what safetensors raises on a full disk
        temporary.unlink(missing_ok=True)
        raise ModelError(f"{path} cannot be written ({problem}). Make room, or choose another folder.") from problem
    _put(temporary, path)


def load_network(kind: Any, folder: Path, **settings: Any) -> Any:
    """Load a network of diffusers or transformers from safetensors alone.

    Raises:
        ModelError: if its weights are not all there.
    """
    network, info = kind.from_pretrained(folder, use_safetensors=True, output_loading_info=True, **settings)
    if info["missing_keys"]:
        missing = sorted(info["missing_keys"])
        raise ModelError(
            f"{folder} lacks {missing[0]!r} ({len(missing)} tensors missing). Copy or download the model again."
        )
    return network


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Lend out a folder to fill, which takes the place of `target` when all went well, and vanishes otherwise.

    Raises:
        ModelError: if the target is in use.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ModelError(f"{target} exists already. Name a new folder.")
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
    try:
        yield scratch
        scratch.chmod(0o755)  # temporary folders are private
        scratch.replace(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def read_settings(path: Path) -> dict[str, Any]:
    """Read settings written as JSON.

    Raises:
        MissingFileError: if there is no such file.
        ModelError: if it is not a JSON object.
    """
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as problem:
        raise MissingFileError(f"{path} is missing. Copy the folder again, with all its files.") from problem
    except (ValueError, UnicodeDecodeError) as problem:
        raise ModelError(f"{path} is not valid JSON ({problem}). Copy the file again.") from problem
    if not isinstance(settings, dict):
        raise ModelError(f"{path} holds a {type(settings).__name__}; it must be a JSON object. Copy the file again.")
    return settings


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read all tensors of a safetensors file.

    Raises:
        MissingFileError: if there is no such file.
        ModelError: if the file is damaged.
    """
    if not path.is_file():
        raise MissingFileError(f"{path} is missing. Copy the folder again, with all its files.")
    try:
        return load_file(path)
    except (SafetensorError, OSError) as problem:
        raise ModelError(f"{path} is damaged or cut short ({problem}). Copy or download it again.") from problem


def _put(temporary: Path, path: Path) -> None:
    """Move a finished file to its place, its content on the disk before its name."""
    with temporary.open("rb") as stream:
        os.fsync(stream.fileno())
    temporary.replace(path)
