"""`sonicdiffusion recipe`: a recipe of the package, to make one's own from."""

from typing import Annotated

import typer


def recipe(
    name: Annotated[str | None, typer.Argument(help="The recipe to print; all names if left out.")] = None,
) -> None:
    """Print a recipe, for example: sonicdiffusion recipe template > mine.toml."""
    from sonicdiffusion.training.adapter_recipe import adapter_recipes, recipe_file

    if name is None:
        print("\n".join(adapter_recipes()))
    else:
        print(recipe_file(name).read_text(encoding="utf-8"), end="")
