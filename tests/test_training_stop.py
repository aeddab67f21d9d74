"""A training that is stopped by hand or runs out of memory."""

import os
import signal
from pathlib import Path

import pytest
import torch
from torch import nn

from sonicdiffusion.errors import TrainingError
from sonicdiffusion.training.loop import LoopSettings, Losses, Turn, train

SETTINGS = LoopSettings(
    num_steps=6, batch_size=2, warmup_steps=1, checkpoint_seconds=1e9, trackers=(), mixed_precision="no"
)


def losses(module: nn.Module, turn: Turn) -> Losses:
    return {"square": module(torch.ones(2, 2) * (turn.step + 1)).square().mean()}


def trained(folder: Path, stops: tuple[int, ...] = (), signal_number: int = signal.SIGINT) -> list[float]:
    """Train, asked to stop within some steps and started again each time; return the weights."""

    def step(module: nn.Module, turn: Turn) -> Losses:
        if turn.step in stops:
            os.kill(os.getpid(), signal_number)
        return losses(module, turn)

    done, network = 0, nn.Linear(2, 1)
    while done < SETTINGS.num_steps:
        torch.manual_seed(0)
        network = nn.Linear(2, 1)
        before = done
        try:
            for record in train(network, step, SETTINGS, folder):
                assert record.step == done + 1
                done = record.step
        except KeyboardInterrupt:
            assert done - 1 in stops
            assert done > before
    return network.weight.flatten().tolist()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop_it_keeps_its_step(number: int, tmp_path: Path) -> None:
    handlers = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    whole = trained(tmp_path / "whole")
    assert trained(tmp_path / "stopped", (1, 4), number) == whole
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_asked_twice_it_stops_at_once(tmp_path: Path) -> None:
    def step(module: nn.Module, turn: Turn) -> Losses:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
        return losses(module, turn)

    with pytest.raises(KeyboardInterrupt):
        next(train(nn.Linear(2, 1), step, SETTINGS, tmp_path))
    assert not (tmp_path / "checkpoint.pt").exists()


def test_want_of_memory_is_one_sentence_that_says_what_to_do(tmp_path: Path) -> None:
    def step(module: nn.Module, turn: Turn) -> Losses:
        if turn.step:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nMore about it.")
        return losses(module, turn)

    with pytest.raises(TrainingError, match=r"Tried to allocate 2.00 GiB.\). Raise accumulation"):
        list(train(nn.Linear(2, 1), step, SETTINGS, tmp_path))
