"""One training loop for every step: seeded, checkpointed, averaged, shared out, and the same again after a stop.

Every random number of a step follows from the seed and the step's number, so a checkpoint holds weights, averages,
optimiser, settings and step: a resumed run repeats an uninterrupted one bit for bit on the same machine and thread
count.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from accelerate import Accelerator
from diffusers.training_utils import EMAModel

from sonicdiffusion.errors import ConfigError, TrainingError
from sonicdiffusion.training.checkpoint import Checkpoint

Losses = dict[str, torch.Tensor]
Values = TypeVar("Values", torch.Tensor, np.ndarray, list)


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

    def rate(self, step: int) -> float:
        """Return the factor on the learning rate at a step: a ramp up, a plateau, a ramp down to 0."""
        rise = (step + 1) / max(1, self.warmup_steps)
        fall = (self.num_steps - step) / max(1.0, self.decay_share * self.num_steps)
        return min(1.0, rise, fall)


@dataclass(frozen=True)
class Turn:
    """One pass through the network: a step, and the share of its batch that is computed now.

    A batch is shared out to processes and to the passes of gradient accumulation. Each draws the random numbers of the
    whole batch and takes its share, so that the same model comes out however many there are. What does not take its
    share computes the whole batch in each of them, which is the same again, but no faster.

    Args:
        step: number of steps done before.
        seed: of the run.
        share: which share this is.
        num_shares: how many there are.
    """

    step: int
    seed: int
    share: int = 0
    num_shares: int = 1

    @property
    def rng(self) -> np.random.Generator:
        """NumPy's generator at the start of the step, the same for every share."""
        return np.random.default_rng([self.seed, self.step])

    @property
    def generator(self) -> torch.Generator:
        """Torch's generator at the start of the step, on the CPU, the same for every share."""
        return torch.Generator().manual_seed(self.seed * 1_000_003 + self.step)

    def mine(self, whole: Values) -> Values:
        """Return the share of values (batch, ...) that is computed now."""
        return whole[self.share :: self.num_shares]


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
    """Return the mixed precision to train in: for "auto", "bf16" on a GPU and "no", which is float32, on a CPU."""
    if name != "auto":
        return name
    return "bf16" if torch.cuda.is_available() else "no"


def train(
    network: torch.nn.Module,
    compute_losses: Callable[[torch.nn.Module, Turn], Losses],
    settings: LoopSettings,
    folder: Path,
    show: Callable[[int], None] | None = None,
) -> Iterator[StepRecord]:
    """Train the parameters of `network` that require gradients, yielding a record after each step.

    When the last step is done, the averaged weights are copied into `network`.

    Args:
        network: what is trained; moved to the device.
        compute_losses: from the network and the turn to named losses, means over the turn's share of the batch, whose
            sum is minimised. A name that starts with "_" is logged and not minimised.
        settings: length, rates and seed.
        folder: where checkpoints and curves go; a checkpoint found there is resumed.
        show: called with the number of steps done every `settings.show_every` steps, in the first process, while
            `network` holds the averaged weights.

    Raises:
        ConfigError: if the folder's checkpoint was made with other settings, or a batch cannot be shared out evenly.
        TrainingError: if a loss is no finite number; the last checkpoint stays.
    """
    names: list[Any] = [name for name in settings.trackers if find_spec(name)]
    accelerator = Accelerator(
        mixed_precision=choose_precision(settings.mixed_precision), log_with=names or None, project_dir=str(folder)
    )
    torch.manual_seed(settings.seed)
    parameters = [p for p in network.parameters() if p.requires_grad]
    optimiser = _optimiser(settings, parameters)
    prepared, optimiser = accelerator.prepare(network, optimiser)
    average = EMAModel(
        parameters, decay=settings.ema_decay, use_ema_warmup=True, inv_gamma=1.0, power=0.75, foreach=True
    )
    checkpoint = Checkpoint(folder, asdict(settings))
    if accelerator.is_main_process:
        checkpoint.sweep()
    parts = {"network": network, "optimiser": optimiser, "average": average}
    first_step = checkpoint.load(parts)
    average.to(accelerator.device)
    network.train()
    started = saved = time.monotonic()
    accelerator.init_trackers("curves")
    try:
        for step in range(first_step, settings.num_steps):
            for group in optimiser.param_groups:
                group["lr"] = settings.learning_rate * settings.rate(step)
            numbers = _gradients(accelerator, prepared, compute_losses, settings, step)
            accelerator.clip_grad_norm_(parameters, settings.gradient_clip)
            optimiser.step()
            optimiser.zero_grad()
            average.step(parameters)
            accelerator.log(numbers, step=step + 1)
            now, done = time.monotonic(), step + 1
            if accelerator.is_main_process and now - saved > settings.checkpoint_seconds:
                checkpoint.save(done, parts)
                saved = now
            if show is not None and settings.show_every and done % settings.show_every == 0:
                _look(accelerator, network, average, parameters, show, done)
            pace = (now - started) / (done - first_step)
            yield StepRecord(done, settings.num_steps, numbers, pace * (settings.num_steps - done))
        if accelerator.is_main_process:
            checkpoint.save(settings.num_steps, parts)
    finally:
        for tracker in accelerator.trackers:
            tracker.finish()
    average.copy_to(parameters)
    network.eval()


