"""The steps of the bundled model: their order, their recipes, and what is done already."""

import json
import shutil
from pathlib import Path

import pytest

from sonicdiffusion.config import load_recipe
from sonicdiffusion.errors import ConfigError
from sonicdiffusion.training.audio_encoder import AudioEncoderRecipe
from sonicdiffusion.training.autoencoder import AutoencoderRecipe
from sonicdiffusion.training.base import BaseRecipe
from sonicdiffusion.training.mini import STEPS, BundleRecipe, Workshop, recipe_names
from sonicdiffusion.training.stage1 import Stage1Recipe
from sonicdiffusion.training.stage2 import Stage2Recipe
from sonicdiffusion.training.text_encoder import TextEncoderRecipe

KINDS: dict[str, type] = dict(
    zip(
        STEPS,
        (
            AutoencoderRecipe,
            TextEncoderRecipe,
            BaseRecipe,
            AudioEncoderRecipe,
            Stage1Recipe,
            Stage2Recipe,
            BundleRecipe,
        ),
        strict=True,
    )
)


@pytest.mark.parametrize("recipe", recipe_names())
@pytest.mark.parametrize("step", STEPS)
def test_every_recipe_can_be_read(recipe: str, step: str) -> None:
    loaded = load_recipe(Workshop(recipe).recipes / f"{step}.toml", KINDS[step])
    assert isinstance(loaded, KINDS[step])


def test_unknown_recipes_and_steps_are_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="mini-cpu"):
        Workshop("mini-cpux")
    with pytest.raises(ConfigError, match="stage1"):
        next(Workshop("mini-cpu").run("stage_1"))


def test_a_step_waits_for_the_steps_before_it(tmp_path: Path) -> None:
    for step, needed in (("text_encoder", "autoencoder"), ("base", "text_encoder"), ("stage2", "base")):
        with pytest.raises(ConfigError, match=f"needs '{needed}'"):
            next(Workshop("mini-cpu", tmp_path).run(step))


def test_a_step_made_by_another_recipe_is_not_taken_for_done(tmp_path: Path) -> None:
    recipes = tmp_path / "mine"
    shutil.copytree(Workshop("mini-cpu").recipes, recipes)
    workshop = Workshop(str(recipes), tmp_path / "work")
    marker = workshop.folder / "autoencoder" / "done.json"
    marker.parent.mkdir(parents=True)
    marker.write_text(json.dumps(workshop._made_by("autoencoder")))
    assert list(workshop.run("autoencoder")) == []
    (recipes / "autoencoder.toml").write_text("num_pictures = 500\n")
    with pytest.raises(ConfigError, match="another recipe"):
        next(workshop.run("autoencoder"))
