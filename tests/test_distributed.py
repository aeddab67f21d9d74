"""Work spread by Ray over two workers of this machine: the same as in one process, and a worker may die."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small_training import small_data, small_recipe

from sonicdiffusion import GenerationPipeline
from sonicdiffusion.data.prepare import PrepareSettings, prepare
from sonicdiffusion.data.prepared import PreparedData
from sonicdiffusion.distributed.spread import spread
from sonicdiffusion.distributed.tasks import generate_many, spread_chunks, spread_jobs
from sonicdiffusion.errors import ConfigError
from sonicdiffusion.training.features import FeatureMaker, FeaturePlan, compute_features

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.filterwarnings("ignore")]  # Ray's own


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Start Ray with what the workers need to import the tests and to find the cache, and stop it."""
    ray = import_module("ray")
    folder = tmp_path_factory.mktemp("cache")
    variables = {"PYTHONPATH": str(Path(__file__).parent), "SONICDIFFUSION_CACHE": str(folder)}
    ray.init(num_cpus=2, runtime_env={"env_vars": variables}, log_to_driver=False, include_dashboard=False)
    yield folder
    ray.shutdown()


def fragile(folder: Path) -> Callable[[int], None]:
    def work(number: int) -> None:
        if number == 3 and not (folder / "died").exists():
            (folder / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        (folder / f"{number}").write_text(str(os.getpid()))

    return work


def test_a_worker_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    done = list(spread(list(range(12)), partial(fragile, tmp_path), 2))
    assert sorted(done) == list(range(12))
    assert (tmp_path / "died").exists()
    assert len({(tmp_path / str(number)).read_text() for number in range(12)}) >= 2


def test_a_preparation_is_the_same(tmp_path: Path) -> None:
    small_data(tmp_path)
    settings = PrepareSettings(test_share=0.2, caption="{label}", chunk_clips=5)
    made = []
    for name, run in (("here", None), ("there", partial(spread_jobs, 2))):
        list(prepare(tmp_path / "pairs" / "pairs.csv", tmp_path / name, settings, workers=0, run=run))
        made.append({path.name: path.read_bytes() for path in (tmp_path / name / "data").iterdir()})
    assert made[0] == made[1]


def test_features_are_the_same(tmp_path: Path, cache: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, folder = small_recipe(model), small_data(tmp_path, 150)
    data = PreparedData(folder).split("train")
    made = []
    for place in (tmp_path / "here", cache):
        monkeypatch.setenv("SONICDIFFUSION_CACHE", str(place))
        plan = FeaturePlan.of(data, recipe)
        assert plan.num_chunks > 1

        def run(chunks: Sequence[int]) -> Iterator[int]:
            return spread_chunks(2, 0.0, folder, "train", recipe, chunks)

        make = partial(FeatureMaker, recipe, torch.device("cpu"))
        list(compute_features(plan, data, make, run if place == cache else None))
        made.append({path.name: np.load(path) for path in plan.folder.glob("*.npy")})
    assert made[0].keys() == made[1].keys()
    for name, values in made[0].items():
        assert np.allclose(values.astype(float), made[1][name].astype(float), atol=2e-3), name


def test_pictures_are_the_same_and_are_not_made_twice(tmp_path: Path, model: Path) -> None:
    small_data(tmp_path, 6)
    sounds = sorted((tmp_path / "pairs").glob("*.wav"))
    out = tmp_path / "out"
    assert sorted(generate_many(sounds, out, model=str(model), prompt="rain", seed=3)) == list(range(6))
    assert list(generate_many(sounds, out, model=str(model), prompt="rain", seed=3)) == []
    pipeline = GenerationPipeline.from_pretrained(model, device="cpu")
    for number, sound in enumerate(sounds):
        here = np.asarray(pipeline(sound, "rain", seed=3).images[0], int)
        there = np.asarray(Image.open(out / f"{number:06d}-{sound.stem}.png").convert("RGB"), int)
        assert np.abs(here - there).max() <= 1


def test_no_worker_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        next(spread([1], partial(fragile, Path()), 0))
