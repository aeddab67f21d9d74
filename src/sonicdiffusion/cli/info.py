"""`sonicdiffusion info`: what is installed, which devices and models there are."""

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from sonicdiffusion._version import __version__
from sonicdiffusion.hub import bundled_names

_LIBRARIES = ("torch", "diffusers", "transformers", "accelerate", "numpy", "soundfile", "av", "opencv-python-headless")
_EXTRAS = {
    "train": ("tensorboard", "peft", "datasets", "wandb"),
    "evaluate": ("matplotlib",),
    "web": ("gradio", "mcp"),
    "distributed": ("ray",),
}


def info() -> None:
    """Tell what is installed, which devices and which models there are."""
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_row("sonicdiffusion", __version__)
    table.add_row("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    for name in _LIBRARIES:
        table.add_row(name, _version(name) or "missing")
    table.add_row("devices", ", ".join(_devices()))
    table.add_row("models", ", ".join(bundled_names()) or "none bundled; name a folder or hub id with --model")
    for extra, packages in _EXTRAS.items():
        missing = [package for package in packages if _version(package) is None]
        state = "installed" if not missing else f"not installed: pip install 'sonicdiffusion[{extra}]'"
        table.add_row(f"extra {extra}", state.replace("[", r"\["))
    Console(file=sys.stdout, soft_wrap=True).print(table)


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
