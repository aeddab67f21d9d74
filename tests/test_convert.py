"""Published checkpoints become adapters that compute as published; anything else is refused."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from full_size import save_published_checkpoints
from parity_rule import DATA, largest_difference, load_case
from safetensors.torch import load_file
from torch import Tensor

from sonicdiffusion.cli.main import app
from sonicdiffusion.errors import MissingFileError, ModelError
from sonicdiffusion.models.adapter_file import read_adapter_config
from sonicdiffusion.models.audio_encoder import ClapAudioEncoder
from sonicdiffusion.models.audio_projector import AudioProjector
from sonicdiffusion.models.convert import convert_published, read_published

KINDS = ("audio_projector", "audio_adapter", "msclap_2022_audio_encoder")


class Code:
    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("this must not run",))


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return save_published_checkpoints(tmp_path_factory.mktemp("published"))


def changed(source: Path, target: Path, change: dict[str, Tensor | None]) -> Path:
    state = torch.load(source, weights_only=True) | change
    torch.save({name: value for name, value in state.items() if value is not None}, target)
    return target


@torch.no_grad()
def test_converted_checkpoints_compute_as_published(published: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "landscape"
    projector_file, adapter_file, clap_file = (published[kind] for kind in KINDS)
    convert_published(projector_file, adapter_file, clap_file, out)
    config = read_adapter_config(out)
    assert (config.base_family, len(config.sites), config.projector.residual) == (
        "stable-diffusion-1", 10, "published",
    )  # fmt: skip
    shapes = json.loads((DATA / "official_checkpoints.json").read_text())
    count = sum(torch.Size(shape).numel() for kind in KINDS[:2] for shape in shapes[kind].values())
    assert sum(value.numel() for value in load_file(out / "adapter.safetensors").values()) == count
    assert ClapAudioEncoder.load(out / "audio_encoder").config.name == config.encoder.name
    weights = load_file(out / "adapter.safetensors")
    projector = AudioProjector(config.projector)
    projector.load_state_dict(
        {k.removeprefix("audio_projector."): v for k, v in weights.items() if k.startswith("audio_projector.")}
    )
    case = load_case("projector")
    assert largest_difference(projector(case["embedding"]), case["tokens"]) < 1e-4


def test_the_command_says_what_it_made(published: dict[str, Path], tmp_path: Path) -> None:
    from typer.testing import CliRunner

    out = tmp_path / "a" / "b"
    result = CliRunner().invoke(app, ["convert", *(str(published[kind]) for kind in KINDS[:2]), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "10 audio layers for stable-diffusion-1" in result.output
    assert "--clap" in result.output
    assert sorted(path.name for path in out.iterdir()) == ["adapter.safetensors", "config.json"]
    assert [path.name for path in out.parent.iterdir()] == ["b"]


def test_what_is_no_such_checkpoint_is_refused_and_leaves_nothing(published: dict[str, Path], tmp_path: Path) -> None:
    projector, adapter = published[KINDS[0]], published[KINDS[1]]
    out = tmp_path / "out"
    some = next(iter(torch.load(projector, weights_only=True)))
    cases: list[tuple[Path, Path, str]] = [
        (adapter, projector, "no tensor of the published"),
        (changed(projector, tmp_path / "1.pt", {some: None}), adapter, "1 tensors missing"),
        (changed(projector, tmp_path / "2.pt", {some: torch.zeros(3)}), adapter, "has shape"),
        (changed(projector, tmp_path / "3.pt", {"extra": torch.zeros(3)}), adapter, "no tensor of the published"),
        (projector, changed(adapter, tmp_path / "4.pt", {"down_blocks.0.gate_adapter": torch.zeros(1)}), "foreign"),
    ]
    for one, other, message in cases:
        with pytest.raises(ModelError, match=message):
            convert_published(one, other, None, out)
    with pytest.raises(MissingFileError, match="no file"):
        convert_published(tmp_path / "nothing.pt", adapter, None, out)
    assert not out.exists()
    assert not list(tmp_path.glob(".out*"))
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    with pytest.raises(ModelError, match="exists already"):
        convert_published(projector, adapter, None, out)


def test_code_in_a_pickle_is_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "evil.pt").write_bytes(pickle.dumps({"weight": Code()}))
    torch.save({"weight": Code()}, tmp_path / "evil2.pt")
    for name in ("evil.pt", "evil2.pt"):
        with pytest.raises(ModelError, match="refused"):
            read_published(tmp_path / name)
    assert "must not run" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04 cut short"])
def test_broken_files_get_one_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "broken.pt").write_bytes(content)
    with pytest.raises(ModelError, match="damaged"):
        read_published(tmp_path / "broken.pt")
