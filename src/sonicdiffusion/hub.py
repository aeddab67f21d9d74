"""A name, a folder or a hub id becomes a local folder."""

import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from sonicdiffusion.errors import MissingFileError, ModelError

# What a pipeline loads; a repository may hold other formats, which would be downloaded in vain.
_WANTED = ("*.json", "*.txt", "*.model", "*.safetensors")
_NEVER = (
    "*.bin",
    "*.ckpt",
    "*.msgpack",
    "*.onnx*",
    "*.fp16.safetensors",
    "*.non_ema.safetensors",
)


def bundled_models() -> tuple[str, ...]:
    """Return the names of the image models that come with the package; the judge beside them makes no pictures."""
    return tuple(sorted(path.parent.name for path in _bundled().glob("*/model_index.json")))


def bundled_model(name: str = "mini") -> Path:
    """Return the folder of an image model that comes with the package, in diffusers' layout.

    Raises:
        MissingFileError: if there is none of that name.
    """
    if name not in bundled_models():
        raise MissingFileError(f"No model {name!r} is bundled; there is {', '.join(bundled_models()) or 'none'}.")
    return _bundled() / name


def _bundled() -> Path:
    return Path(str(files("sonicdiffusion"))) / "bundled"


def resolve(name: str | Path, without: Sequence[str] = ()) -> Path:
    """Find the local folder of a model or an adapter, downloading it if it is a hub id.

    Args:
        name: a bundled name such as "mini", else an existing folder, else an "owner/name" of the Hugging
            Face Hub, with "@revision" at its end if wanted.
        without: folders that are not downloaded.

    Returns:
        A folder.

    Raises:
        MissingFileError: if nothing of that name exists here and it cannot be a hub id.
        ModelError: if it is a hub id and cannot be downloaded.
    """
    if re.fullmatch(r"\w+", str(name)) and (_bundled() / str(name)).is_dir():
        return _bundled() / str(name)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if folder.exists():
        raise MissingFileError(f"{str(name)!r} is a file; a model is a folder. Name the folder that holds it.")
    if not _is_hub_id(str(name)):
        known = ", ".join(bundled_models()) or "none in this installation"
        raise MissingFileError(
            f"There is no model {str(name)!r}: no such folder, and no bundled model of that name ({known}). "
            "Give an existing folder, or a hub id such as owner/name."
        )
    return _download(str(name), without)


def _is_hub_id(name: str) -> bool:
    owner, slash, repository = name.partition("@")[0].partition("/")  # a revision such as refs/pr/1 has slashes, too
    return bool(slash and owner and repository) and "/" not in repository and not owner.startswith((".", "~"))


def _download(name: str, without: Sequence[str]) -> Path:
    # Here and not above: huggingface_hub takes a while to import, and the bundled model does without it.
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    repository, _, revision = name.partition("@")
    try:
        folder = snapshot_download(
            repository,
            revision=revision or None,
            allow_patterns=list(_WANTED),
            ignore_patterns=[*_NEVER, *(f"{part}/*" for part in without)],
        )
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as problem:
        raise ModelError(
            f"{name!r} is no folder here, and the Hugging Face Hub did not give it "
            f"({type(problem).__name__}). Check the spelling and the connection, or download it "
            "elsewhere and give the folder."
        ) from problem
    return Path(folder)
