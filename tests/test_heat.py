"""Heat maps: hot where the audio layers add something, the same for a picture in any batch, refused without sound."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from small_models import open_adapter, tiny_unet

from sonicdiffusion import AudioPrompt, GenerationPipeline, sample_scene, synthesise
from sonicdiffusion.cli.main import app
from sonicdiffusion.errors import ConfigError
from sonicdiffusion.models.heard_sound import HeardSound
from sonicdiffusion.pipelines.heat import HeatMaps, overlay

FIRE = synthesise(sample_scene(2_000_000_003, event="fire_crackling"))


@torch.no_grad()
def test_heat_lies_where_a_mask_lets_the_sound_act() -> None:
    unet = tiny_unet()
    adapter = open_adapter(unet)
    random = torch.Generator().manual_seed(0)
    left = torch.zeros(1, 8, 8)
    left[:, :, :4] = 1.0
    tokens = torch.randn(2, 5, 24, generator=random)
    maps = HeatMaps((8, 8))
    text = torch.zeros(2, 3, 24)
    sites = [site for site in adapter.sites if site.startswith("up_blocks.1")]  # as fine as the latents
    with maps.watching(adapter, 1, sites):
        audio: dict[str, Any] = {"audio": [HeardSound(tokens, mask=left)]}
        unet(torch.randn(2, 4, 8, 8, generator=random), torch.tensor([10, 10]), text, cross_attention_kwargs=audio)
    (heat,) = maps.maps()
    assert heat.min() == 0
    assert heat.max() == pytest.approx(1)
    assert heat[:, 4:].max() == 0
    assert heat[:, :4].mean() > 0.1
    assert not any(branch._forward_hooks for branch in adapter.branches.values())


def test_a_picture_has_the_same_heat_in_any_batch() -> None:
    pipeline = GenerationPipeline.from_pretrained("mini", device="cpu")
    settings: dict[str, Any] = {"num_steps": 2, "heat": True}
    both = pipeline(FIRE, ["a coast", "a city"], seed=4, **settings)
    second = pipeline(FIRE, "a city", seed=5, **settings)
    assert both.heat is not None
    assert second.heat is not None
    assert both.heat.shape == (2, 16, 16)
    assert np.abs(both.heat[1] - second.heat[0]).max() < 1e-3
    assert pipeline(FIRE, num_steps=2).heat is None
    nothing = ({"audio": None}, {"audio": FIRE, "audio_strength": 0.0}, {"audio": FIRE, "audio_guidance": 0.0})
    for silent in (*nothing, {"audio": AudioPrompt(FIRE, strength={})}, {"audio": AudioPrompt(FIRE, start=0.9)}):
        with pytest.raises(ConfigError, match=r"[Hh]eat map"):
            pipeline(**silent, **settings)  # type: ignore[arg-type]


def test_an_overlay_is_bright_where_it_is_hot() -> None:
    heat = np.zeros((4, 4), np.float32)
    heat[0, 0] = 1.0
    shown = np.asarray(overlay(Image.new("RGB", (64, 64), (40, 40, 40)), heat), int)
    assert shown[4, 4, 0] > 150
    assert shown[60, 60].max() < 60


def test_the_command_writes_the_heat_beside_the_picture(tmp_path: Path) -> None:
    import soundfile
    from typer.testing import CliRunner

    soundfile.write(tmp_path / "fire.wav", FIRE.samples, FIRE.sample_rate)
    arguments = ["generate", str(tmp_path / "fire.wav"), "--steps", "2", "--heatmap", "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, [*arguments, "--device", "cpu"])
    assert result.exit_code == 0, result.output
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"fire.png", "fire-heat.png", "sheet.png"}
