"""`sonicdiffusion verify` passes on a model that keeps its promises, and fails on one that does not."""

import json
from pathlib import Path

import pytest
import torch
from small_models import save_tiny_model
from typer.testing import CliRunner

from sonicdiffusion import GenerationPipeline
from sonicdiffusion.cli.main import app
from sonicdiffusion.errors import ModelError
from sonicdiffusion.evaluation.verify import verify


def test_the_bundled_model_passes_and_a_report_is_written(tmp_path: Path) -> None:
    out = tmp_path / "verified"
    result = CliRunner().invoke(app, ["verify", "--steps", "2", "--device", "cpu", "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert result.output.count("ok    ") == 6
    assert "Never run where this was written" in result.output
    report = json.loads((out / "report.json").read_text())
    assert all(report["checks"].values())
    assert report["facts"]["parameters"]["audio_layers"] == 986_501
    assert 1.0 < report["numbers"]["unet_flops_with_sound_to_without"] < 1.08
    assert len(list(out.glob("picture-*.png"))) == 8
    assert (out / "sheet.png").is_file()
    assert str(tmp_path) not in (out / "report.json").read_text()


@pytest.mark.filterwarnings("ignore:The prompt has")  # the small model reads fewer tokens than the prompts have
def test_a_model_whose_sound_does_nothing_fails(tmp_path: Path) -> None:
    pipeline = GenerationPipeline.from_pretrained(save_tiny_model(tmp_path / "tiny"), device="cpu")
    assert pipeline.components.hearing is not None
    with torch.no_grad():
        for branch in pipeline.components.hearing.adapter.branches.values():
            branch.out.weight.zero_()
            branch.out.bias.zero_()
    found = verify(pipeline, num_pairs=1)
    assert not found.checks["every sound changes the picture"]
    assert not found.checks["different sounds make different pictures"]
    assert found.checks["strength 0 makes the picture without sound, bit for bit"]
    pipeline.components.hearing = None
    with pytest.raises(ModelError, match="no audio adapter to verify"):
        verify(pipeline)
