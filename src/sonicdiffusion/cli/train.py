"""`sonicdiffusion train`: the bundled model, step by step."""

from pathlib import Path
from typing import Annotated

import typer


def train(
    recipe: Annotated[str, typer.Argument(help="A recipe such as mini-cpu, or a folder of recipe files.")],
    step: Annotated[list[str] | None, typer.Argument(help="Steps to do; all of them in order if left out.")] = None,
    target: Annotated[
        Path | None,
        typer.Option(help="Where the model is put; by default into the package for a recipe of ours, else beside it."),
    ] = None,
    folder: Annotated[Path | None, typer.Option(help="Where the work lies; by default in the cache folder.")] = None,
) -> None:
    """Train the bundled model; stop and start it as you like, it goes on where it was."""
    # Here, so that the command line starts without them.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from sonicdiffusion.training.mini import Workshop

    workshop = Workshop(recipe, folder, target)
    steps = workshop.steps(step or ())
    console = Console(stderr=True, markup=False)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, TextColumn("{task.fields[losses]}", markup=False), console=console) as bars:
        for name in steps:
            tasks: dict[str, int] = {}
            for now in workshop.run(name):
                if now.doing not in tasks:
                    tasks[now.doing] = bars.add_task(now.doing, total=now.total, losses="")
                numbers = now.record.losses if now.record else {}
                losses = "  ".join(f"{key} {value:.4f}" for key, value in numbers.items())
                bars.update(tasks[now.doing], completed=now.done, losses=losses)  # type: ignore[arg-type]
            place = workshop.target if name == "bundle" else workshop.folder / name
            console.print(f"{name}: done, in {place}")
