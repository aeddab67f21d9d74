"""`sonicdiffusion info`: what is installed, which devices and models there are."""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer

from sonicdiffusion._version import __version__
from sonicdiffusion.hub import bundled_models

_LIBRARIES = ("torch", "diffusers", "transformers", "accelerate", "numpy", "soundfile", "av", "opencv-python-headless")
_EXTRAS = {
    "train": ("tensorboard", "peft", "datasets", "wandb"),
    "evaluate": ("matplotlib",),
    "web": ("gradio", "mcp"),
    "distributed": ("ray",),
}


def info(
    picture: Annotated[Path | None, typer.Argument(help="A PNG of ours, to see how it was made.")] = None,
) -> None:
    """Tell what is installed, which devices and models there are; or how a picture was made."""
    if picture is not None:
        from sonicdiffusion.pipelines.picture_files import read_settings

        for name, value in read_settings(picture).items():
            print(f"{name:<24}{value}")
        return
    rows = [
        ("sonicdiffusion", __version__),
        ("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        *((name, _version(name) or "missing") for name in _LIBRARIES),
        ("devices", ", ".join(_devices())),
        ("models", ", ".join(bundled_models()) or "none bundled; name a folder or hub id with --model"),
    ]
    for extra, packages in _EXTRAS.items():
        is_complete = all(_version(package) for package in packages)
        state = "installed" if is_complete else f"not installed: pip install 'sonicdiffusion[{extra}]'"
        rows.append((f"extra {extra}", state))
    for name, value in rows:
        print(f"{name:<24}{value}")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _devices() -> list[str]:
    """Return the devices torch can use, the one chosen by default first."""
    try:
        import torch
    except ImportError as error:
        return [f"torch cannot be loaded: {error}"]
    found = [f"cuda:{index} ({torch.cuda.get_device_name(index)})" for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    return [*found, f"cpu ({torch.get_num_threads()} threads)"]
