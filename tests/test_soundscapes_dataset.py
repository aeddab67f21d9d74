import json
from pathlib import Path

import cv2
import pytest
import soundfile

from sonicdiffusion.errors import ConfigError
from sonicdiffusion.soundscapes.dataset import scene_name, write_dataset
from sonicdiffusion.soundscapes.picture.paint import paint
from sonicdiffusion.soundscapes.scene import WORLD_VERSION, sample_scene

SMALL = {"size": 80, "duration_seconds": 0.5}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_each_scene_comes_with_picture_sound_captions_masks_and_truth(tmp_path: Path) -> None:
    index = write_dataset(tmp_path, 2, first_seed=5, **SMALL)
    rows = [json.loads(line) for line in index.read_text(encoding="utf-8").splitlines()]
    assert [row["seed"] for row in rows] == [5, 6]
    for row in rows:
        scene = sample_scene(row["seed"])
        stored = cv2.imread(str(tmp_path / row["file_name"]))
        assert stored is not None
        assert (stored[..., ::-1] == paint(scene, size=80).image).all()
        assert soundfile.info(tmp_path / row["sound"]).frames == 8000
        assert [event["name"] for event in row["events"]] == [event.name for event in scene.events]
        assert all(row["captions"])
        for event in row["events"]:
            mask = cv2.imread(str(tmp_path / event["mask"]), cv2.IMREAD_GRAYSCALE)
            assert mask is not None
            assert mask.mean() / 255 == pytest.approx(event["extent"], abs=2e-3)


def test_an_interrupted_run_continues_to_the_same_data_set(tmp_path: Path) -> None:
    whole = write_dataset(tmp_path / "whole", 3, **SMALL).parent
    broken = write_dataset(tmp_path / "broken", 1, **SMALL)
    with broken.open("a", encoding="utf-8") as lines:
        lines.write('{"file_name": "pic')  # killed within a line
    done: list[int] = []
    write_dataset(broken.parent, 3, **SMALL, progress=lambda number, _: done.append(number))
    assert done == [1, 2, 3]
    assert contents(broken.parent) == contents(whole)


def test_a_folder_holds_one_kind_of_data_set(tmp_path: Path) -> None:
    write_dataset(tmp_path, 1, **SMALL)
    with pytest.raises(ConfigError, match="size 80, not 96"):
        write_dataset(tmp_path, 2, size=96, duration_seconds=0.5)


@pytest.mark.parametrize("version", [WORLD_VERSION - 1, None])
def test_a_data_set_of_another_world_is_not_continued(tmp_path: Path, version: int | None) -> None:
    write_dataset(tmp_path, 1, **SMALL)
    facts = json.loads((tmp_path / "dataset.json").read_text())
    assert facts.pop("world") == WORLD_VERSION
    (tmp_path / "dataset.json").write_text(json.dumps(facts if version is None else {**facts, "world": version}))
    with pytest.raises(ConfigError, match=r"version.* of the world"):
        write_dataset(tmp_path, 2, **SMALL)


@pytest.mark.parametrize("name", ["dataset.json", "metadata.jsonl"])
@pytest.mark.parametrize("content", [b"[]\n", b"caf\xe9\n", b"{\n"])
def test_a_damaged_data_set_is_refused_in_one_sentence(tmp_path: Path, name: str, content: bytes) -> None:
    write_dataset(tmp_path, 1, **SMALL)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match="hoose another folder"):
        write_dataset(tmp_path, 2, **SMALL)


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    name = scene_name(sample_scene(0))
    (tmp_path / "pictures" / f"{name}.png").mkdir(parents=True)  # in the way
    with pytest.raises(OSError, match="directory"):
        write_dataset(tmp_path, 1, **SMALL)
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("wrong", [{"count": 0}, {"count": 1, "first_seed": -1}, {"count": 1, "size": 15}])
def test_numbers_out_of_range_are_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="expected"):
        write_dataset(tmp_path, **wrong)  # type: ignore[arg-type]
