from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from sonicdiffusion.config import from_dict, load_recipe, to_dict
from sonicdiffusion.errors import ConfigError, MissingFileError


@dataclass(frozen=True)
class Optimiser:
    learning_rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)

    def __post_init__(self) -> None:
        if self.learning_rate <= 0:
            raise ConfigError(f"learning_rate must be positive, got {self.learning_rate}.")


@dataclass(frozen=True)
class Recipe:
    num_steps: int
    name: str = "base"
    widths: tuple[int, ...] = (32, 64)
    has_ema: bool = True
    limit: int | None = None
    kind: Literal["eps", "v"] = "v"
    folder: Path = Path("runs")
    optimiser: Optimiser = field(default_factory=Optimiser)


def write(folder: Path, text: str) -> Path:
    path = folder / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_the_file_leaves_out_takes_the_default(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, "num_steps = 5\n[optimiser]\nlearning_rate = 1\n"), Recipe)
    assert recipe == Recipe(num_steps=5, optimiser=Optimiser(learning_rate=1.0))
    assert isinstance(recipe.optimiser.learning_rate, float)


def test_plain_values_come_back_as_the_same_settings() -> None:
    recipe = Recipe(7, widths=(1, 2, 3), limit=4, kind="eps", folder=Path("there"))
    assert from_dict(to_dict(recipe), Recipe) == recipe
    assert from_dict(to_dict(Recipe(7)), Recipe) == Recipe(7)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("num_step = 5", r"Unknown setting 'num_step' in .*Did you mean 'num_steps'\?"),
        ("num_steps = 5\n[optimiser]\nlearning_rat = 1.0", r"'optimiser.learning_rat'.*'learning_rate'\?"),
        ("num_steps = 5\nzzz = 1", r"Known are: folder, has_ema, kind"),
        ("name = 'x'", r"'num_steps' is missing"),
        ("num_steps = 5.0", r"'num_steps' .* is 5.0 \(float\); expected int"),
        ("num_steps = true", r"True \(bool\); expected int"),
        ("num_steps = 5\nhas_ema = 1", r"expected bool"),
        ("num_steps = 5\nkind = 'x0'", r"'kind' .* is 'x0'"),
        ("num_steps = 5\nlimit = 'many'", r"'limit' .* is 'many'"),
        ("num_steps = 5\nwidths = [1, 'two']", r"'widths.1' .* is 'two'"),
        ("num_steps = 5\noptimiser = 3", r"'optimiser' .* expected Optimiser"),
        ("num_steps = 5\n[optimiser]\nbetas = [0.9]", r"'optimiser.betas'"),
        ("num_steps = 5\n[optimiser]\nlearning_rate = -1.0", r"recipe.toml': learning_rate must be positive"),
        ("num_steps = = 5", r"not valid TOML"),
    ],
)
def test_a_wrong_recipe_gets_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence) as caught:
        load_recipe(write(tmp_path, text), Recipe)
    assert "\n" not in str(caught.value)


def test_a_recipe_that_is_not_there_is_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="no recipe"):
        load_recipe(tmp_path / "none.toml", Recipe)
