"""The judge, the bench and the report of an evaluation, with small and untrained networks."""

import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from sklearn.linear_model import LogisticRegression
from typer.testing import CliRunner

from sonicdiffusion.cli.main import app
from sonicdiffusion.errors import ConfigError, MissingFileError, ModelError
from sonicdiffusion.evaluation import seeds
from sonicdiffusion.evaluation.bench import Bench, heard_scenes, pictures_of, place_prompts, sounds_of
from sonicdiffusion.evaluation.judge import NOTHING, Judge, to_tensor
from sonicdiffusion.evaluation.judge_network import JudgeConfig, JudgeNetwork
from sonicdiffusion.evaluation.linear import LinearClassifier
from sonicdiffusion.evaluation.measure import MEASUREMENTS
from sonicdiffusion.evaluation.recordings import Recording, _scores, read_recordings
from sonicdiffusion.evaluation.report import NAMES, choose, measure, write
from sonicdiffusion.evaluation.train_judge import (
    JudgeRecipe,
    augment,
    damage,
    judge_example,
    judge_losses,
    judge_scene,
)
from sonicdiffusion.evaluation.world_check import check_world
from sonicdiffusion.pipelines.generate import GenerationPipeline
from sonicdiffusion.soundscapes.scene import EVENTS, PLACES, sample_scene
from sonicdiffusion.values import Waveform

SMALL = JudgeConfig(widths=(8, 16, 32), depths=(1, 1, 1), sound_width=16, embedding_width=32)


@pytest.fixture(scope="module")
def judge() -> Judge:
    torch.manual_seed(0)
    return Judge(JudgeNetwork(SMALL))


@pytest.fixture(scope="module")
def pipeline(model: Path) -> GenerationPipeline:
    return GenerationPipeline.from_pretrained(model, device="cpu")


