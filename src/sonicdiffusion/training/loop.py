"""One training loop for every step: seeded, checkpointed, averaged, shared out, and the same again after a stop.

Every random number of a step follows from the seed and the step's number, so a checkpoint holds weights, averages,
optimiser, settings and step: a resumed run repeats an uninterrupted one bit for bit on the same machine and thread
count.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils.memory import should_reduce_batch_size
from diffusers.training_utils import EMAModel

from sonicdiffusion.errors import ConfigError, TrainingError
from sonicdiffusion.training.run_state import LoopSettings, begin
from sonicdiffusion.training.stop import StopRequest

__all__ = ["LoopSettings", "Losses", "StepRecord", "Turn", "choose_precision", "train"]

Losses = dict[str, torch.Tensor]
Values = TypeVar("Values", torch.Tensor, np.ndarray, list)


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

    When the last step is done, the averaged weights are copied into `network`. Asked to stop by Ctrl-C or SIGTERM, it
    finishes its step, writes a checkpoint and then raises KeyboardInterrupt.

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
        TrainingError: if a loss is no finite number, or memory does not suffice; the last checkpoint stays.
    """
    run = begin(network, settings, choose_precision(settings.mixed_precision), folder)
    accelerator, optimiser, average = run.accelerator, run.optimiser, run.average
    network.train()
    started = saved = time.monotonic()
    accelerator.init_trackers("curves")
    try:
        with StopRequest() as stop, _memory_told():
            for step in range(run.first_step, settings.num_steps):
                for group in optimiser.param_groups:
                    group["lr"] = settings.learning_rate * settings.rate(step)
                numbers = _gradients(accelerator, run.prepared, compute_losses, settings, step)
                norm = accelerator.clip_grad_norm_(run.parameters, settings.gradient_clip)
                if accelerator.scaler is None:  # which would leave out such a step by itself
                    _require_finite({"gradient": float(norm)}, step)  # type: ignore[arg-type]
                optimiser.step()
                optimiser.zero_grad()
                average.step(run.parameters)
                accelerator.log(numbers, step=step + 1)
                now, done = time.monotonic(), step + 1
                is_asked = _is_asked(accelerator, stop)
                if is_asked or now - saved > settings.checkpoint_seconds:
                    run.save(done)
                    saved = now
                if show is not None and settings.show_every and done % settings.show_every == 0:
                    _look(accelerator, network, average, run.parameters, show, done)
                pace = (now - started) / (done - run.first_step)
                yield StepRecord(done, settings.num_steps, numbers, pace * (settings.num_steps - done))
                if is_asked:
                    raise KeyboardInterrupt
        run.save(settings.num_steps)
    finally:
        for tracker in accelerator.trackers:
            tracker.finish()
    average.copy_to(run.parameters)
    network.eval()


def _is_asked(accelerator: Accelerator, stop: StopRequest) -> bool:
    """Return whether any process was asked to stop: all of them then do, after the same step."""
    if accelerator.num_processes == 1:
        return stop.is_made
    asked: Any = accelerator.reduce(torch.tensor(float(stop.is_made), device=accelerator.device))
    return bool(asked > 0)


@contextmanager
def _memory_told() -> Iterator[None]:
    """Say what to do where memory does not suffice."""
    try:
        yield
    except RuntimeError as problem:
        if not should_reduce_batch_size(problem):
            raise
        raise TrainingError(
            f"Memory does not suffice for a step ({str(problem).splitlines()[0]}). Raise accumulation in stage 2, set "
            "gradient_checkpointing = true, or lower batch_size or picture_size. The last checkpoint is kept."
        ) from problem


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
    _require_finite(numbers, step)
    return numbers


def _require_finite(numbers: dict[str, float], step: int) -> None:
    for name, value in numbers.items():
        if not math.isfinite(value):
            raise TrainingError(
                f"{name!r} is {value} at step {step + 1}. The last checkpoint is kept; lower learning_rate or "
                "gradient_clip, or take mixed_precision 'no', in a new folder."
            )


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
        with torch.no_grad(), accelerator.autocast():  # layers of several precisions, as in training
            show(step)
        network.train()
        average.restore(parameters)
    accelerator.wait_for_everyone()
