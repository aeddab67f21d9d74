"""`sonicdiffusion ablate`: what each part of the method is worth."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sonicdiffusion.cli.train import DATA, RECIPE, follow


def ablate(
    data: DATA,
    out: Annotated[Path, typer.Option(help="Folder of the variants and of the table.")],
    recipe: RECIPE = "mini-short",
    only: Annotated[
        list[str] | None, typer.Option(help="This variant alone beside the full method; may be repeated.")
    ] = None,
    pictures: Annotated[int, typer.Option(min=24, help="Pictures of each variant.")] = 240,
    judge: Annotated[str, typer.Option(help="The judge: the bundled one, or a folder.")] = "judge",
    device: Annotated[str | None, typer.Option(help="cuda, mps or cpu; chosen by itself if left out.")] = None,
) -> None:
    """Train the method without each of its parts in turn, and compare all on the same trials.

    Stop and start it as you like: what is trained or drawn is not done again.
    """
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    from sonicdiffusion.data.prepared import PreparedData
    from sonicdiffusion.evaluation.ablations import choose_variants, measure_variants, train_variant
    from sonicdiffusion.evaluation.contest import write_table
    from sonicdiffusion.evaluation.judge import Judge
    from sonicdiffusion.pipelines.device import choose_device
    from sonicdiffusion.training.adapter import AdapterTraining
    from sonicdiffusion.training.adapter_recipe import load_adapter_recipe

    variants, settings, prepared = choose_variants(only), load_adapter_recipe(recipe), PreparedData(data)
    place = choose_device(device)
    follow(AdapterTraining(prepared, settings, out).cache(place))
    for variant in variants:
        print(f"{variant.name}: {variant.says}")
        follow(train_variant(variant, prepared, settings, out / variant.name))
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def show(doing: str, done: int, total: int) -> None:
            if doing not in tasks:
                tasks[doing] = bars.add_task(doing, total=total)
            bars.update(tasks[doing], completed=done, visible=done < total)

        numbers = measure_variants(variants, settings, out, Judge.load(judge), pictures, place, show)
    table = write_table(numbers, out / "ablations.json")
    print(f"The numbers are in {out / 'ablations.json'}, and the table in {table}.")
