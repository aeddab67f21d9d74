"""The resumable state of a run: written beside the old one, then put in its place."""

import shutil
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from sonicdiffusion.errors import ConfigError

_MAY_DIFFER = frozenset({"checkpoint_seconds", "show_every", "trackers", "accumulation", "num_threads"})


class Checkpoint:
    """The state of a run in its folder.

    Args:
        folder: of the run.
        settings: of the run, stored and compared.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.folder, self.path = folder, folder / "checkpoint.pt"
        self.settings = {**settings, "num_threads": torch.get_num_threads()}
        folder.mkdir(parents=True, exist_ok=True)

    def save(self, step: int, parts: Mapping[str, Any]) -> None:
        """Write the state dicts of `parts` after a step, atomically."""
        state = {name: part.state_dict() for name, part in parts.items()}
        scratch = Path(tempfile.mkdtemp(dir=self.folder, prefix=".writing-"))
        try:
            torch.save({"step": step, "settings": self.settings, **state}, scratch / self.path.name)
            (scratch / self.path.name).replace(self.path)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def load(self, parts: Mapping[str, Any]) -> int:
        """Restore the newest state, if there is one, and return the number of steps it has done.

        A run may be made longer: its rate then follows the longer schedule from the step where it was.

        Raises:
            ConfigError: if the state was made with other settings.
        """
        if not self.path.exists():
            return 0
        state = torch.load(self.path, map_location="cpu", weights_only=True)
        there, ignored = state["settings"], set(_MAY_DIFFER)
        if there["num_steps"] < self.settings["num_steps"]:
            ignored.add("num_steps")
        changed = [k for k, v in self.settings.items() if k not in ignored and there.get(k) != v]
        if changed:
            raise ConfigError(
                f"{self.folder} holds a checkpoint made with other settings ({', '.join(changed)}). "
                "Restore them, or remove the folder to start anew."
            )
        if there["num_threads"] != self.settings["num_threads"]:
            warnings.warn(
                f"The run was begun with {there['num_threads']} threads and goes on with "
                f"{self.settings['num_threads']}: the last bits of its result will differ from an unbroken run's. "
                f"OMP_NUM_THREADS={there['num_threads']} keeps them.",
                stacklevel=2,
            )
        for name, part in parts.items():
            part.load_state_dict(state[name])
        return int(state["step"])

    def sweep(self) -> None:
        """Remove what a killed run left half-written."""
        for left_over in self.folder.glob(".writing-*"):
            shutil.rmtree(left_over, ignore_errors=True)
