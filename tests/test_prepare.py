"""A source becomes a data set: whole, the same whatever happened on the way, with everything bad listed."""

import csv
import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image
from small_videos import HEIGHT, RATE, WIDTH, Film, scene_picture, scene_sound, write_film, write_scene

from sonicdiffusion.cli.main import main
from sonicdiffusion.data import parquet_files
from sonicdiffusion.data.chunks import prepare_chunk, prepare_clips
from sonicdiffusion.data.clips import Found, Skipped, SourceClip
from sonicdiffusion.data.prepare import Progress, prepare
from sonicdiffusion.data.prepared import PreparedData
from sonicdiffusion.data.settings import PrepareSettings
from sonicdiffusion.data.shard_writer import ShardWriter
from sonicdiffusion.data.workers import Job, run_jobs
from sonicdiffusion.errors import ConfigError

SMALL = PrepareSettings(chunk_clips=2)


def prepared(source: Path, target: Path, settings: PrepareSettings = SMALL, workers: int = 0) -> PreparedData:
    for _ in prepare(source, target, settings, workers=workers):
        pass
    return PreparedData(target)


def write_pair(folder: Path, name: str, seed: int, seconds: float = 0.5) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.roll(scene_picture(seed % 4), seed, axis=1)).save(folder / f"{name}.png")
    samples = np.roll(scene_sound(seed % 3), 7 * seed)[: round(seconds * RATE)]
    soundfile.write(folder / f"{name}.wav", samples, RATE)


def write_pairs(folder: Path, count: int) -> Path:
    for index in range(count):
        write_pair(folder / f"class {index % 3}", f"{index:03d}", index)
    return folder


def write_bad(folder: Path) -> Path:
    """Ten videos, three of them good."""
    good = write_scene(folder / "rain" / "1 good.mp4", 1)
    write_scene(folder / "wind" / "雨 und Wind ü.mp4", 2)
    write_scene(folder / "wind" / "silent.mp4", 3, gain=1e-5)
    write_film(folder / "rain" / "no sound.mp4", Film([scene_picture(4)] * 5, None))
    write_film(folder / "rain" / "phone.mp4", Film([scene_picture(5)] * 20, scene_sound(5), rotation=-90))
    write_film(folder / "rain" / "black.mp4", Film([np.zeros((HEIGHT, WIDTH, 3), np.uint8)] * 20, scene_sound(6)))
    (folder / "rain" / "2 copy.mp4").write_bytes(good.read_bytes())
    (folder / "rain" / "cut.mp4").write_bytes(good.read_bytes()[:3000])
    (folder / "rain" / "empty.mp4").touch()
    (folder / "rain" / "text.mp4").write_text("no video")
    return folder


def shards(target: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((target / "data").iterdir())}


def everything(target: Path) -> dict[str, bytes]:
    files = (path for path in sorted(target.rglob("*")) if path.is_file())
    return {path.relative_to(target).as_posix(): path.read_bytes() for path in files}


def skipped(target: Path) -> dict[str, str]:
    with (target / "skipped.csv").open(encoding="utf-8", newline="") as lines:
        return {row["source"]: row["kind"] for row in csv.DictReader(lines)}


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "sonicdiffusion.cli.main", "prepare", *map(str, words)]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("sources") / "pairs", 20)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("sources") / "many", 260)  # nine chunks as the command makes them


