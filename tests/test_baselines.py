"""What a model is compared with, and that models which do not listen are found out."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from sonicdiffusion import GenerationPipeline
from sonicdiffusion.data.shards import cache_folder
from sonicdiffusion.evaluation.baselines import baselines, contenders_of, contest, draw
from sonicdiffusion.evaluation.bench import Bench, Pictures, heard_scenes, pictures_of
from sonicdiffusion.evaluation.contest import markdown_table, trials_of, warnings_of
from sonicdiffusion.evaluation.judge import Judge
from sonicdiffusion.evaluation.report import measure
from sonicdiffusion.evaluation.trials import Contender, Trial


@pytest.fixture
def bench(pipeline: GenerationPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("SONICDIFFUSION_CACHE", str(tmp_path / "cache"))
    return Bench(pipeline, Judge.load(), num_pictures=24)


def showing(pictures: Pictures) -> Contender:
    def answer(_bench: Bench, trials: Sequence[Trial]) -> Pictures:
        assert len(trials) == len(pictures)
        return pictures

    return answer


def found_wrong(bench: Bench, pictures: Pictures, shuffled: Pictures) -> list[str]:
    scenes = heard_scenes(bench.num_pictures)
    numbers = contest(bench, scenes, {"model": showing(pictures), "shuffled_sounds": showing(shuffled)})
    return warnings_of(numbers, "model", "shuffled_sounds")


def test_broken_models_are_found_out_and_a_perfect_one_is_not(bench: Bench) -> None:
    true = pictures_of(heard_scenes(24))
    shuffled = np.roll(true, 1, axis=0)
    constant = np.repeat(true[:1], 24, axis=0)
    noise = np.random.default_rng(0).integers(0, 256, true.shape, np.uint8)
    chance, same, no_better = "at chance", "diversity is 0", "Shuffled sounds"

    def names(pictures: Pictures, others: Pictures) -> set[str]:
        said = found_wrong(bench, pictures, others)
        return {word for word in (chance, same, no_better) if any(word in sentence for sentence in said)}

    assert names(true, shuffled) == set()
    assert names(shuffled, true) == {chance, no_better}
    assert names(constant, constant) == {chance, same, no_better}
    assert names(noise, noise) >= {chance, no_better}


def test_differences_are_those_of_the_same_trials(bench: Bench) -> None:
    true = pictures_of(heard_scenes(24))
    half = np.concatenate([true[:12], np.roll(true[12:], 1, axis=0)])
    numbers = contest(bench, heard_scenes(24), {"model": showing(true), "half": showing(half)})
    event = numbers["half"]["minus_model"]["event"]
    assert event["value"] == pytest.approx(numbers["half"]["event"]["value"] - numbers["model"]["event"]["value"])
    assert event["low"] <= event["value"] <= event["high"] < 0
    assert len(numbers["half"]["each"]["event"]) == 24
    assert "| half |" in markdown_table(numbers)


def test_tokens_of_a_prompt_draw_what_the_prompt_draws(pipeline: GenerationPipeline) -> None:
    parts = pipeline.components
    tokens, null = parts.encode_text(["a beach", "rain"]), parts.encode_text([""])
    drawn = draw(pipeline, tokens, null, [3, 4])
    made = pipeline(None, ["a beach", "rain"], seed=3, batch_size=2).images
    assert np.array_equal(drawn, np.stack([np.asarray(image) for image in made]))


@pytest.mark.filterwarnings("ignore:The prompt has")  # the tiny model reads sixteen tokens
def test_all_baselines_answer_the_same_trials_and_are_kept(bench: Bench) -> None:
    numbers = baselines(bench)
    assert [name for name in numbers if name != "warnings"] == list(contenders_of(bench.pipeline))
    trials = [trial.name for trial in trials_of(heard_scenes(24))]
    assert all(own["each"]["trial"] == trials for name, own in numbers.items() if name != "warnings")
    assert any("chance" in sentence for sentence in numbers["warnings"]), "an untrained model is flagged"
    kept = sorted((path, path.stat().st_mtime_ns) for path in cache_folder().rglob("*.npy"))
    assert kept
    report = measure(bench, ["baselines"])
    assert report["warnings"] == numbers["warnings"], "they stand at the head of the report"
    assert "warnings" not in report["baselines"]
    assert sorted((path, path.stat().st_mtime_ns) for path in cache_folder().rglob("*.npy")) == kept
