"""All steps of a bundled model at the smallest size, from nothing to a picture."""

from pathlib import Path

import numpy as np
import pytest

from sonicdiffusion import GenerationPipeline, sample_scene, synthesise
from sonicdiffusion.training.mini import STEPS, Workshop

LOOP = "\n[loop]\nnum_steps = 2\nbatch_size = 4\nwarmup_steps = 1\n"
RECIPES = {
    "autoencoder": "num_pictures = 500\nlatent_channels = 6\n" + LOOP,
    "text_encoder": "width = 192\nnum_layers = 1\nnum_heads = 4\nvocabulary = 600\n" + LOOP,
    "base": "widths = [32, 64]\nnum_heads = 4\n" + LOOP,
    "audio_encoder": "num_sounds = 500\n" + LOOP,
    "stage1": "attention_width = 16\nnum_blocks = 1\nembedding_copies = 2\n" + LOOP,
    "stage2": LOOP,
    "bundle": "num_steps = 3\n",
}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_step_runs_and_the_bundle_makes_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONICDIFFUSION_CACHE", str(tmp_path / "cache"))
    (tmp_path / "recipes").mkdir()
    for step, text in RECIPES.items():
        (tmp_path / "recipes" / f"{step}.toml").write_text(text)
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "README.md").write_text("the card")
    workshop = Workshop(str(tmp_path / "recipes"), target=tmp_path / "bundle")
    for step in STEPS:
        progress = list(workshop.run(step))
        assert progress, step
        assert step == "bundle" or list(workshop.run(step)) == [], "a step that is done is not done again"

    pipeline = GenerationPipeline.from_pretrained(str(tmp_path / "bundle"))
    thunder = synthesise(sample_scene(2_000_000_000, event="thunder"))
    (heard,) = pipeline(thunder, "a coast", seed=1).images
    (silent,) = pipeline(thunder, "a coast", seed=1, audio_strength=0.0).images
    assert heard.size == (128, 128)
    assert np.asarray(heard).std() > 1
    assert not np.array_equal(np.asarray(heard), np.asarray(silent)), "audio layers that start from text are heard"
    assert (tmp_path / "bundle" / "README.md").read_text() == "the card"
    assert not list((tmp_path / "bundle").glob(".*"))
