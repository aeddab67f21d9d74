"""Folders of steps: begun by one recipe, gone on with by no other, and known to be done."""

from pathlib import Path
from typing import Any

from sonicdiffusion.config import to_dict
from sonicdiffusion.errors import ConfigError
from sonicdiffusion.models.folders import read_settings, write_settings
from sonicdiffusion.training.checkpoint import NEUTRAL
from sonicdiffusion.training.processes import processes

BEGUN, DONE = "begun.json", "done.json"

# Settings that came after the first runs, at the values that do what was done before. They are not recorded, so that
# a run from before a setting goes on.
_ADDED = {"caption_weight": 1.0, "sites": "default", "gates": "learnt"}


def is_made(folder: Path, marker: str, wanted: dict[str, Any]) -> bool:
    """Return whether a step has been begun or is done, as its marker says.

    A step of fewer steps than its recipe now asks for is neither: it goes on from its checkpoint.

    Args:
        folder: of the step.
        marker: `BEGUN` or `DONE`.
        wanted: all that its result depends on, plain values, with its own settings as "recipe".

    Raises:
        ConfigError: if it was so by something else.
    """
    path = folder / marker
    if not path.exists():
        return False
    made_by = read_settings(path)
    if made_by != wanted:
        if _is_shorter(made_by, wanted):
            return False
        raise ConfigError(
            f"{folder} was made by another recipe or from other data. "
            "Remove that folder, and those of the steps that need it, to make it anew."
        )
    return True


def mark(folder: Path, marker: str, made_by: dict[str, Any]) -> None:
    """Write a step's marker, in the first of several processes; the others wait for it."""
    state = processes()
    if state.is_main_process:
        folder.mkdir(parents=True, exist_ok=True)
        write_settings(folder / marker, made_by)
    state.wait_for_everyone()


def what_counts(recipe: Any) -> dict[str, Any]:
    """Return the settings of a step, plain values, without those that change its result by no more than rounding."""
    settings = {name: value for name, value in to_dict(recipe).items() if _ADDED.get(name) != value}
    loop = settings.get("loop")
    if loop is not None:
        settings["loop"] = {name: value for name, value in loop.items() if name not in NEUTRAL}
    return settings


def _is_shorter(made_by: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Return whether two runs differ in their number of steps alone, the first having fewer."""
    loop, longer = made_by["recipe"].get("loop"), wanted["recipe"].get("loop")
    if loop is None or longer is None:
        return False
    as_long = {**made_by["recipe"], "loop": {**loop, "num_steps": longer["num_steps"]}}
    return {**made_by, "recipe": as_long} == wanted and loop["num_steps"] < longer["num_steps"]
