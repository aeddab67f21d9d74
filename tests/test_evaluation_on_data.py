"""A data set, a protocol and a contender become numbers; processes share the work."""

import json
import multiprocessing
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_training import small_data
from typer.testing import CliRunner

from sonicdiffusion.cli.main import app
from sonicdiffusion.data.prepared import PreparedData
from sonicdiffusion.errors import ConfigError
from sonicdiffusion.evaluation.bench import Bench, Pictures
from sonicdiffusion.evaluation.data_report import KEPT, Kept
from sonicdiffusion.evaluation.dataset import measure_on_data
from sonicdiffusion.evaluation.extractors.choice import choose_extractors
from sonicdiffusion.evaluation.judge import Judge
from sonicdiffusion.evaluation.protocol import Protocol, make_protocol, read_protocol, write_protocol
from sonicdiffusion.evaluation.trials import Trial, answer_of_model
from sonicdiffusion.metrics.diversity import mean_pairwise_distance
from sonicdiffusion.metrics.frechet import frechet_distance_of
from sonicdiffusion.pipelines.generate import GenerationPipeline
from sonicdiffusion.values import Waveform


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    return PreparedData(small_data(tmp_path_factory.mktemp("evaluated"), 90))


@pytest.fixture(scope="module")
def protocol(data: PreparedData) -> Protocol:
    return make_protocol(data, clips_per_class=2, seeds_per_clip=3)


