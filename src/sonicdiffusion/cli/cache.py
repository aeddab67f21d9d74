"""`sonicdiffusion cache`: what training needs of each pair, computed once."""

from typing import Annotated

import typer

from sonicdiffusion.cli.train import DATA, RECIPE, follow, open_training


def cache(
    data: DATA,
    recipe: RECIPE,
    device: Annotated[str | None, typer.Option(help="cuda, mps or cpu; chosen by itself if left out.")] = None,
) -> None:
    """Compute latents, audio embeddings and text tokens for a recipe; stop and start it as you like."""
    from sonicdiffusion.pipelines.device import choose_device

    training = open_training(data, recipe, None)
    follow(training.cache(choose_device(device)))
    print(f"The features are in {training.plan.folder}. Next: sonicdiffusion train stage1.")