def _optimiser(settings: LoopSettings, parameters: list[torch.nn.Parameter]) -> torch.optim.Optimizer:
    shared: Any = dict(lr=settings.learning_rate, weight_decay=settings.weight_decay, betas=(0.9, 0.98))
    if settings.optimiser == "adamw":
        return torch.optim.AdamW(parameters, fused=True, **shared)
    if not find_spec("bitsandbytes"):
        raise ConfigError("The optimiser 'adamw-8bit' needs the package bitsandbytes. Install it, or take 'adamw'.")
    return import_module("bitsandbytes.optim").AdamW8bit(parameters, **shared)


def _gradients(
    accelerator: Accelerator,
    prepared: torch.nn.Module,
    compute_losses: Callable[[torch.nn.Module, Turn], Losses],
    settings: LoopSettings,
    step: int,
) -> dict[str, float]:
    """Leave the gradients of a step in the parameters, and return its losses."""
    passes = settings.accumulation
    num_shares = passes * accelerator.num_processes
    if settings.batch_size % num_shares:
        raise ConfigError(
            f"batch_size {settings.batch_size} is no multiple of {num_shares}, the shares of {passes} passes in "
            f"{accelerator.num_processes} processes. Change one of them."
        )
    sums: dict[str, torch.Tensor] = {}
    for index in range(passes):
        turn = Turn(step, settings.seed, index * accelerator.num_processes + accelerator.process_index, num_shares)
        torch.manual_seed(settings.seed * 1_000_003 + step + 7919 * turn.share)  # for dropout
        is_last = index == passes - 1
        with nullcontext() if is_last else accelerator.no_sync(prepared):
            with accelerator.autocast():
                losses = compute_losses(prepared, turn)
            total = sum((loss for name, loss in losses.items() if not name.startswith("_")), torch.zeros(()))
            accelerator.backward(total / passes)
        for name, loss in losses.items():
            sums[name] = sums.get(name, torch.zeros((), device=loss.device)) + loss.detach().float() / passes
    averaged: Any = accelerator.reduce(sums, reduction="mean")
    numbers = {name.lstrip("_"): float(loss) for name, loss in averaged.items()}
    for name, value in numbers.items():
        if not math.isfinite(value):
            raise TrainingError(
                f"The loss {name!r} is {value} at step {step + 1}. The last checkpoint is kept; lower the learning "
                "rate or gradient_clip, or take mixed_precision 'no', in a new folder."
            )
    return numbers


def _look(
    accelerator: Accelerator,
    network: torch.nn.Module,
    average: EMAModel,
    parameters: list[torch.nn.Parameter],
    show: Callable[[int], None],
    step: int,
) -> None:
    """Show the averaged weights in the first process, and go on with those that are trained."""
    if accelerator.is_main_process:
        average.store(parameters)
        average.copy_to(parameters)
        network.eval()
        with torch.no_grad():
            show(step)
        network.train()
        average.restore(parameters)
    accelerator.wait_for_everyone()
