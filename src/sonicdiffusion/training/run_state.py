"""The settings of a training, and what it consists of while it runs."""

from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import LoggerType
from diffusers.training_utils import EMAModel

from sonicdiffusion.config import nearest
from sonicdiffusion.errors import ConfigError
from sonicdiffusion.training.checkpoint import Checkpoint
from sonicdiffusion.training.processes import runs_on_cpu


@dataclass(frozen=True)
class LoopSettings:
    """How long and how fast a network learns.

    Args:
        num_steps: optimiser steps.
        batch_size: examples a step, over all processes and passes.
        learning_rate: peak rate.
        warmup_steps: steps over which the rate rises from 0.
        decay_share: last share of the steps over which the rate falls to 0.
        weight_decay: AdamW's decoupled weight decay.
        ema_decay: decay of the averaged weights that are kept; warmed up.
        gradient_clip: largest norm of the gradient.
        seed: chooses batches, noise and dropout.
        checkpoint_seconds: time between checkpoints.
        mixed_precision: "auto" takes bfloat16 on a GPU and float32 on a CPU; or "no", "bf16", "fp16".
        accumulation: passes into which each process divides its share of a batch, to need less memory.
        optimiser: "adamw", or "adamw-8bit", whose state takes a quarter of the memory (needs bitsandbytes and a GPU).
        trackers: where curves go, of those that accelerate knows: "tensorboard", "wandb", ...; one that is not
            installed is left out.
        show_every: steps between two looks at the averaged weights; 0 for none.

    Raises:
        ConfigError: if a number is out of range.
    """

    num_steps: int = 1000
    batch_size: int = 32
    learning_rate: float = 1e-3
    warmup_steps: int = 100
    decay_share: float = 0.4
    weight_decay: float = 0.01
    ema_decay: float = 0.999
    gradient_clip: float = 1.0
    seed: int = 0
    checkpoint_seconds: float = 90.0
    mixed_precision: Literal["auto", "no", "bf16", "fp16"] = "auto"
    accumulation: int = 1
    optimiser: Literal["adamw", "adamw-8bit"] = "adamw"
    trackers: tuple[str, ...] = ("tensorboard",)
    show_every: int = 0

    def __post_init__(self) -> None:
        if min(self.num_steps, self.batch_size, self.accumulation) < 1 or self.learning_rate <= 0:
            raise ConfigError("num_steps, batch_size and accumulation start at 1, and learning_rate is above 0.")
        if not (0 <= self.ema_decay < 1 and 0 <= self.decay_share <= 1):
            raise ConfigError("ema_decay lies between 0 and 1, and decay_share from 0 to 1.")
        if self.gradient_clip <= 0 or min(self.weight_decay, self.warmup_steps, self.show_every, self.seed) < 0:
            raise ConfigError("gradient_clip is above 0; weight_decay, warmup_steps, show_every and seed start at 0.")

    def rate(self, step: int) -> float:
        """Return the factor on the learning rate at a step: a ramp up, a plateau, a ramp down to 0."""
        rise = (step + 1) / max(1, self.warmup_steps)
        fall = (self.num_steps - step) / max(1.0, self.decay_share * self.num_steps)
        return min(1.0, rise, fall)


@dataclass(frozen=True, eq=False)
class RunState:
    """A training under way.

    Args:
        accelerator: devices, precision and processes.
        prepared: the network, as it is called.
        parameters: those that are trained.
        optimiser: of them.
        average: of them.
        checkpoint: where all this is kept.
        parts: what a checkpoint holds, by name.
        first_step: number of steps done before.
    """

    accelerator: Accelerator
    prepared: torch.nn.Module
    parameters: list[torch.nn.Parameter]
    optimiser: Any
    average: EMAModel
    checkpoint: Checkpoint
    parts: dict[str, Any]
    first_step: int

    def save(self, step: int) -> None:
        """Write a checkpoint after a step, in the first process."""
        if self.accelerator.is_main_process:
            self.checkpoint.save(step, self.parts)


def begin(network: torch.nn.Module, settings: LoopSettings, precision: str, folder: Path) -> RunState:
    """Set up a training, or take it up from the checkpoint in its folder.

    Raises:
        ConfigError: if the checkpoint was made with other settings, or a package is missing.
    """
    AcceleratorState._reset_state()  # an earlier step may have trained in another precision
    trackers: list[Any] = _trackers(settings)
    accelerator = Accelerator(
        cpu=runs_on_cpu(), mixed_precision=precision, log_with=trackers or None, project_dir=str(folder)
    )
    torch.manual_seed(settings.seed)
    parameters = [p for p in network.parameters() if p.requires_grad]
    prepared, optimiser = accelerator.prepare(network, _optimiser(settings, parameters))
    average = EMAModel(
        parameters, decay=settings.ema_decay, use_ema_warmup=True, inv_gamma=1.0, power=0.75, foreach=True
    )
    checkpoint = Checkpoint(folder, {**asdict(settings), "num_processes": accelerator.num_processes})
    if accelerator.is_main_process:
        checkpoint.sweep()
    parts: dict[str, Any] = {"network": _Trained(network), "optimiser": optimiser, "average": average}
    if accelerator.scaler is not None:
        parts["scaler"] = accelerator.scaler
    first_step = checkpoint.load(parts)
    average.to(accelerator.device)
    accelerator.init_trackers("curves", init_kwargs={"wandb": {"dir": str(folder)}})
    return RunState(accelerator, prepared, parameters, optimiser, average, checkpoint, parts, first_step)


class _Trained:
    """The state of a network without the parameters that are frozen."""

    def __init__(self, network: torch.nn.Module) -> None:
        self._network = network
        self._frozen = {name for name, value in network.named_parameters() if not value.requires_grad}

    def state_dict(self) -> dict[str, torch.Tensor]:
        return {name: value for name, value in self._network.state_dict().items() if name not in self._frozen}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        frozen = {name: value for name, value in self._network.state_dict().items() if name in self._frozen}
        self._network.load_state_dict({**state, **frozen})


def _trackers(settings: LoopSettings) -> list[str]:
    """Return the trackers to use; TensorBoard, the default, only where it is installed."""
    known = [one.value for one in LoggerType if one.value != "all"]
    for name in settings.trackers:
        if name not in known:
            raise ConfigError(f"There is no tracker {name!r}. {nearest(name, known)}")
        if name != "tensorboard" and not find_spec(name):
            raise ConfigError(f"The tracker {name!r} is not installed. Install its package, or leave it out.")
    return [name for name in settings.trackers if find_spec(name)]


def _optimiser(settings: LoopSettings, parameters: list[torch.nn.Parameter]) -> torch.optim.Optimizer:
    shared: Any = dict(lr=settings.learning_rate, weight_decay=settings.weight_decay, betas=(0.9, 0.98))
    if settings.optimiser == "adamw":
        return torch.optim.AdamW(parameters, fused=True, **shared)
    if not find_spec("bitsandbytes"):
        raise ConfigError("The optimiser 'adamw-8bit' needs the package bitsandbytes. Install it, or take 'adamw'.")
    return import_module("bitsandbytes.optim").AdamW8bit(parameters, **shared)
