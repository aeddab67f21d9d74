"""The processes of a run, as accelerate knows them."""

import os

import torch
from accelerate import PartialState


def runs_on_cpu() -> bool:
    """Return whether a run computes on the CPU: because nothing else is there, or accelerate was told so."""
    told = os.environ.get("ACCELERATE_USE_CPU", "false").lower() in ("1", "true", "yes")
    return told or not torch.accelerator.is_available()


def processes() -> PartialState:
    """Return accelerate's state of the processes; those of `torchrun` or `mpirun` on CPUs find each other too.

    Without being told, accelerate takes each process of a CPU run for the only one.
    """
    return PartialState(cpu=runs_on_cpu())
