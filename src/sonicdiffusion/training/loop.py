"""One training loop for every step: seeded, checkpointed, averaged, and the same again after an interruption.

Every random number of a step follows from the seed and the step's number, so a checkpoint holds weights,
averages, optimiser, settings and step: a resumed run repeats an uninterrupted one bit for bit on the same machine
and thread count.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch
from accelerate import Accelerator
from diffusers.training_utils import EMAModel

from sonicdiffusion.errors import ConfigError
from sonicdiffusion.training.tracking import Tracker

Losses = dict[str, torch.Tensor]


@dataclass(frozen=True)
class LoopSettings:
    """How long and how fast a network learns.

    Args:
        num_steps: optimiser steps.
        batch_size: examples a step.
        learning_rate: peak rate of AdamW.
        warmup_steps: steps over which the rate rises from 0.
        decay_share: last share of the steps over which the rate falls to 0.
        weight_decay: AdamW's decoupled weight decay.
        ema_decay: decay of the averaged weights that are kept; warmed up.
        gradient_clip: largest norm of the gradient.
        seed: chooses batches, noise and dropout.
        checkpoint_seconds: time between checkpoints.
        mixed_precision: "auto" takes bfloat16 on a GPU and float32 on a CPU; or "no", "bf16".

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
    mixed_precision: Literal["auto", "no", "bf16"] = "auto"

    def __post_init__(self) -> None:
        if min(self.num_steps, self.batch_size) < 1 or self.learning_rate <= 0:
            raise ConfigError("num_steps and batch_size start at 1, and learning_rate must be above 0.")
        if not (0 <= self.ema_decay < 1 and 0 <= self.decay_share <= 1):
            raise ConfigError("ema_decay lies between 0 and 1, and decay_share from 0 to 1.")

    def rate(self, step: int) -> float:
        """Return the factor on the learning rate at a step: a ramp up, a plateau, a ramp down to 0."""
        rise = (step + 1) / max(1, self.warmup_steps)
        fall = (self.num_steps - step) / max(1.0, self.decay_share * self.num_steps)
        return min(1.0, rise, fall)


@dataclass(frozen=True)
class StepRecord:
    """What one step did.

    Args:
        step: number of steps done.
        num_steps: steps in all.
        losses: each named loss of this step.
        seconds_left: estimate from the speed of this run.
    """

    step: int
    num_steps: int
    losses: dict[str, float]
    seconds_left: float


def choose_precision(name: str) -> str:
    """Return the mixed precision to train in, "no" or "bf16": for "auto", bfloat16 on a GPU and float32 on a CPU."""
    if name != "auto":
        return name
    return "bf16" if torch.cuda.is_available() else "no"


def train(
    network: torch.nn.Module,
    compute_losses: Callable[[torch.nn.Module, int, torch.Generator], Losses],
    settings: LoopSettings,
    folder: Path,
) -> Iterator[StepRecord]:
    """Train the parameters of `network` that require gradients, yielding a record after each step.

    When the last step is done, the averaged weights are copied into `network`.

    Args:
        network: what is trained; moved to the device.
        compute_losses: from the network, the step's number and a seeded generator (on the CPU) to named losses,
            whose sum is minimised. A name that starts with "_" is logged and not minimised.
        settings: length, rates and seed.
        folder: where checkpoints and curves go; a checkpoint found there is resumed.

    Raises:
        ConfigError: if the folder's checkpoint was made with other settings.
    """
    accelerator = Accelerator(mixed_precision=choose_precision(settings.mixed_precision))
    torch.manual_seed(settings.seed)
    parameters = [p for p in network.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(
        parameters,
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
        betas=(0.9, 0.98),
        fused=True,
    )
    prepared, optimiser = accelerator.prepare(network, optimiser)
    average = EMAModel(
        parameters, decay=settings.ema_decay, use_ema_warmup=True, inv_gamma=1.0, power=0.75, foreach=True
    )
    checkpoint = Checkpoint(folder, settings)
    step = checkpoint.load(network, optimiser, average)
    average.to(accelerator.device)
    tracker = Tracker(folder)
    started, first_step, saved = time.monotonic(), step, time.monotonic()
    network.train()
    while step < settings.num_steps:
        seed = settings.seed * 1_000_003 + step
        torch.manual_seed(seed)
        generator = torch.Generator().manual_seed(seed)
        for group in optimiser.param_groups:
            group["lr"] = settings.learning_rate * settings.rate(step)
        with accelerator.autocast():
            losses = compute_losses(prepared, step, generator)
        total = sum((loss for name, loss in losses.items() if not name.startswith("_")), torch.zeros(()))
        accelerator.backward(total)
        accelerator.clip_grad_norm_(parameters, settings.gradient_clip)
        optimiser.step()
        optimiser.zero_grad()
        average.step(parameters)
        step += 1
        numbers = {name.lstrip("_"): float(loss.detach()) for name, loss in losses.items()}
        tracker.log(step, numbers)
        now = time.monotonic()
        if now - saved > settings.checkpoint_seconds:
            checkpoint.save(network, optimiser, average, step)
            saved = now
        pace = (now - started) / (step - first_step)
        yield StepRecord(step, settings.num_steps, numbers, pace * (settings.num_steps - step))
    checkpoint.save(network, optimiser, average, step)
    average.copy_to(parameters)
    network.eval()


class Checkpoint:
    """The resumable state of a run in a folder; written beside the old one and then put in its place.

    Args:
        folder: the run's folder.
        settings: the run's settings, stored and compared.
    """

    def __init__(self, folder: Path, settings: LoopSettings) -> None:
        self.folder, self.path = folder, folder / "checkpoint.pt"
        self.settings = {**asdict(settings), "num_threads": torch.get_num_threads()}
        folder.mkdir(parents=True, exist_ok=True)

    def save(self, network: torch.nn.Module, optimiser: torch.optim.Optimizer, average: EMAModel, step: int) -> None:
        """Write the state atomically."""
        state = {
            "step": step,
            "settings": self.settings,
            "network": network.state_dict(),
            "optimiser": optimiser.state_dict(),
            "average": average.state_dict(),
        }
        scratch = Path(tempfile.mkdtemp(dir=self.folder, prefix=".writing-"))
        torch.save(state, scratch / self.path.name)
        (scratch / self.path.name).replace(self.path)
        shutil.rmtree(scratch)

    def load(self, network: torch.nn.Module, optimiser: torch.optim.Optimizer, average: EMAModel) -> int:
        """Restore the newest state, if there is one, and return the number of steps it has done.

        A run may be made longer: its rate then follows the longer schedule from the step where it was.
        """
        for left_over in self.folder.glob(".writing-*"):
            shutil.rmtree(left_over)
        if not self.path.exists():
            return 0
        state = torch.load(self.path, map_location="cpu", weights_only=True)
        ignored = {"checkpoint_seconds", "num_threads"}
        if state["settings"]["num_steps"] < self.settings["num_steps"]:
            ignored.add("num_steps")
        changed = [k for k, v in self.settings.items() if k not in ignored and state["settings"].get(k) != v]
        if changed:
            raise ConfigError(
                f"{self.folder} holds a checkpoint made with other settings ({', '.join(changed)}). "
                "Restore them, or remove the folder to start anew."
            )
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        average.load_state_dict(state["average"])
        return int(state["step"])
