"""The method without its parts: options that take them away, the single token, and the command that compares them."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_models import tiny_unet
from small_training import small_data, small_recipe
from typer.testing import CliRunner

from sonicdiffusion.cli.main import app
from sonicdiffusion.config import to_dict
from sonicdiffusion.data.prepared import PreparedData
from sonicdiffusion.errors import ConfigError
from sonicdiffusion.evaluation.ablations import VARIANTS, choose_variants, train_variant
from sonicdiffusion.evaluation.judge import Judge, JudgeConfig, JudgeNetwork
from sonicdiffusion.models.audio_adapter import all_sites, default_sites
from sonicdiffusion.models.folders import read_tensors
from sonicdiffusion.training.adapter import SINGLE_TOKEN, AdapterTraining
from sonicdiffusion.training.adapter_recipe import AdapterRecipe, load_adapter_recipe
from sonicdiffusion.training.cached_examples import CachedExamples
from sonicdiffusion.training.run_folder import what_counts
from sonicdiffusion.training.single_token import load_token_projector, with_token
from sonicdiffusion.training.stage1 import Stage1Recipe, token_weights, train_stage1
from sonicdiffusion.training.stage2 import Stage2Recipe

CPU = torch.device("cpu")
Trained = Callable[[str], Path]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    return PreparedData(small_data(tmp_path_factory.mktemp("data")))


@pytest.fixture
def recipe(model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AdapterRecipe:
    monkeypatch.setenv("SONICDIFFUSION_CACHE", str(tmp_path / "cache"))
    return small_recipe(model)


@pytest.fixture
def trained(data: PreparedData, recipe: AdapterRecipe, tmp_path: Path) -> Trained:
    """Train a variant by its name, and return its folder."""
    list(AdapterTraining(data, recipe, tmp_path).cache(CPU))

    def train(name: str) -> Path:
        variant = next(variant for variant in VARIANTS if variant.name == name)
        list(train_variant(variant, data, recipe, tmp_path / name))
        return tmp_path / name

    return train


def gates(folder: Path) -> dict[str, float]:
    weights = read_tensors(folder / "adapter" / "adapter.safetensors")
    return {name: float(value.tanh()) for name, value in weights.items() if name.endswith(".gate")}


def sites(folder: Path) -> tuple[str, ...]:
    return tuple(json.loads((folder / "adapter" / "config.json").read_text())["sites"])


@pytest.mark.parametrize("weight", ["contrast_weight", "caption_weight"])
def test_weight_0_takes_a_loss_out_of_stage_1(
    weight: str, data: PreparedData, recipe: AdapterRecipe, tmp_path: Path
) -> None:
    training = AdapterTraining(data, recipe, tmp_path)
    list(training.cache(CPU))
    without: Any = replace(recipe.stage1, **{weight: 0.0})

    def weights_after(settings: Stage1Recipe, name: str, *, changed: bool) -> torch.Tensor:
        examples = CachedExamples(training.plan)
        if changed and weight == "contrast_weight":
            examples._classes = np.arange(len(examples)) % 2
        elif changed:
            examples._tokens = examples._tokens * 2 + 1
        list(train_stage1(settings, examples, tmp_path / f"{name}-{changed}"))
        return read_tensors(tmp_path / f"{name}-{changed}" / "projector.safetensors")["out.weight"]

    def matters(settings: Stage1Recipe, name: str) -> bool:
        """Tell whether what that loss alone reads changes what is learnt."""
        one, other = (weights_after(settings, name, changed=changed) for changed in (False, True))
        return not torch.equal(one, other)

    assert matters(recipe.stage1, "with")
    assert not matters(without, "without")


def test_caption_tokens_0_weigh_all_tokens_alike() -> None:
    assert torch.equal(token_weights(5, 0.0), torch.ones(5))
    assert token_weights(20, 8.0)[0] > 0.9 > 0.1 > token_weights(20, 8.0)[-1]


def test_stage_1_needs_something_to_learn() -> None:
    with pytest.raises(ConfigError, match="one of them is above"):
        Stage1Recipe(contrast_weight=0.0, caption_weight=0.0)


def test_open_gates_stay_at_1_while_others_learn(trained: Trained) -> None:
    assert set(gates(trained("no_gates")).values()) == {1.0}
    learnt = gates(trained("full"))
    start = float(torch.tensor(0.5).tanh())
    assert all(value != start and value < 0.9 for value in learnt.values())


def test_all_blocks_have_layers_in_the_down_path_too(trained: Trained) -> None:
    unet = tiny_unet()
    assert set(default_sites(unet)) < set(all_sites(unet))
    assert any(path.startswith("down_blocks.") for path in all_sites(unet))
    assert set(sites(trained("all_blocks"))) == set(all_sites(unet))
    assert set(sites(trained("full"))) == set(default_sites(unet))


def test_settings_at_their_old_values_are_not_recorded() -> None:
    new = {"caption_weight", "sites", "gates"}
    for recipe in (Stage1Recipe(), Stage2Recipe()):
        assert set(to_dict(recipe)) & new
        assert not set(what_counts(recipe)) & new, "a run from before them goes on"
    assert what_counts(Stage2Recipe(sites="all"))["sites"] == "all"
    assert what_counts(Stage1Recipe(caption_weight=0.0))["caption_weight"] == 0.0


def test_one_token_takes_one_place_of_the_text_and_leaves_the_base_alone(
    trained: Trained, data: PreparedData, recipe: AdapterRecipe, model: Path, tmp_path: Path
) -> None:
    text, token = torch.randn(2, 7, 4), torch.randn(2, 1, 4)
    both = with_token(text, token)
    assert torch.equal(both[:, :-1], text[:, :-1])
    assert torch.equal(both[:, -1:], token)
    before = {path: path.read_bytes() for path in model.rglob("*") if path.is_file()}
    folder = trained("single_token")
    assert all(path.read_bytes() == content for path, content in before.items())
    weights = read_tensors(folder / SINGLE_TOKEN / "projector.safetensors")
    assert not any(name.startswith("unet") for name in weights)
    projector = load_token_projector(folder / SINGLE_TOKEN)
    assert projector.null_tokens().shape[1] == 1
    assert list(AdapterTraining(data, recipe, tmp_path / "single_token").single_token()) == []


def test_the_full_method_is_always_among_the_variants() -> None:
    assert [variant.name for variant in choose_variants(["no_gates"])] == ["full", "no_gates"]
    assert choose_variants(None) == list(VARIANTS)
    with pytest.raises(ConfigError, match="'no_gates'"):
        choose_variants(["no_gate"])


def test_every_variant_changes_the_recipe() -> None:
    recipe = load_adapter_recipe("mini-short")
    changed = [variant for variant in VARIANTS if variant.of(recipe) != recipe]
    assert len(changed) == len(VARIANTS) - 2  # the full method, and the single token, which is trained another way


@pytest.mark.usefixtures("recipe")  # its cache
def test_the_command_trains_compares_and_goes_on(data: PreparedData, model: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    judge = JudgeConfig(widths=(8, 16, 32), depths=(1, 1, 1), sound_width=16, embedding_width=32)
    Judge(JudgeNetwork(judge)).save(tmp_path / "judge")
    loop = "num_steps = 2\nbatch_size = 4\nwarmup_steps = 1\nmixed_precision = 'no'\ntrackers = []\n"
    own = tmp_path / "own.toml"
    own.write_text(
        f"base = '{model}'\nencoder = '{model}'\nbase_family = 'tiny'\n[stage1]\nattention_width = 16\n"
        f"num_blocks = 1\n[stage1.loop]\n{loop}[stage2.loop]\n{loop}[generation]\nnum_steps = 2\n"
    )
    command = ["ablate", str(data.folder), "--out", str(tmp_path / "out"), "--recipe", str(own), "--pictures", "24"]
    command += ["--judge", str(tmp_path / "judge"), "--device", "cpu", "--only", "single_token", "--only", "no_gates"]
    first = CliRunner().invoke(app, command, catch_exceptions=False)
    assert first.exit_code == 0
    report = tmp_path / "out" / "ablations.json"
    numbers = json.loads(report.read_text())
    assert list(numbers) == ["full", "no_gates", "single_token"]
    assert numbers["single_token"]["minus_full"]["event"].keys() == {"value", "low", "high", "count"}
    assert len(numbers["full"]["each"]["trial"]) == 24
    table = report.with_suffix(".md").read_text()
    assert table.count("\n| ") == 3
    weights = tmp_path / "out" / "no_gates" / "adapter" / "adapter.safetensors"
    written = weights.stat().st_mtime_ns
    assert CliRunner().invoke(app, command, catch_exceptions=False).exit_code == 0
    assert weights.stat().st_mtime_ns == written
    assert json.loads(report.read_text()) == numbers
