"""The whole chain on small data sets in the published layouts: the judge must see that the adapter hears."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sonicdiffusion import GenerationPipeline, sample_scene, synthesise
from sonicdiffusion.data.prepare import PrepareSettings, prepare
from sonicdiffusion.data.prepared import PreparedData
from sonicdiffusion.evaluation.judge import Judge
from sonicdiffusion.soundscapes.scene import EVENTS
from sonicdiffusion.training.adapter import AdapterTraining
from sonicdiffusion.training.adapter_recipe import AdapterRecipe, load_adapter_recipe

WRITER = Path(__file__).parents[1] / "examples" / "soundscapes_videos.py"


def shortened() -> AdapterRecipe:
    recipe = load_adapter_recipe("mini")
    stage1, stage2 = recipe.stage1, recipe.stage2
    return replace(
        recipe,
        stage1=replace(stage1, loop=replace(stage1.loop, num_steps=150, trackers=())),
        stage2=replace(stage2, loop=replace(stage2.loop, num_steps=200, trackers=())),
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The prompt has")  # a material's caption is a little long for mini
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("layout", "num_events"), [("landscape", 12), ("greatest-hits", 12), ("ravdess", 8)])
def test_an_adapter_of_a_published_layout_hears(
    layout: str, num_events: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SONICDIFFUSION_CACHE", str(tmp_path / "cache"))
    subprocess.run([sys.executable, str(WRITER), str(tmp_path / "source"), "240", layout], check=True)
    list(prepare(tmp_path / "source", tmp_path / "data", PrepareSettings(layout=layout, clip_seconds=5.0), workers=0))
    training = AdapterTraining(PreparedData(tmp_path / "data"), shortened(), tmp_path / "run")
    list(training.cache(torch.device("cpu")))
    list(training.stage1())
    list(training.stage2())

    pipeline = GenerationPipeline.from_pretrained("mini", adapter=training.adapter_folder, device="cpu")
    wanted = np.arange(48) % num_events
    sounds = [synthesise(sample_scene(2_000_100_000 + i, event=EVENTS[e])) for i, e in enumerate(wanted)]
    shares = []
    for strength in (1.0, 0.0):
        pictures = pipeline(sounds, seed=0, audio_strength=strength).images
        verdict = Judge.load("judge").look(np.stack([np.asarray(picture) for picture in pictures]))
        shares.append(float((verdict.event == wanted).mean()))
    assert shares[0] > 0.5
    assert shares[1] < 0.25
