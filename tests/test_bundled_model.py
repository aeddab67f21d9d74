"""The bundled model through the public door, and the README's program."""

import re
import runpy
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from sonicdiffusion import GenerationPipeline, Waveform, sample_scene, synthesise
from sonicdiffusion.errors import ConfigError
from sonicdiffusion.evaluation.judge import Judge
from sonicdiffusion.soundscapes.scene import EVENTS

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def pipeline() -> GenerationPipeline:
    return GenerationPipeline.from_pretrained("mini")


@pytest.fixture(scope="module")
def thunder() -> Waveform:
    return synthesise(sample_scene(2_000_000_000, event="thunder"))


def pixels(pipeline: GenerationPipeline, *args: object, **settings: object) -> np.ndarray:
    return np.stack([np.asarray(image) for image in pipeline(*args, num_steps=4, **settings).images]).astype(int)  # type: ignore[arg-type]


def test_the_same_seed_makes_the_same_picture(pipeline: GenerationPipeline, thunder: Waveform) -> None:
    assert np.array_equal(pixels(pipeline, thunder, seed=3), pixels(pipeline, thunder, seed=3))
    assert np.abs(pixels(pipeline, thunder, seed=3) - pixels(pipeline, thunder, seed=4)).mean() > 2


def test_strength_zero_is_the_base_model(pipeline: GenerationPipeline, thunder: Waveform) -> None:
    off = pixels(pipeline, thunder, "a village", audio_strength=0.0)
    assert np.array_equal(off, pixels(pipeline, None, "a village"))
    assert np.abs(off - pixels(pipeline, thunder, "a village")).mean() > 1


def test_the_sound_decides_the_picture(pipeline: GenerationPipeline) -> None:
    sounds = [synthesise(sample_scene(2_000_000_100 + index, event=name)) for index, name in enumerate(EVENTS)]
    pictures = np.stack([np.asarray(image) for image in pipeline(sounds, batch_size=12).images])
    right = Judge.load().look(pictures).event == np.arange(len(EVENTS))
    assert right.sum() >= 6  # chance is one of twelve


def test_several_sounds_and_prompts_are_paired(pipeline: GenerationPipeline, thunder: Waveform) -> None:
    fire = synthesise(sample_scene(2_000_000_001, event="fire_crackling"))
    together = pixels(pipeline, [thunder, fire], ["a forest", "a city"], seed=5, batch_size=2)
    alone = pixels(pipeline, fire, "a city", seed=6)
    assert together.shape[0] == 2
    assert np.abs(together[1] - alone[0]).max() <= 2
    with pytest.raises(ConfigError, match="equally many"):
        pipeline([thunder, fire], ["a", "b", "c"])


def test_pictures_come_within_a_few_seconds(pipeline: GenerationPipeline, thunder: Waveform) -> None:
    pipeline(thunder, "a coast")
    started = time.perf_counter()
    pipeline(thunder, "a coast")
    assert time.perf_counter() - started < 60  # a hang, not a speed: speeds are measured by `sonicdiffusion evaluate`


def test_the_readme_program_is_the_example_and_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = (ROOT / "README.md").read_text()
    (program,) = [
        block for block in re.findall(r"```python\n(.*?)```", readme, re.DOTALL) if "GenerationPipeline" in block
    ]
    example = (ROOT / "examples" / "generate.py").read_text()
    for line in program.splitlines():
        assert line in example or "thunder.png" in line
    monkeypatch.setattr(sys, "argv", ["generate.py", str(tmp_path / "out.png")])
    runpy.run_path(str(ROOT / "examples" / "generate.py"))
    assert (tmp_path / "out.png").exists()


@pytest.mark.parametrize("strength", [float("nan"), float("inf")])
def test_a_strength_that_is_no_number_is_refused(pipeline: GenerationPipeline, strength: float) -> None:
    with pytest.raises(ConfigError, match="must be a number"):
        pipeline(None, "a coast", audio_strength=strength)


@pytest.mark.parametrize("seed", [-1, 2**64, 2**64 - 1])
def test_seeds_out_of_range_are_refused(pipeline: GenerationPipeline, seed: int) -> None:
    with pytest.raises(ConfigError, match="between 0 and"):
        pipeline(None, "a coast", seed=seed, num_images=2)
