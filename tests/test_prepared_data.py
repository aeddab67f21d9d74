"""Prepared data is read back row by row, whole or by split, or refused in one sentence."""

import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image
from small_videos import RATE, scene_picture, scene_sound

from sonicdiffusion.data.prepare import prepare
from sonicdiffusion.data.prepared import PreparedData
from sonicdiffusion.data.settings import PrepareSettings
from sonicdiffusion.errors import ConfigError, MissingFileError

COUNT = 80  # several row groups


def sound(index: int) -> np.ndarray:
    return np.roll(scene_sound(1), 31 * index)[: RATE // 4]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("source")
    for index in range(COUNT):
        Image.fromarray(np.roll(scene_picture(1), index, axis=1)).save(source / f"{index:02d}.png")
        soundfile.write(source / f"{index:02d}.wav", sound(index), RATE)
    target = tmp_path_factory.mktemp("target") / "made"
    settings = PrepareSettings(test_share=0.5, chunk_clips=7)
    for _ in prepare(source, target, settings, workers=0):
        pass
    return target


def test_rows_come_back_in_order_as_they_went_in(folder: Path) -> None:
    data = PreparedData(folder)
    assert len(data) == COUNT
    assert data.splits == ("train", "test")
    rows = list(data.pictures_and_sounds())
    assert len(rows) == len(data.captions) == len(data.labels) == len(data.keys) == COUNT
    for group, (pixels, waveform) in zip(data.groups, rows, strict=True):
        assert pixels.dtype == np.uint8
        assert np.abs(pixels.astype(int) - np.roll(scene_picture(1), int(group), axis=1)).mean() < 3
        assert waveform.sample_rate == RATE
        assert np.abs(waveform.samples - sound(int(group))).max() < 1e-4


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (31, 33), (30, 75), (70, None), (-3, None), (5, 5), (90, 99)])
def test_a_slice_of_rows_is_that_of_all_of_them(start: int, stop: int | None, folder: Path) -> None:
    data = PreparedData(folder)
    everything = [(pixels.tobytes(), waveform.samples.tobytes()) for pixels, waveform in data.pictures_and_sounds()]
    part = [(pixels.tobytes(), sound.samples.tobytes()) for pixels, sound in data.pictures_and_sounds(start, stop)]
    assert part == everything[start:stop]


def test_a_split_holds_its_rows_alone(folder: Path) -> None:
    data = PreparedData(folder)
    train, test = data.split("train"), data.split("test")
    assert len(train) == len(test) == COUNT // 2
    assert train.keys + test.keys == data.keys
    assert len({train.fingerprint, test.fingerprint, data.fingerprint}) == 3
    assert train.split("train").keys == train.keys
    first, _ = next(test.pictures_and_sounds())
    whole, _ = next(data.pictures_and_sounds(COUNT // 2))
    assert np.array_equal(first, whole)
    for view in (data, train):
        with pytest.raises(ConfigError, match="no split 'validation'; it has train"):
            view.split("validation")


def test_the_fingerprint_follows_the_content(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    fingerprints = []
    for loudness in (1.0, 1.0, 0.99):
        Image.fromarray(scene_picture(1)).save(source / "a.png")
        soundfile.write(source / "a.wav", scene_sound(1) * loudness, RATE)
        target = tmp_path / f"made{len(fingerprints)}"
        list(prepare(source, target, workers=0))
        fingerprints.append(PreparedData(target).fingerprint)
    assert fingerprints[0] == fingerprints[1] != fingerprints[2]


def test_reading_holds_one_row_group(folder: Path) -> None:
    data = PreparedData(folder)

    def peak_bytes(stop: int) -> int:
        for _ in data.pictures_and_sounds(0, 1):
            pass  # imports and caches are not counted
        tracemalloc.start()
        for _ in data.pictures_and_sounds(0, stop):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert peak_bytes(COUNT) < peak_bytes(32) + 200_000


def test_other_folders_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="There is no folder"):
        PreparedData(tmp_path / "gone")
    with pytest.raises(ConfigError, match="holds no prepared data"):
        PreparedData(tmp_path)
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    shard = next((copy / "data").glob("train-*"))
    content = shard.read_bytes()
    shard.write_bytes(content[: len(content) // 2])
    with pytest.raises(ConfigError, match="damaged or cut short"):
        PreparedData(copy)
    shard.unlink()
    with pytest.raises(MissingFileError, match="is missing"):
        PreparedData(copy)
    for text in ("{", "[]", "{}"):
        (copy / "preparation.json").write_text(text)
        with pytest.raises(ConfigError, match="damaged"):
            PreparedData(copy)
