"""The training loop: exact resumption, averaged weights, refusals."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from sonicdiffusion.errors import ConfigError
from sonicdiffusion.training.loop import LoopSettings, StepRecord, Turn, choose_precision, train
from sonicdiffusion.training.stage1 import info_nce, token_weights

SETTINGS = LoopSettings(num_steps=12, batch_size=4, warmup_steps=2, checkpoint_seconds=0.0, mixed_precision="no")


def network() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.2), nn.Linear(8, 1))


def losses(module: nn.Module, turn: Turn) -> dict[str, torch.Tensor]:
    inputs = turn.mine(torch.randn(4, 4, generator=turn.generator))
    return {"square": (module(inputs) - inputs.sum(dim=1, keepdim=True)).square().mean()}


def start(folder: Path, settings: LoopSettings = SETTINGS) -> tuple[nn.Module, Iterator[StepRecord]]:
    module = network()
    return module, train(module, losses, settings, folder)


@pytest.mark.parametrize("stops", [[1], [5], [11], [2, 3, 9]])
def test_an_interrupted_run_ends_with_the_same_bits(tmp_path: Path, stops: list[int]) -> None:
    whole, records = start(tmp_path / "whole")
    assert [record.step for record in records] == list(range(1, 13))
    module = network()
    for stop in [*stops, 12]:
        module, records = start(tmp_path / "broken")
        for record in records:
            if record.step == stop and stop != 12:
                break
        records.close()  # type: ignore[attr-defined]
    for name, value in whole.state_dict().items():
        assert torch.equal(value, module.state_dict()[name]), name


def test_a_half_written_checkpoint_is_swept_away(tmp_path: Path) -> None:
    _, records = start(tmp_path)
    next(records)
    next(records)
    (tmp_path / ".writing-x").mkdir()
    (tmp_path / ".writing-x" / "checkpoint.pt").write_bytes(b"half")
    _, records = start(tmp_path)
    assert next(records).step == 3
    assert not list(tmp_path.glob(".writing-*"))


def test_other_settings_are_refused(tmp_path: Path) -> None:
    _, records = start(tmp_path)
    next(records)
    next(records)
    with pytest.raises(ConfigError, match="learning_rate"):
        next(start(tmp_path, replace(SETTINGS, learning_rate=0.5))[1])


def test_a_run_can_be_made_longer_but_not_shorter(tmp_path: Path) -> None:
    list(start(tmp_path)[1])
    _, records = start(tmp_path, replace(SETTINGS, num_steps=15))
    assert [record.step for record in records] == [13, 14, 15]
    with pytest.raises(ConfigError, match="num_steps"):
        next(start(tmp_path)[1])


def test_the_loss_falls(tmp_path: Path) -> None:
    settings = replace(SETTINGS, num_steps=150, learning_rate=0.02, checkpoint_seconds=60.0)
    values = [record.losses["square"] for record in start(tmp_path, settings)[1]]
    assert sum(values[-20:]) < 0.5 * sum(values[:20])


def test_the_rate_rises_then_falls() -> None:
    settings = LoopSettings(num_steps=100, warmup_steps=10, decay_share=0.5)
    rates = [settings.rate(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == 1.0
    assert rates[-1] == pytest.approx(0.02)


def test_precision_is_what_was_asked() -> None:
    assert choose_precision("no") == "no"
    assert choose_precision("auto") == ("bf16" if torch.cuda.is_available() else "no")


def test_early_tokens_weigh_more() -> None:
    weights = token_weights(24, 8.0)
    assert (weights.diff() < 0).all()
    assert weights[8] == pytest.approx(0.5)


def test_info_nce_prefers_tokens_that_agree_within_a_class() -> None:
    classes = torch.tensor([0, 0, 1, 1])
    apart = torch.eye(2)[classes][:, None]
    mixed = torch.eye(2)[torch.tensor([0, 1, 0, 1])][:, None]
    assert info_nce(apart, classes, 0.07) < 1e-4 < info_nce(mixed, classes, 0.07)


def test_info_nce_by_hand() -> None:
    tokens = torch.tensor([[[1.0, 0.0]], [[1.0, 0.0]], [[0.0, 1.0]]])
    expected = torch.log(torch.exp(torch.tensor(1.0)) + 1.0) - 1.0  # one positive at 1, one negative at 0
    assert info_nce(tokens, torch.tensor([0, 0, 1]), 1.0) == pytest.approx(float(expected))
