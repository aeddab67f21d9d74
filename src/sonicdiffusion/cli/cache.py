"""`sonicdiffusion cache`: what training needs of each pair, computed once."""

from functools import partial
from typing import Annotated

import typer

from sonicdiffusion.cli.train import DATA, RECIPE, follow, open_training


def cache(
    data: DATA,
    recipe: RECIPE,
    ray: Annotated[
        int, typer.Option(help="Spread the work over so many workers of a Ray cluster, or of this machine.")
    ] = 0,
    device: Annotated[str | None, typer.Option(help="cuda, mps or cpu; chosen by itself if left out.")] = None,
) -> None:
    """Compute latents, audio embeddings and text tokens for a recipe; stop and start it as you like."""
    from sonicdiffusion.pipelines.device import choose_device
    from sonicdiffusion.training.adapter import TRAINING_SPLIT

    training = open_training(data, recipe, None)
    place, run = choose_device(device), None
    if ray:
        from sonicdiffusion.distributed.tasks import spread_chunks

        num_gpus = 1.0 if place.type == "cuda" else 0.0
        run = partial(spread_chunks, ray, num_gpus, data, TRAINING_SPLIT, training.recipe)
    follow(training.cache(place, run))
    print(f"The features are in {training.plan.folder}. Next: sonicdiffusion train stage1.")
