"""An adapter comes back as it was saved, or one sentence says why not."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from small_models import TINY_ENCODER, TINY_PROJECTOR, open_adapter, tiny_adapter_config, tiny_unet

from sonicdiffusion.errors import MissingFileError, ModelError
from sonicdiffusion.models.adapter_file import load_adapter, save_adapter
from sonicdiffusion.models.audio_encoder import ClapAudioEncoder
from sonicdiffusion.models.audio_projector import AudioProjector

TINY_FACTS = ClapAudioEncoder(TINY_ENCODER).facts


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("adapter")
    adapter = open_adapter(tiny_unet())
    save_adapter(folder, tiny_adapter_config(adapter), AudioProjector(TINY_PROJECTOR), adapter)
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "adapter"))


def change_settings(**changes: Any) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return apply


def change_weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        weights = load_file(folder / "adapter.safetensors")
        change(weights)
        save_file(weights, folder / "adapter.safetensors")

    return apply


def truncate(folder: Path) -> None:
    path = folder / "adapter.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


GATE = "audio_adapter.mid_block.attentions.0.transformer_blocks.0.gate"


def test_an_adapter_comes_back_as_it_was_saved(folder: Path) -> None:
    unet = tiny_unet()
    config, projector, adapter = load_adapter(folder, unet, TINY_FACTS)
    assert config == tiny_adapter_config(adapter)
    again = folder.parent / "again"
    save_adapter(again, config, projector, adapter)
    for name in ("config.json", "adapter.safetensors"):
        assert (again / name).read_bytes() == (folder / name).read_bytes()
    assert sorted(path.name for path in again.iterdir()) == ["adapter.safetensors", "config.json"]
    names = set(load_file(again / "adapter.safetensors"))
    assert GATE in names
    assert all(name.startswith(("audio_projector.", "audio_adapter.")) for name in names)


def test_the_config_states_what_must_agree(folder: Path) -> None:
    facts = json.loads((folder / "config.json").read_text())
    expected = {"format_version": 1, "encoder": {"name": "tiny", "version": "1"}, "sample_rate": 8000}
    expected |= {"window_seconds": 1.0, "crop_policy": "loudest", "num_tokens": 5, "token_width": 24}
    assert expected.items() <= facts.items()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (change_settings(format_version=2), "format version 2"),
        (change_settings(colour="red"), "colour"),
        (change_settings(sample_rate="fast"), "sample_rate"),
        (change_settings(sites=["up_blocks.7.x"]), "no place for audio"),
        (change_settings(sites=[]), "at least one site"),
        (change_settings(num_tokens=6), "6 tokens"),
        (change_settings(encoder={"name": "other", "version": "1"}), "trained with encoder 'other'"),
        (change_settings(encoder={"name": "tiny", "version": "2"}), "version '2'"),
        (change_settings(sample_rate=44100), "sample rate 44100"),
        (change_settings(window_seconds=10.0), "window"),
        (change_weights(lambda weights: weights.pop(GATE)), "lack"),
        (change_weights(lambda weights: weights.pop("audio_projector.out.bias")), "is missing"),
        (change_weights(lambda weights: weights.update({GATE: torch.zeros(2)})), "has shape"),
        (
            change_weights(lambda weights: weights.update({"audio_projector.out.bias": torch.zeros(3)})),
            "has shape",
        ),
        (change_weights(lambda weights: weights.update({"gate": torch.zeros(1)})), "no part of an adapter"),
        (truncate, "damaged"),
        (lambda folder: (folder / "config.json").write_text("{"), "not valid JSON"),
        (lambda folder: (folder / "config.json").write_text("[]"), "JSON object"),
    ],
)
def test_what_does_not_fit_is_refused_and_the_unet_stays_bare(
    folder: Path, damage: Callable[[Path], None], words: str
) -> None:
    damage(folder)
    unet = tiny_unet()
    names, classes = list(unet.state_dict()), [type(module) for module in unet.modules()]
    with pytest.raises(ModelError, match=words) as error:
        load_adapter(folder, unet, TINY_FACTS)
    assert "\n" not in str(error.value)
    assert list(unet.state_dict()) == names
    assert [type(module) for module in unet.modules()] == classes


def test_an_adapter_for_another_width_is_refused(folder: Path) -> None:
    with pytest.raises(ModelError, match="are 24 wide; those of this UNet are 32 wide"):
        load_adapter(folder, tiny_unet(cross_attention_dim=32), TINY_FACTS)


@pytest.mark.parametrize("name", ["config.json", "adapter.safetensors"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(MissingFileError, match=name):
        load_adapter(folder, tiny_unet(), TINY_FACTS)


def test_a_config_that_describes_something_else_is_not_saved(tmp_path: Path) -> None:
    adapter = open_adapter(tiny_unet())
    config = tiny_adapter_config(adapter)
    with pytest.raises(ModelError, match="another projector"):
        save_adapter(
            tmp_path / "new", replace(config, projector=replace(TINY_PROJECTOR, num_blocks=1)),
            AudioProjector(TINY_PROJECTOR), adapter,
        )  # fmt: skip
    with pytest.raises(ModelError, match="other sites"):
        save_adapter(
            tmp_path / "new", replace(config, sites=adapter.sites[:1]), AudioProjector(TINY_PROJECTOR), adapter
        )
    assert not (tmp_path / "new").exists()