@pytest.fixture
def bench(pipeline: GenerationPipeline, judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("SONICDIFFUSION_CACHE", str(tmp_path / "cache"))
    return Bench(pipeline, judge, num_pictures=12)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three readable clips and one that is not."""
    folder = tmp_path_factory.mktemp("recordings")
    for event, number in (("birds", 1), ("birds", 2), ("thunder", 1)):
        (folder / event).mkdir(exist_ok=True)
        sound = sounds_of([sample_scene(number, event=event)])[0]
        soundfile.write(folder / event / f"{number}.wav", sound.samples, sound.sample_rate)
    (folder / "birds" / "3.wav").write_bytes(b"no sound at all")
    (folder / "README.md").write_text("not a clip")
    return folder


def test_no_two_purposes_share_a_scene() -> None:
    ranges = [value for value in vars(seeds).values() if isinstance(value, range)]
    assert len(ranges) == 8
    assert all(a.stop <= b.start or b.stop <= a.start for a, b in combinations(ranges, 2))


def test_the_judge_survives_being_saved(judge: Judge, tmp_path: Path) -> None:
    pictures = pictures_of(heard_scenes(3))
    judge.save(tmp_path / "judge")
    before, after = judge.look(pictures), Judge.load(tmp_path / "judge").look(pictures)
    assert np.abs(before.events - after.events).max() < 0.02  # half precision
    assert after.events.shape == (3, len(EVENTS) + 1)
    assert np.allclose(after.events.sum(axis=1), 1, atol=1e-5)
    assert np.allclose(np.linalg.norm(after.embeddings, axis=1), 1, atol=1e-5)
    assert ((after.extents >= 0) & (after.extents <= 1)).all()


def test_a_damaged_judge_is_refused_in_one_sentence(judge: Judge, tmp_path: Path) -> None:
    judge.save(tmp_path)
    facts = json.loads((tmp_path / "config.json").read_text())
    facts["config"]["sound_width"] = 24
    (tmp_path / "config.json").write_text(json.dumps(facts))
    with pytest.raises(ModelError, match="does not fit"):
        Judge.load(tmp_path)
    with pytest.raises(MissingFileError):
        Judge.load(tmp_path / "nowhere")


def test_batches_do_not_change_a_verdict(judge: Judge) -> None:
    pictures = pictures_of(heard_scenes(3))
    together, apart = judge.look(pictures), judge.look(pictures, batch_size=1)
    assert np.abs(together.events - apart.events).max() < 1e-5


def test_the_judge_looks_at_pictures_of_any_size(judge: Judge) -> None:
    large = pictures_of(heard_scenes(1)).repeat(2, axis=1).repeat(2, axis=2)
    assert np.abs(judge.look(large).events - judge.look(large[:, ::2, ::2]).events).max() < 1e-5


def test_the_judge_hears_no_difference_in_gain(judge: Judge) -> None:
    sound = sounds_of(heard_scenes(1))[0]
    quiet = Waveform(sound.samples * np.float32(0.25), sound.sample_rate)
    embeddings = judge.listen([sound, quiet])
    assert np.abs(embeddings[0] - embeddings[1]).max() < 1e-4
    assert judge.name_sounds([sound]).shape == (1,)


def test_one_scene_in_thirteen_shows_nothing() -> None:
    assert [seed for seed in range(1, 40) if not judge_scene(seed).events] == [13, 26, 39]
    assert judge_scene(5) == sample_scene(5)


def test_damage_changes_a_picture_and_repeats_with_its_seed() -> None:
    picture = pictures_of(heard_scenes(1))[0]
    for seed in range(8):
        once, twice = (damage(picture, np.random.default_rng(seed)) for _ in range(2))
        assert (once.shape, once.dtype) == (picture.shape, np.uint8)
        assert np.array_equal(once, twice)
        difference = np.abs(once.astype(float) - picture)
        assert 0 < difference.mean() < 60
    untouched = augment(picture[None], replace(JudgeRecipe(), damage_share=0.0), np.random.default_rng(0))[0]
    assert np.array_equal(untouched, picture) or np.array_equal(untouched, picture[:, ::-1])


def test_the_judge_learns_what_it_is_shown() -> None:
    torch.manual_seed(0)
    examples = [judge_example(seed) for seed in range(20_000_000, 20_000_012)]
    batch = {name: np.stack([example[name] for example in examples]) for name in examples[0]}
    assert (batch["extents"] > 0).sum() == (batch["intensities"] > 0).sum()
    pictures = to_tensor(batch.pop("image"))
    truth = {name: torch.from_numpy(value) for name, value in batch.items()}
    network, history = JudgeNetwork(SMALL), []
    optimiser = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(30):
        losses = judge_losses(network, pictures, truth, JudgeRecipe())
        history.append({name: float(loss.detach()) for name, loss in losses.items()})
        optimiser.zero_grad()
        torch.stack([loss for name, loss in losses.items() if name[0] != "_"]).sum().backward()
        optimiser.step()
    assert all(parameter.grad is not None for parameter in network.parameters())
    assert all(history[-1][name] < 0.8 * history[0][name] for name in ("event", "place", "time", "extent", "heard"))
    assert history[-1]["contrast"] < history[0]["contrast"]
    assert history[-1]["_right"] > 0.8


def test_the_linear_classifier_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 4, 300)
    features = rng.normal(size=(300, 6)) + np.eye(6)[classes] * 1.5
    scaled = (features - features.mean(axis=0)) / features.std(axis=0)
    # Their penalty is half the squared weights against C times the summed loss.
    theirs = LogisticRegression(C=1 / (2 * 1e-3 * 300), tol=1e-8, max_iter=2000).fit(scaled, classes).predict(scaled)
    ours = LinearClassifier(features, classes, 4, weight_decay=1e-3).predict(features)
    assert (ours == theirs).mean() > 0.99


def test_the_thumbnail_test_reports_every_event() -> None:
    result = check_world(12, 12, workers=1)
    assert result["accuracy"]["count"] == 12
    assert set(result["recall"]) == set(EVENTS)


def test_the_scenes_show_every_event_in_every_place() -> None:
    scenes = heard_scenes(96)
    assert len({(scene.events[0].name, scene.place) for scene in scenes}) == len(EVENTS) * len(PLACES)
    assert {scene.seed for scene in scenes} <= set(seeds.HEARD)


def test_kept_pictures_are_those_that_would_be_made(bench: Bench) -> None:
    scenes = heard_scenes(3)
    sounds, prompts = sounds_of(scenes), place_prompts(scenes)
    made = bench.generate("test", sounds, prompts)
    kept = bench.generate("test", sounds, prompts)
    assert np.array_equal(made, kept)
    assert np.array_equal(made, replace(bench, is_fresh=True).generate("test", sounds, prompts))
    alone = bench.pipeline(sounds[1], prompts[1], seed=seeds.HEARD.start + 1).images[0]
    assert np.abs(np.asarray(alone).astype(int) - made[1]).max() <= 1


def test_every_setting_of_a_picture_has_its_own_place_in_the_cache(bench: Bench) -> None:
    sounds = sounds_of(heard_scenes(2))
    first = bench.generate("test", sounds)
    others: list[dict[str, Any]] = [{"audio_strength": 0.5}, {"first_seed": 7}, {"prompts": ["a", "b"]}]
    for settings in others:
        assert not np.array_equal(first, bench.generate("test", sounds, **settings))
    assert not np.array_equal(first, bench.generate("test", sounds[::-1]))


def test_a_model_is_known_by_its_weights(bench: Bench, model: Path) -> None:
    other = GenerationPipeline.from_pretrained(model, device="cpu")
    assert Bench(other, bench.judge).fingerprint == bench.fingerprint
    with torch.no_grad():
        next(other.components.unet.parameters()).add_(1e-3)
    assert Bench(other, bench.judge).fingerprint != bench.fingerprint


def test_the_autoencoder_is_the_pipelines_own(bench: Bench) -> None:
    pictures = pictures_of(heard_scenes(2))
    vae, expected = bench.pipeline.components.vae, []
    for picture in pictures:
        decoded = vae(to_tensor(picture[None])).sample
        expected.append(((decoded / 2 + 0.5).clamp(0, 1) * 255).round().permute(0, 2, 3, 1).detach().numpy()[0])
    assert np.abs(bench.reconstruct(pictures) - np.stack(expected)).max() <= 1


@pytest.mark.slow  # every measurement once
@pytest.mark.filterwarnings("ignore:The prompt has")  # the small model reads fewer tokens than prompts have
def test_an_evaluation_measures_everything_and_tells_no_paths(bench: Bench, recordings: Path, tmp_path: Path) -> None:
    seen: list[str] = []
    report = measure(bench, choose(None, recordings), recordings, lambda name, _: seen.append(name))
    others = ("baselines", "heat", "masks", "edits", "edit_curves", "edit_speed", "real_recordings")
    assert tuple(seen) == NAMES == ("speed", *MEASUREMENTS, *others)
    _, table = write(report, tmp_path / "report.json", bench.exhibits)
    text = (tmp_path / "report.json").read_text()
    assert json.loads(text)["pictures"] == 12
    assert str(recordings) not in text
    assert str(tmp_path) not in text
    clips = json.loads(text)["real_recordings"]["clips"]
    assert [clip["name"] for clip in clips] == ["birds/1.wav", "birds/2.wav", "thunder/1.wav"]
    assert report["real_recordings"]["unreadable"] == ["birds/3.wav"]
    assert "| with place: event and place |" in table.read_text()
    assert report["with_place"]["event"]["count"] == 12
    records = report["with_place"]["each"]
    assert records["trial"][0] == f"scene {seeds.HEARD.start}"
    assert sum(records["event"]) == round(report["with_place"]["event"]["value"] * 12)
    assert set(bench.exhibits.shown) == {
        "with_place",
        "sound_alone",
        "held_out_phrasings",
        "edits",
        "real_recordings",
    }
    assert not any(one.sound for ones in bench.exhibits.shown["real_recordings"].values() for one in ones)


def test_clips_go_to_the_halves_in_turn(recordings: Path) -> None:
    found, unreadable = read_recordings(recordings)
    assert [(one.name, one.half) for one in found] == [
        ("birds/1.wav", "choose"),
        ("birds/2.wav", "report"),
        ("thunder/1.wav", "choose"),
    ]
    assert unreadable == ["birds/3.wav"]


def test_recordings_of_an_unknown_class_are_refused(tmp_path: Path) -> None:
    (tmp_path / "trains").mkdir()
    with pytest.raises(ConfigError, match="'trains' is not named like an event"):
        read_recordings(tmp_path)
    with pytest.raises(MissingFileError):
        read_recordings(tmp_path / "nowhere")


def test_scores_of_recordings_average_over_classes_and_merge_the_two_bangs() -> None:
    birds, thunder, explosion = (EVENTS.index(name) for name in ("birds", "thunder", "explosion"))
    sound = Waveform(np.ones(10, np.float32), 8000)
    clips = [Recording("", event, "choose", "", sound) for event in (birds, birds, birds, thunder)]
    answers = np.array([[birds, birds], [birds, NOTHING], [birds, birds], [explosion, thunder]])
    scores = _scores(clips, answers)
    assert scores["all"]["value"] == pytest.approx((5 / 6 + 1 / 2) / 2)
    assert scores["explosion_and_thunder_merged"]["value"] == pytest.approx((5 / 6 + 1) / 2)
    assert scores["by_class"] == pytest.approx({"birds": 5 / 6, "thunder": 0.5})
    assert scores["confusion"]["birds"] == {"birds": 5, "none": 1}
    assert "report" not in scores


def test_the_command_prints_a_table_and_writes_a_report(
    model: Path, judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SONICDIFFUSION_CACHE", str(tmp_path / "cache"))
    judge.save(tmp_path / "judge")
    out = tmp_path / "report.json"
    options = [
        "--model",
        model,
        "--judge",
        tmp_path / "judge",
        "--pictures",
        "24",
        "--only",
        "sound_alone",
        "--out",
        out,
    ]
    result = CliRunner().invoke(app, ["evaluate", *map(str, options)])
    assert result.exit_code == 0, result.output
    assert "extent follows intensity" in result.output
    assert set(json.loads(out.read_text())) >= {"sound_alone", "weights_sha256", "model"}
