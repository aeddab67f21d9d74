"""The training loop: exact resumption, averaged weights, refusals."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from diffusers.schedulers.scheduling_pndm import PNDMScheduler
from small_models import open_adapter, published_scheduler, tiny_unet
from torch import nn

from sonicdiffusion.errors import ConfigError, ModelError, TrainingError
from sonicdiffusion.training.diffusion_loss import diffusion_loss, noise_schedule
from sonicdiffusion.training.loop import LoopSettings, StepRecord, Turn, choose_precision, train
from sonicdiffusion.training.stage1 import info_nce, token_weights
from sonicdiffusion.training.watch import GateWatch, TokenWatch

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


@pytest.mark.parametrize("passes", [2, 4])
def test_a_batch_in_several_passes_gives_the_same_weights(tmp_path: Path, passes: int) -> None:
    def plain() -> nn.Module:  # dropout draws by share
        torch.manual_seed(3)
        return nn.Linear(4, 1)

    ends = []
    for name, count in (("one", 1), ("several", passes)):
        module = plain()
        list(train(module, losses, replace(SETTINGS, accumulation=count), tmp_path / name))
        ends.append(module.state_dict())
    assert not torch.equal(ends[0]["weight"], plain().state_dict()["weight"])
    for name, value in ends[0].items():
        assert torch.allclose(value, ends[1][name], atol=1e-6), name


def test_a_batch_that_cannot_be_shared_out_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no multiple of 3"):
        next(start(tmp_path, replace(SETTINGS, accumulation=3))[1])


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    def sick(module: nn.Module, turn: Turn) -> dict[str, torch.Tensor]:
        healthy = losses(module, turn)
        return {"square": healthy["square"] * (float("nan") if turn.step == 5 else 1.0)}

    with pytest.raises(TrainingError, match=r"'square' is nan at step 6"):
        list(train(network(), sick, SETTINGS, tmp_path))
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 5


def test_a_gradient_that_is_no_number_never_reaches_the_checkpoint(tmp_path: Path) -> None:
    def sick(module: nn.Module, turn: Turn) -> dict[str, torch.Tensor]:
        healthy = losses(module, turn)["square"]
        # The root has value 0 and an infinite slope there.
        return {"square": healthy + (healthy * 0).sqrt() if turn.step == 5 else healthy}

    with pytest.raises(TrainingError, match=r"'gradient' is nan at step 6"):
        list(train(network(), sick, SETTINGS, tmp_path))
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert state["step"] == 5
    assert all(value.isfinite().all() for value in state["network"].values())


def test_a_checkpoint_leaves_out_what_is_frozen(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Linear(4, 4).requires_grad_(False), nn.BatchNorm1d(4), nn.Linear(4, 1))
    records = train(module, losses, SETTINGS, tmp_path)
    next(records)
    next(records)
    names = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["network"].keys()
    assert {"1.running_mean", "2.weight"} <= set(names)
    assert not any(name.startswith("0.") for name in names)


@pytest.mark.parametrize(("trackers", "words"), [(("tensorbord",), "'tensorboard'"), (("comet_ml",), "not installed")])
def test_a_tracker_that_is_not_there_is_refused(trackers: tuple[str, ...], words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=words):
        next(start(tmp_path, replace(SETTINGS, trackers=trackers))[1])


def test_two_precisions_in_one_process(tmp_path: Path) -> None:
    list(start(tmp_path / "one")[1])
    list(start(tmp_path / "other", replace(SETTINGS, mixed_precision="bf16"))[1])


@pytest.mark.parametrize("kind", [EulerDiscreteScheduler, DPMSolverMultistepScheduler, PNDMScheduler])
def test_whatever_samples_the_noise_schedule_is_the_same(kind: Any) -> None:
    ours, theirs = published_scheduler(), kind.from_config(published_scheduler().config)
    expected, found = (noise_schedule(one).alphas_cumprod for one in (ours, theirs))
    assert torch.equal(expected, found)
    assert torch.allclose(expected, ours.alphas_cumprod)


def test_a_model_without_such_a_schedule_is_refused() -> None:
    with pytest.raises(ModelError, match="no noise schedule"):
        noise_schedule(FlowMatchEulerDiscreteScheduler())
    sample = DDIMScheduler(**{**published_scheduler().config, "prediction_type": "sample"})
    with pytest.raises(ModelError, match="'sample'"):
        noise_schedule(sample)


def test_another_thread_count_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, records = start(tmp_path)
    next(records)
    next(records)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 77)
    with pytest.warns(UserWarning, match="goes on with 77"):
        next(start(tmp_path)[1])


def test_a_look_sees_averaged_weights_and_changes_nothing(tmp_path: Path) -> None:
    seen: list[tuple[int, torch.Tensor]] = []
    settings = replace(SETTINGS, show_every=4, learning_rate=0.1)
    plain, records = start(tmp_path / "plain", settings)
    list(records)
    module = network()

    def show(step: int) -> None:
        torch.rand(5)
        seen.append((step, module.state_dict()["0.weight"].clone()))

    trained = []
    for record in train(module, losses, settings, tmp_path / "seen", show):
        trained.append((record.step, module.state_dict()["0.weight"].clone()))
    assert [step for step, _ in seen] == [4, 8, 12]
    assert all(not torch.equal(weights, dict(trained)[step]) for step, weights in seen)
    assert torch.equal(seen[-1][1], module.state_dict()["0.weight"]), "the last look is at the result"
    assert torch.equal(plain.state_dict()["0.weight"], module.state_dict()["0.weight"])


def test_tokens_that_are_all_the_same_are_told_once() -> None:
    watch, classes = TokenWatch(SETTINGS), np.array([0, 1])
    tokens = torch.ones(2, 3, 4) + 1e-5 * torch.arange(24.0).reshape(2, 3, 4)
    watch.look(Turn(1, 0), tokens, classes)
    with pytest.warns(UserWarning, match="the same"):
        watch.look(Turn(2, 0), tokens, classes)
    watch.look(Turn(2, 0), torch.randn(2, 3, 4), classes)
    watch.look(Turn(2, 0), tokens, np.array([1, 1]))


def test_gates_that_stay_shut_are_told() -> None:
    adapter = open_adapter(tiny_unet())
    watch = GateWatch(SETTINGS, adapter)
    watch.look(Turn(2, 0))
    for branch in adapter.branches.values():
        branch.gate.data.zero_()
    watch.look(Turn(1, 0))
    with pytest.warns(UserWarning, match="shut"):
        watch.look(Turn(2, 0))


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_min_snr_weights_by_hand(kind: str) -> None:
    scheduler = noise_schedule(DDIMScheduler(**{**published_scheduler().config, "prediction_type": kind}))
    latents, turn = torch.randn(6, 4, 2, 2, generator=torch.Generator().manual_seed(1)), Turn(0, 0)
    seen: list[torch.Tensor] = []

    def nothing(noisy: torch.Tensor, times: torch.Tensor, _text: torch.Tensor) -> torch.Tensor:
        seen.append(times)
        return torch.zeros_like(noisy)

    loss = diffusion_loss(nothing, scheduler, latents, torch.zeros(6, 1, 1), turn, min_snr_gamma=5.0)  # type: ignore[arg-type]
    noise = torch.randn(latents.shape, generator=turn.generator)
    kept = scheduler.alphas_cumprod[seen[0]]
    target = noise
    if kind == "v_prediction":
        target = kept.sqrt()[:, None, None, None] * noise - (1 - kept).sqrt()[:, None, None, None] * latents
    ratio = kept / (1 - kept)
    weight = ratio.clamp(max=5.0) / (ratio + (kind == "v_prediction"))
    assert float(loss) == pytest.approx(float((weight * target.square().mean(dim=(1, 2, 3))).mean()), rel=1e-5)


def test_shares_of_a_batch_are_the_batch() -> None:
    scheduler, latents = noise_schedule(published_scheduler()), torch.randn(6, 4, 2, 2)

    def half(noisy: torch.Tensor, _times: torch.Tensor, _text: torch.Tensor) -> torch.Tensor:
        return 0.5 * noisy

    text = torch.zeros(6, 1, 1)
    whole = diffusion_loss(half, scheduler, latents, text, Turn(3, 1))  # type: ignore[arg-type]
    turns = [Turn(3, 1, share, 3) for share in range(3)]
    parts = [diffusion_loss(half, scheduler, turn.mine(latents), turn.mine(text), turn) for turn in turns]  # type: ignore[arg-type]
    assert float(whole) == pytest.approx(float(torch.stack(parts).mean()), rel=1e-5)


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
