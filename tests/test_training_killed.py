"""Training that is killed, and training in several processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from small_training import small_data, small_recipe

from sonicdiffusion.config import to_dict
from sonicdiffusion.data.prepared import PreparedData
from sonicdiffusion.training.adapter import AdapterTraining

HERE = Path(__file__).parent


@pytest.fixture
def cached(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Prepare data, compute its features and return its folder."""
    monkeypatch.setenv("SONICDIFFUSION_CACHE", str(tmp_path / "cache"))
    data = small_data(tmp_path / "source")
    list(AdapterTraining(PreparedData(data), small_recipe(model), tmp_path / "run").cache(torch.device("cpu")))
    return data


def run(*command: str | Path, **environment: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(HERE), **environment}
    done = subprocess.run([*map(str, command)], env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_killed_at_random_moments_it_ends_with_the_same_bits(cached: Path, model: Path, tmp_path: Path) -> None:
    script = HERE / "kill_and_resume.py"
    kills = [run(sys.executable, script, cached, model, tmp_path / f"run{n}", str(n), "5").split() for n in (0, 8)]
    assert kills[0] == ["0", "0", "0"]
    assert int(kills[1][0]) >= 5, "it was done before it could be killed"
    assert int(kills[1][1]) >= 1, "no kill fell into a write"
    assert kills[1][2] == "0"
    whole, broken = ((tmp_path / f"run{n}" / "adapter" / "adapter.safetensors").read_bytes() for n in (0, 8))
    assert whole == broken


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_two_processes_train_the_same_model_as_one(cached: Path, model: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(_toml(to_dict(small_recipe(model))))
    for count in (1, 2):
        for stage in ("stage1", "stage2"):
            launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={count}"]
            program = ["--no_python", Path(sys.executable).with_name("sonicdiffusion")]
            options = ["train", stage, cached, "--recipe", recipe, "--folder", tmp_path / f"run{count}"]
            told = run(*launch, *program, *options, OMP_NUM_THREADS="1")
            assert told.count("done" if stage == "stage1" else "The adapter is") == 1, "one process tells"
        state = torch.load(tmp_path / f"run{count}" / "stage2" / "checkpoint.pt", weights_only=True)
        assert state["settings"]["num_processes"] == count
    one, two = (load_file(tmp_path / f"run{count}" / "adapter" / "adapter.safetensors") for count in (1, 2))
    assert one.keys() == two.keys()
    for name, value in one.items():
        assert torch.allclose(value, two[name], atol=2e-5), name


def _toml(table: dict, prefix: str = "") -> str:
    """Write plain values as TOML."""
    lines = [f"{key} = {_value(value)}" for key, value in table.items() if not isinstance(value, dict)]
    for key, value in table.items():
        if isinstance(value, dict):
            lines += [f"[{prefix}{key}]", _toml(value, f"{prefix}{key}.")]
    return "\n".join(lines)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(_value(one) for one in value)}]"
    return f'"{value}"' if isinstance(value, str) else str(value)