@pytest.fixture
def bench(pipeline: GenerationPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("SONICDIFFUSION_CACHE", str(tmp_path / "cache"))
    return Bench(pipeline, Judge.load())


def test_the_rule_gives_each_class_its_clips_and_leaves_the_others(data: PreparedData, protocol: Protocol) -> None:
    test = data.split("test")
    assert protocol.labels == ("high", "low", "mid")
    assert len(protocol.clips) == 6
    assert {clip.key for clip in protocol.clips} | set(protocol.references) == set(test.keys)
    label_of = dict(zip(test.keys, test.labels, strict=True))
    assert all(label_of[clip.key] == clip.label for clip in protocol.clips)
    assert protocol == make_protocol(data, clips_per_class=2, seeds_per_clip=3)
    most = make_protocol(data, clips_per_class=100)
    assert len(most.clips) <= len(test) / 2


def test_a_protocol_survives_its_file_and_fits_one_data_set(
    data: PreparedData, protocol: Protocol, tmp_path: Path
) -> None:
    write_protocol(protocol, tmp_path / "protocol.json")
    assert read_protocol(tmp_path / "protocol.json", data) == protocol
    stranger = replace(protocol, references=("0" * 64, *protocol.references))
    write_protocol(stranger, tmp_path / "other.json")
    with pytest.raises(ConfigError, match=r"1 rows that .* lacks"):
        read_protocol(tmp_path / "other.json", data)
    with pytest.raises(ConfigError, match="among its references"):
        replace(protocol, references=(protocol.clips[0].key, *protocol.references))
    with pytest.raises(ConfigError, match="ask for fewer"):
        replace(protocol, references=())


def test_the_numbers_are_those_of_the_pictures(
    bench: Bench, data: PreparedData, protocol: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sonicdiffusion.evaluation.dataset.PICTURES_AT_ONCE", 6)  # three slices
    extractors, made = choose_extractors(bench.judge), []

    def contender(bench: Bench, trials: Sequence[Trial]) -> Pictures:
        made.append(answer_of_model(bench, trials))
        return made[-1]

    found = measure_on_data(bench, data, protocol, extractors, contender)
    pictures = np.concatenate(made)
    assert (len(made), found["pictures"], found["references"]) == (3, 18, len(protocol.references))
    embedded = extractors.sets.pictures(pictures)
    test = data.split("test")
    others = [picture for key, (picture, _) in zip(test.keys, test.pictures_and_sounds(), strict=True)
              if key in protocol.references]  # fmt: skip
    true = np.concatenate([extractors.sets.pictures(picture[None]) for picture in others])
    assert found["fid"]["value"] == pytest.approx(frechet_distance_of(embedded, true), rel=1e-4)
    by_clip = [mean_pairwise_distance(one) for one in embedded.reshape(6, 3, -1)]
    assert found["diversity_between_seeds"]["value"] == pytest.approx(np.mean(by_clip), rel=1e-4)
    each = found["each"]
    assert len(each["trial"]) == len(set(each["trial"])) == 18
    for name in ("ais", "iis", "aic", "clip_score"):
        assert found[name]["value"] == pytest.approx(np.mean(each[name]))
        assert found[name]["low"] <= found[name]["value"] <= found[name]["high"]
        assert found["by_class"]["mid"][name]["value"] == pytest.approx(np.mean(each[name][12:]))
    assert sum(sum(row.values()) for row in found["confusion"].values()) == 18
    assert found["extractors"]["sets"]["is_published"] is False
    assert json.dumps(found)


def test_a_constant_picture_and_the_true_ones_are_told_apart(
    bench: Bench, data: PreparedData, protocol: Protocol
) -> None:
    extractors, test = choose_extractors(bench.judge), data.split("test")
    true = dict(zip((s.samples.tobytes() for _, s in test.pictures_and_sounds()),
                    (p for p, _ in test.pictures_and_sounds()), strict=True))  # fmt: skip

    def constant(_bench: Bench, trials: Sequence[Trial]) -> Pictures:
        return np.full((len(trials), 24, 32, 3), 128, np.uint8)

    def perfect(_bench: Bench, trials: Sequence[Trial]) -> Pictures:
        return np.stack([true[trial.sound.samples.tobytes()] for trial in trials])

    broken, best = (measure_on_data(bench, data, protocol, extractors, one) for one in (constant, perfect))
    assert broken["diversity_between_seeds"]["value"] == pytest.approx(0.0, abs=1e-6)
    assert best["fid"]["value"] < broken["fid"]["value"]
    assert best["iis"]["value"] == 1.0


def test_a_sample_is_even_and_bounded() -> None:
    many, few = Kept(50_000), Kept(10)
    wanted = [number for number in range(50_000) if many.wants(number)]
    assert len(wanted) == KEPT
    assert (wanted[0], wanted[-1]) == (0, 49_999)
    assert np.diff(wanted).max() <= 26
    assert all(few.wants(number) for number in range(10))


def test_the_command_writes_its_protocol_beside_the_report(
    model: Path, data: PreparedData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SONICDIFFUSION_CACHE", str(tmp_path / "cache"))

    def run(name: str, *more: str) -> dict[str, Any]:
        words = ["evaluate", str(data.folder), "--model", str(model), "--out", str(tmp_path / name), *more]
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 0, result.output
        return json.loads((tmp_path / name).read_text())["data_set"]

    first = run("a.json", "--clips-per-class", "1", "--seeds", "2")
    again = run("b.json", "--protocol", str(tmp_path / "a.protocol.json"))
    assert first == again
    assert first["pictures"] == 6
    assert "| data set: fid |" in (tmp_path / "a.md").read_text()


def _generate(model: Path, start: Barrier, results: "Queue[tuple[int, bytes]]") -> None:
    pipeline, calls = GenerationPipeline.from_pretrained(model, device="cpu"), []

    class Slow(type(pipeline)):
        def __call__(self, *words: Any, **named: Any) -> Any:
            calls.append(1)
            time.sleep(0.2)
            return super().__call__(*words, **named)

    pipeline.__class__ = Slow
    bench = Bench(pipeline, Judge.load())
    sounds = [Waveform(np.sin(np.arange(8000) * (0.05 + 0.001 * i)).astype(np.float32), 8000) for i in range(100)]
    start.wait()
    pictures = bench.generate("shared", sounds)
    results.put((len(calls), pictures.tobytes()))


@pytest.mark.slow  # two processes that import everything
def test_two_processes_make_each_chunk_once(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "SONICDIFFUSION_CACHE", str(tmp_path / "cache"))
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(2), context.Queue()
    processes = [context.Process(target=_generate, args=(model, start, results)) for _ in range(2)]
    for process in processes:
        process.start()
    found = [results.get(timeout=120) for _ in processes]
    for process in processes:
        process.join()
    assert sum(calls for calls, _ in found) == 5  # 100 pictures, 20 a chunk
    assert min(calls for calls, _ in found) >= 1
    assert found[0][1] == found[1][1]
