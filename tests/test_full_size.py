"""Stable Diffusion's own size, with random weights: it loads, hears, and costs what the documentation says."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from full_size import UNET, XL_UNET, save_published_checkpoints, save_stable_diffusion
from typer.testing import CliRunner

from sonicdiffusion.cli.main import app
from sonicdiffusion.evaluation.cost import unet_flops
from sonicdiffusion.models.audio_adapter import AudioAdapter


def meta_unet(settings: dict[str, Any]) -> UNet2DConditionModel:
    with torch.device("meta"):
        return UNet2DConditionModel(**settings)


@pytest.mark.slow
@pytest.mark.parametrize(("pixels", "most"), [(512, 1.025), (256, 1.03)])
def test_sound_adds_few_operations_at_full_size(pixels: int, most: float) -> None:
    config = meta_unet(UNET).config
    without, heard = unet_flops(config, None, (4, pixels // 8, pixels // 8), 77)
    _, not_kept = unet_flops(config, None, (4, pixels // 8, pixels // 8), 77, is_kept=False)
    assert 1.005 < heard / without < most
    assert heard < not_kept


@pytest.mark.slow
def test_the_xl_shape_gets_layers_of_its_own_names_and_gives_them_back() -> None:
    unet = meta_unet(XL_UNET)
    names = list(unet.state_dict())
    with torch.device("meta"):
        adapter = AudioAdapter.install(unet)
    # The middle block and six transformers of the up path, the first layer of each.
    assert len(adapter.sites) == 7
    assert all(site.endswith("transformer_blocks.0") for site in adapter.sites)
    assert {branch.token_width for branch in adapter.branches.values()} == {2048}
    assert 40e6 < sum(weight.numel() for weight in adapter.parameters()) < 50e6
    assert [name for name in unet.state_dict() if ".audio_attention." not in name] == names
    adapter.remove()
    assert list(unet.state_dict()) == names
    without, heard = unet_flops(unet.config, None, (4, 128, 128), 77)
    assert 1.001 < heard / without < 1.025


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_stable_diffusion_at_full_size_hears_a_converted_adapter(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, out = save_stable_diffusion(tmp_path / "stable-diffusion"), tmp_path / "verified"
    files = save_published_checkpoints(tmp_path)
    run = CliRunner().invoke
    converted = run(
        app,
        [
            "convert",
            str(files["audio_projector"]),
            str(files["audio_adapter"]),
            "--clap",
            str(files["msclap_2022_audio_encoder"]),
            "--out",
            str(tmp_path / "adapter"),
        ],
    )
    assert converted.exit_code == 0, converted.output
    done = run(
        app,
        [
            "verify",
            "--model",
            str(model),
            "--adapter",
            str(tmp_path / "adapter"),
            "--device",
            "cpu",
            "--size",
            "256",
            "--steps",
            "2",
            "--out",
            str(out),
        ],
    )
    assert done.exit_code == 0, done.output
    report = json.loads((out / "report.json").read_text())
    assert report["facts"]["parameters"]["unet"] == 859_520_964
    assert report["facts"]["base_family"] == "stable-diffusion-1"
    assert 1.0 < report["numbers"]["unet_flops_with_sound_to_without"] < 1.03
    assert report["numbers"]["time_with_sound_to_without"] < 1.5
    with capsys.disabled():
        sys.stdout.write(f"\n{json.dumps(report['numbers'], indent=1)}\n")  # what the documentation quotes