@pytest.fixture(scope="module")
def whole(pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared(pairs, tmp_path_factory.mktemp("targets") / "made").folder


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bad(tmp_path_factory.mktemp("sources") / "videos")


def test_bad_files_are_counted_listed_and_left_out(bad: Path, tmp_path: Path) -> None:
    data = prepared(bad, tmp_path / "made")
    assert skipped(data.folder) == {
        "rain/2 copy.mp4": "duplicate",
        "rain/black.mp4": "black",
        "rain/cut.mp4": "unreadable",
        "rain/empty.mp4": "unreadable",
        "rain/no sound.mp4": "no sound",
        "rain/text.mp4": "unreadable",
        "wind/silent.mp4": "silent",
    }
    assert str(bad) not in (data.folder / "skipped.csv").read_text(encoding="utf-8")
    assert sorted(data.groups) == ["rain/1 good.mp4", "rain/phone.mp4", "wind/雨 und Wind ü.mp4"]
    assert sorted(map(str, data.labels)) == ["rain", "rain", "wind"]
    found = dict(zip(data.groups, data.pictures_and_sounds(), strict=True))
    assert found["rain/phone.mp4"][0].shape == (WIDTH, HEIGHT, 3)
    pixels, waveform = found["rain/1 good.mp4"]
    assert np.abs(pixels.astype(int) - scene_picture(1)).mean() < 12
    assert waveform.duration_seconds == pytest.approx(2.0, abs=0.07)
    assert np.corrcoef(waveform.samples[: 2 * RATE], scene_sound(1))[0, 1] > 0.9
    text = (data.folder / "README.md").read_text(encoding="utf-8")
    for line in ("| unreadable | 3 |", "| duplicate | 1 |", "| silent | 1 |", "| groups |", "![Samples](sheet.png)"):
        assert line in text
    assert data.facts["skipped"] == {"black": 1, "duplicate": 1, "no sound": 1, "silent": 1, "unreadable": 3}
    with Image.open(data.folder / "sheet.png") as sheet:
        assert sheet.width > 3 * 256


def test_any_number_of_workers_gives_the_same_data(bad: Path, tmp_path: Path) -> None:
    made = [prepared(bad, tmp_path / str(workers) / "made", workers=workers).folder for workers in (1, 2)]
    assert everything(made[0]) == everything(made[1])


def test_a_data_set_is_loaded_by_datasets(whole: Path, tmp_path: Path) -> None:
    code = f"""
import datasets
found = datasets.load_dataset({str(whole)!r}, cache_dir={str(tmp_path)!r})
train = found["train"]
assert isinstance(train.features["image"], datasets.Image) and isinstance(train.features["audio"], datasets.Audio)
row = train.cast_column("audio", datasets.Audio(decode=False))[0]
assert row["image"].size == ({WIDTH}, {HEIGHT}) and row["audio"]["bytes"][:4] == b"fLaC"
assert row["caption"] == "a photo of " + row["label"]
print({{name: len(rows) for name, rows in found.items()}})
"""
    quiet = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=quiet, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "{'train': 18, 'test': 2}"


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_and_gives_the_same_bytes(many: Path, tmp_path: Path) -> None:
    target, undisturbed = tmp_path / "killed" / "made", tmp_path / "undisturbed" / "made"
    prepared(many, undisturbed, PrepareSettings())
    process = subprocess.Popen(command(many, "--out", target, "--workers", 1), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (target / ".parts" / "0000001.parquet").exists():
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert [path.name for path in target.iterdir()] == [".parts"]
    kept = {path: path.stat().st_mtime_ns for path in (target / ".parts").glob("*.parquet")}
    assert 2 <= len(kept) < 9
    with pytest.raises(ConfigError, match="only half prepared"):
        PreparedData(target)
    steps = list(prepare(many, target, PrepareSettings(), workers=0))
    assert next(step for step in steps if step.stage == "reading").done == 32 * len(kept)
    assert everything(target) == everything(undisturbed)


@pytest.mark.slow
def test_ctrl_c_stops_at_once_and_the_same_command_goes_on(many: Path, tmp_path: Path) -> None:
    target = tmp_path / "made"
    process = subprocess.Popen(
        command(many, "--out", target, "--workers", 2), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while not any((target / ".parts").glob("*.parquet")):
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to the workers as well
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said.strip().splitlines()[-1] == "Stopped."
    assert "Traceback" not in said
    assert len(prepared(many, target, PrepareSettings())) == 260


def test_stopping_the_iterator_leaves_no_half_files(pairs: Path, tmp_path: Path, whole: Path) -> None:
    steps = prepare(pairs, tmp_path / "made", SMALL, workers=2)
    for step in steps:
        if step.stage == "reading" and step.done >= 4:
            break
    steps.close()  # type: ignore[attr-defined]
    assert not list((tmp_path / "made" / ".parts").glob(".*part"))
    assert shards(prepared(pairs, tmp_path / "made").folder) == shards(whole)


def test_what_is_finished_is_left_alone(pairs: Path, whole: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in whole.rglob("*")}
    prepared(pairs, whole)
    assert {path: path.stat().st_mtime_ns for path in whole.rglob("*")} == before


def test_a_kill_while_files_are_put_in_place_is_made_good(pairs: Path, whole: Path, tmp_path: Path) -> None:
    target = tmp_path / "made"
    prepared(pairs, target)
    (target / ".parts" / "whole").mkdir(parents=True)
    for name in ("preparation.json", "README.md"):
        (target / name).rename(target / ".parts" / "whole" / name)
    begun = json.loads((target / ".parts" / "whole" / "preparation.json").read_text())
    (target / ".parts" / "preparation.json").write_text(json.dumps(begun))
    prepared(pairs, target)
    assert everything(target) == everything(whole)


@pytest.mark.parametrize("is_finished", [True, False])
def test_other_settings_or_files_are_refused(is_finished: bool, tmp_path: Path) -> None:
    source, target = write_pairs(tmp_path / "pairs", 4), tmp_path / "made"
    steps = prepare(source, target, SMALL, workers=0)
    for step in steps:
        if not is_finished and step.done == 2 and step.stage == "reading":
            break
    others = {"clip_seconds 10.0, not 5.0": {"clip_seconds": 5.0}, "caption None, not 'a'": {"caption": "a"}}
    for message, change in others.items():
        with pytest.raises(ConfigError, match=message) as caught:
            prepared(source, target, PrepareSettings(chunk_clips=2, **change))
        assert "\n" not in str(caught.value)
    write_pair(source, "one more", 9)
    with pytest.raises(ConfigError, match="prepared from other files"):
        prepared(source, target)


def test_a_target_in_use_is_refused(pairs: Path, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(ConfigError, match="is not empty"):
        prepared(pairs, tmp_path)
    with pytest.raises(ConfigError, match="is a file"):
        prepared(pairs, tmp_path / "letter.txt")
    with pytest.raises(ConfigError, match="Cannot write to"):
        prepared(pairs, tmp_path / "letter.txt" / "made")
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_target_without_permission_is_refused(pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "locked").mkdir(mode=0o555)
    if os.access(tmp_path / "locked", os.W_OK):  # as the superuser, whom no mode stops

        def refuse(path: Path, *_: object, **__: object) -> None:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

        monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(ConfigError, match=r"Cannot write to .*locked.*Permission denied") as caught:
        prepared(pairs, tmp_path / "locked" / "made")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("place", ["write_table", "ParquetWriter"])
def test_a_full_disk_is_one_sentence_and_nothing_is_lost(
    place: str, pairs: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, original, calls = tmp_path / "made", getattr(parquet_files.pq, place), []

    def fill_up(*arguments: Any, **options: Any) -> Any:
        calls.append(place)
        if len(calls) > 2 or place == "ParquetWriter":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return original(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(parquet_files.pq, place, fill_up)
        with pytest.raises(ConfigError, match=r"No space left on device.*the same command goes on") as caught:
            prepared(pairs, target)
    assert "\n" not in str(caught.value)
    assert [path.name for path in target.iterdir()] == [".parts"]
    assert not list((target / ".parts").glob(".*part"))
    assert shards(prepared(pairs, target).folder) == shards(whole)


def test_no_group_is_in_two_splits(tmp_path: Path) -> None:
    lines = ["sound,picture,group"]
    for index in range(40):
        write_pair(tmp_path / "source", str(index), index)
        lines.append(f"{index}.wav,{index}.png,group {index % 8}")
    (tmp_path / "source" / "pairs.csv").write_text("\n".join(lines))
    data = prepared(tmp_path / "source", tmp_path / "made", PrepareSettings(test_share=0.25))
    train, test = (set(data.split(name).groups) for name in ("train", "test"))
    assert len(test) == 2  # a quarter of eight
    assert not train & test
    assert len(train) == 6
    for share, splits in ((0.0, ("train",)), (0.01, ("train", "test"))):
        again = prepared(tmp_path / "source", tmp_path / f"made {share}", PrepareSettings(test_share=share))
        assert again.splits == splits


def test_splits_of_the_source_are_kept(tmp_path: Path) -> None:
    for index, folder in enumerate(["train/a", "train/b", "valid/a", "test/b", "a"]):
        write_pair(tmp_path / "source" / folder, "x", index)
        write_pair(tmp_path / "source" / folder, "y", index + 10)
    data = prepared(tmp_path / "source", tmp_path / "made", PrepareSettings(test_share=0.5))
    sizes = {name: sorted(data.split(name).groups) for name in data.splits}
    assert sizes == {
        "train": ["a/x", "a/y", "train/a/x", "train/a/y", "train/b/x", "train/b/y"],
        "validation": ["valid/a/x", "valid/a/y"],
        "test": ["test/b/x", "test/b/y"],
    }


def test_the_first_of_equal_clips_is_kept_whoever_reads_them(tmp_path: Path) -> None:
    for index in range(12):
        write_pair(tmp_path / "source", f"{index:02d}", index % 4)
    for workers in (0, 2):
        data = prepared(tmp_path / "source", tmp_path / f"made{workers}", PrepareSettings(chunk_clips=1), workers)
        assert sorted(data.groups) == ["00", "01", "02", "03"]
        assert len(set(data.keys)) == 4
        assert skipped(data.folder) == {f"{index:02d}.wav": "duplicate" for index in range(4, 12)}


def test_more_clips_of_a_video_do_not_overlap(tmp_path: Path) -> None:
    sound = scene_sound(1, 6.0).copy()
    sound[: 2 * RATE] *= 0.0
    pictures = [np.roll(scene_picture(1), 3 * index, axis=1) for index in range(60)]
    write_film(tmp_path / "source" / "long.mp4", Film(pictures, sound))
    settings = PrepareSettings(clip_seconds=1.0, clips_per_video=9)
    data = prepared(tmp_path / "source", tmp_path / "made", settings)
    table = parquet_files.pq.read_table(tmp_path / "made" / "data").to_pylist()
    starts = sorted(row["start_seconds"] for row in table)
    assert 3 <= len(data) <= 5  # of the four seconds that are not silent
    assert np.diff(starts).min() >= 1.0
    assert starts[0] > 1.0
    for row in table:
        assert row["start_seconds"] - 0.5 <= row["frame_seconds"] <= row["start_seconds"] + 1.5
    assert data.split("train").groups == ["long.mp4"] * len(data)


def test_a_hit_gives_the_picture_and_sound_of_its_moment(tmp_path: Path) -> None:
    colours = [np.full((HEIGHT, WIDTH, 3), 40, np.uint8) + scene_picture(0) // 4 for _ in range(60)]
    for index in range(28, 34):
        colours[index] = scene_picture(7)
    sound = scene_sound(3, 6.0)
    name = "2015-02-16-16-49-06"
    write_film(tmp_path / "source" / f"{name}_denoised.mp4", Film(colours, sound))
    (tmp_path / "source" / f"{name}_times.txt").write_text("3.05 wood hit static\n7.5 wood hit static\n")
    data = prepared(tmp_path / "source", tmp_path / "made", PrepareSettings(clip_seconds=1.0))
    (row,) = parquet_files.pq.read_table(tmp_path / "made" / "data").to_pylist()
    assert (row["caption"], row["group"]) == ("a photo of a drumstick hitting wood", name)
    assert row["frame_seconds"] == pytest.approx(3.05, abs=0.16)
    assert row["start_seconds"] == pytest.approx(2.55)
    ((pixels, waveform),) = data.pictures_and_sounds()
    assert np.abs(pixels.astype(int) - scene_picture(7)).mean() < 12
    expected = sound[round(2.55 * RATE) : round(3.55 * RATE)]
    assert np.corrcoef(waveform.samples, expected)[0, 1] > 0.9
    assert skipped(data.folder) == {f"{name}_times.txt:2": "no sound"}


def test_ravdess_is_split_by_actor(tmp_path: Path) -> None:
    for actor in (1, 2, 3):
        for emotion in (3, 5):
            path = tmp_path / "source" / f"Actor_{actor:02d}" / f"01-01-{emotion:02d}-01-01-01-{actor:02d}.mp4"
            write_scene(path, 10 * actor + emotion, seconds=0.5)
    data = prepared(tmp_path / "source", tmp_path / "made")
    assert data.facts["settings"]["layout"] == "ravdess"
    assert len(set(data.split("test").groups)) == 1
    assert len(data.split("test")) == 2
    assert set(data.captions) == {
        f"a photo of {what}" for what in ("a happy man", "an angry man", "a happy woman", "an angry woman")
    }
    assert "license: cc-by-nc-sa-4.0" in (data.folder / "README.md").read_text()


def test_nothing_usable_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / "source" / name).write_text("no")
    with pytest.raises(ConfigError, match=r"None of the 2 clips .* can be used: 2 unreadable"):
        prepared(tmp_path / "source", tmp_path / "made")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_no_text_are_shown_with_question_marks(tmp_path: Path) -> None:
    folder = tmp_path / "source"
    for index, name in enumerate([b"good \xff", b"bad \xfe"]):
        write_pair(folder, "x", index)
        for suffix in (".png", ".wav"):
            (folder / f"x{suffix}").rename(folder / (os.fsdecode(name) + suffix))
    (folder / os.fsdecode(b"bad \xfe.png")).write_text("no picture")
    (folder / os.fsdecode(b"worse \xfd.wav")).write_text("no sound")
    (folder / os.fsdecode(b"worse \xfd.png")).write_text("no picture")
    for workers in (0, 1):
        data = prepared(folder, tmp_path / str(workers), workers=workers)
        assert data.groups == ["good ?"]
        assert skipped(data.folder) == {"bad ?.wav": "unreadable", "worse ?.wav": "unreadable"}


def test_the_examples_of_the_guide_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[1] / "docs" / "data.md").read_text(encoding="utf-8")
    examples = [one.partition("```")[0] for one in text.split("```python\n")[1:]]
    monkeypatch.chdir(tmp_path)
    for index in (1, 2):
        write_scene(Path("videos") / f"{index}.mp4", index, seconds=0.5)
    for example in [examples[-1].replace("workers=8", "workers=0"), examples[1]]:
        exec(compile(example, "data.md", "exec"), {})


def fatal_for_three(found: Sequence[Found], settings: PrepareSettings) -> Iterator[Any]:
    """End the process at the clip called 3, as a fault in a decoder would."""
    for one in found:
        if one.source == "3":
            os._exit(1)
        yield from prepare_clips([one], settings)


def slowly(found: Sequence[Found], _: PrepareSettings) -> Iterator[Skipped]:
    for one in found:
        time.sleep(0.1)
        yield Skipped(one.source, "not used", "No reason.")


@pytest.mark.slow
def test_workers_stop_between_two_clips(tmp_path: Path) -> None:
    jobs = [Job(tmp_path / f"{count}.parquet", [SourceClip("x")] * count) for count in (1, 600)]
    working = run_jobs(jobs, SMALL, 1, slowly)
    next(working)
    started = time.monotonic()
    working.close()  # type: ignore[attr-defined] - a generator
    assert time.monotonic() - started < 20  # of the minute that the second chunk takes
    assert [path.name for path in tmp_path.iterdir()] == ["1.parquet"]


@pytest.mark.slow
def test_a_file_that_ends_its_reader_is_skipped(tmp_path: Path) -> None:
    write_pair(tmp_path, "x", 1)
    clips = [
        SourceClip(str(index), sound=tmp_path / "x.wav", picture=tmp_path / "x.png", split="train")
        for index in range(6)
    ]
    jobs = [Job(tmp_path / f"{first}.parquet", clips[first : first + 2]) for first in (0, 2, 4)]
    done = list(run_jobs(jobs, SMALL, 1, fatal_for_three))
    assert sorted(job.part.name for job in done) == ["0.parquet", "2.parquet", "4.parquet"]
    table, left_out = parquet_files.read_part(tmp_path / "2.parquet")
    assert table["source"].to_pylist() == ["2"]
    assert [(one.source, one.kind) for one in left_out] == [("3", "unreadable")]


def test_a_chunk_is_a_plain_function_of_clips_and_settings(tmp_path: Path) -> None:
    write_pair(tmp_path, "x", 1)
    clip = SourceClip("x", sound=tmp_path / "x.wav", picture=tmp_path / "x.png", split="train", caption="seen")
    gone = SourceClip("y", sound=tmp_path / "gone" / "y.wav", picture=tmp_path / "x.png", split="train")
    noted = Skipped("z", "not used", "No reason.")
    result = prepare_chunk([clip, gone, noted], SMALL)
    assert [(row["source"], row["caption"], row["split"]) for row in result.rows] == [("x", "seen", "train")]
    assert [(one.source, one.kind) for one in result.skipped] == [("y", "unreadable"), ("z", "not used")]
    assert str(tmp_path) not in result.skipped[0].reason


def test_shards_are_bounded_and_numbered(whole: Path, tmp_path: Path) -> None:
    table = parquet_files.pq.read_table(whole / "data" / "train-00000-of-00001.parquet")
    writer = ShardWriter(tmp_path, "train", max_bytes=table.nbytes * 2)
    for _ in range(9):
        writer.add(table)
    paths = writer.finish()
    count = len(paths)
    assert count == 5  # five times 32 rows, and two that still fit
    assert [path.name for path in paths] == [f"train-{index:05d}-of-{count:05d}.parquet" for index in range(count)]
    keys = [key for path in paths for key in parquet_files.pq.read_table(path)["key"].to_pylist()]
    assert keys == table["key"].to_pylist() * 9


def test_progress_counts_to_the_end(pairs: Path, tmp_path: Path) -> None:
    steps = list(prepare(pairs, tmp_path / "made", SMALL, workers=0))
    assert steps[0] == Progress("listing", 20, None)
    reading = [step.done for step in steps if step.stage == "reading"]
    assert reading == list(range(0, 21, 2))
    assert steps[-1] == Progress("joining", 20, 20)


def test_the_command_says_what_came_out(
    bad: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run: Callable[..., int] = lambda *words: run_main(monkeypatch, *words)  # noqa: E731
    target = tmp_path / "made"
    assert run("prepare", bad, "--out", target, "--workers", 0, "--caption", "the sound of {label}") == 0
    said = capsys.readouterr().out
    assert said.startswith(f"3 clips (2 train, 1 test) are in {target}. 7 were left out (1 black, 1 duplicate,")
    assert said.rstrip().endswith(f"{target / 'skipped.csv'} says why.")
    assert set(PreparedData(target).captions) == {"the sound of rain", "the sound of wind"}
    assert run("prepare", bad, "--out", target, "--clip-seconds", 4) == 2
    assert run("prepare", bad, "--out", tmp_path / "b", "--caption", "a {lable}") == 2
    assert run("prepare", bad, "--out", tmp_path / "b", "--caption", "a", "--captioner", "b") == 2
    assert run("prepare", bad, "--out", tmp_path / "b", "--test-share", "nan") == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 4
    assert "Did you mean 'label'" in errors[1]
    assert not (tmp_path / "b").exists()


def run_main(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["sonicdiffusion", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_without_pyarrow_one_sentence_says_what_to_install(pairs: Path, tmp_path: Path) -> None:
    code = "import sys; sys.modules['pyarrow'] = None; from sonicdiffusion.cli.main import main; main()"
    words = [sys.executable, "-c", code, "prepare", str(pairs), "--out", str(tmp_path / "made")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.strip() == (
        "Prepared data needs the package pyarrow. Install it: pip install 'sonicdiffusion[train]'."
    )
