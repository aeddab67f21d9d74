"""The resumable state of a run: written beside the old one, then put in its place."""

import shutil
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from sonicdiffusion.errors import ConfigError, TrainingError

NEUTRAL = frozenset({"checkpoint_seconds", "show_every", "trackers", "accumulation"})
"""Settings that change a result by no more than rounding."""

_COUNTED = {"num_threads": "threads", "num_processes": "processes"}


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
        except RuntimeError as problem:  # what torch raises on a full disk
            raise TrainingError(
                f"A checkpoint cannot be written to {self.folder} ({str(problem).splitlines()[0]}). The last one is "
                "kept. Make room and give the same command again."
            ) from problem
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
        there, ignored = state["settings"], {*NEUTRAL, *_COUNTED}
        if there["num_steps"] < self.settings["num_steps"]:
            ignored.add("num_steps")
        changed = [k for k, v in self.settings.items() if k not in ignored and there.get(k) != v]
        if changed:
            raise ConfigError(
                f"{self.folder} holds a checkpoint made with other settings ({', '.join(changed)}). "
                "Restore them, or remove the folder to start anew."
            )
        for name, title in _COUNTED.items():
            before, now = there.get(name, 1), self.settings.get(name, 1)
            if before != now:
                warnings.warn(
                    f"The run was begun with {before} {title} and goes on with {now}: the last bits of its result will "
                    "differ from an unbroken run's. OMP_NUM_THREADS and accelerate's options choose them.",
                    stacklevel=2,
                )
        for name, part in parts.items():
            part.load_state_dict(state[name])
        return int(state["step"])

    def sweep(self) -> None:
        """Remove what a killed run left half-written."""
        for left_over in self.folder.glob(".writing-*"):
            shutil.rmtree(left_over, ignore_errors=True)
