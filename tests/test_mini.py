"""The steps of the bundled model: their order, their recipes, and what is done already."""

import json
import shutil
from pathlib import Path

import pytest

from sonicdiffusion.config import load_recipe
from sonicdiffusion.errors import ConfigError
from sonicdiffusion.training.mini import RECIPES, STEPS, Workshop, recipe_names
from sonicdiffusion.training.run_folder import BEGUN, DONE, is_made


@pytest.mark.parametrize("recipe", recipe_names())
@pytest.mark.parametrize("step", STEPS)
def test_every_recipe_can_be_read(recipe: str, step: str) -> None:
    loaded = load_recipe(Workshop(recipe).recipes / f"{step}.toml", RECIPES[step])
    assert isinstance(loaded, RECIPES[step])


def test_unknown_recipes_and_steps_are_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="mini-cpu"):
        Workshop("mini-cpux")
    with pytest.raises(ConfigError, match="stage1"):
        next(Workshop("mini-cpu").run("stage_1"))


def test_a_step_waits_for_the_steps_before_it(tmp_path: Path) -> None:
    for step, needed in (("text_encoder", "autoencoder"), ("base", "text_encoder"), ("stage2", "base")):
        with pytest.raises(ConfigError, match=f"needs '{needed}'"):
            next(Workshop("mini-cpu", tmp_path).run(step))


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    """Return a workshop with recipes of its own, whose autoencoder is done."""
    shutil.copytree(Workshop("mini-cpu").recipes, tmp_path / "mine")
    workshop = Workshop(str(tmp_path / "mine"), tmp_path / "work")
    mark(workshop, "autoencoder", "done.json")
    return workshop


def mark(workshop: Workshop, step: str, marker: str) -> None:
    (workshop.folder / step).mkdir(parents=True, exist_ok=True)
    (workshop.folder / step / marker).write_text(json.dumps(workshop._made_by(step)))


def test_a_step_that_is_done_is_not_done_again(workshop: Workshop) -> None:
    assert list(workshop.run("autoencoder")) == []


def test_a_step_made_by_another_recipe_is_not_taken_for_done(workshop: Workshop) -> None:
    (workshop.recipes / "autoencoder.toml").write_text("num_pictures = 500\n")
    for step in ("autoencoder", "text_encoder"):
        with pytest.raises(ConfigError, match="another recipe"):
            next(workshop.run(step))


def test_a_step_that_was_stopped_goes_on_only_by_its_own_recipe(workshop: Workshop) -> None:
    for step in ("text_encoder", "base", "audio_encoder", "stage1"):
        mark(workshop, step, "done.json")
    mark(workshop, "stage2", "begun.json")
    assert is_made(workshop.folder / "stage2", BEGUN, workshop._made_by("stage2"))
    (workshop.recipes / "stage2.toml").write_text("text_gate = 0.25\n")
    with pytest.raises(ConfigError, match=r"stage2 was made by another recipe"):
        next(workshop.run("stage2"))


def test_a_step_that_shall_be_longer_is_not_done_and_may_go_on(workshop: Workshop) -> None:
    mark(workshop, "text_encoder", "done.json")
    recipe = workshop.recipes / "text_encoder.toml"
    recipe.write_text(recipe.read_text().replace("num_steps = 900", "num_steps = 901"))
    assert not is_made(workshop.folder / "text_encoder", DONE, workshop._made_by("text_encoder"))
    recipe.write_text(recipe.read_text().replace("num_steps = 901", "num_steps = 899"))
    with pytest.raises(ConfigError, match="another recipe"):
        is_made(workshop.folder / "text_encoder", DONE, workshop._made_by("text_encoder"))


def test_a_step_is_stale_when_one_that_it_needs_has_changed(workshop: Workshop) -> None:
    mark(workshop, "text_encoder", "done.json")
    (workshop.recipes / "autoencoder.toml").write_text("num_pictures = 500\n")
    mark(workshop, "autoencoder", "done.json")
    with pytest.raises(ConfigError, match=r"text_encoder was made by another recipe"):
        list(workshop.run("text_encoder"))


@pytest.mark.parametrize(
    ("step", "line"),
    [
        ("stage1", 'residual = "chaned"'),
        ("stage1", "temperature = 0.0"),
        ("stage2", "[loop]\nnum_steps = 0"),
        ("base", '[loop]\nmixed_precision = "fp7"'),
        ("bundle", 'crop_policy = "loudst"'),
    ],
)
def test_a_mistake_in_any_recipe_is_found_at_once(workshop: Workshop, step: str, line: str) -> None:
    (workshop.recipes / f"{step}.toml").write_text(line + "\n")
    with pytest.raises(ConfigError, match=line.split("\n")[-1].split(" =")[0]):
        Workshop(str(workshop.recipes), workshop.folder)


def test_a_recipe_of_ones_own_does_not_replace_the_bundled_model(workshop: Workshop) -> None:
    assert workshop.target == workshop.folder / "model"
    assert Workshop("mini-cpu").target.parent.name == "bundled"
    assert workshop.steps() == STEPS
    with pytest.raises(ConfigError, match="stage2"):
        workshop.steps(["stage1", "stage_2"])
