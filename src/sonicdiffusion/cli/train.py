"""`sonicdiffusion train`: an adapter on one's own recordings in two stages, or the bundled model from nothing."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sonicdiffusion.training.adapter import AdapterTraining
    from sonicdiffusion.training.progress import Progress as Done

app = typer.Typer(no_args_is_help=True, help="Train; stop and start it as you like, it goes on where it was.")

DATA = Annotated[Path, typer.Argument(help="What `sonicdiffusion prepare` has made.")]
RECIPE = Annotated[str, typer.Option(help="A recipe such as landscape, or a .toml file of your own.")]
FOLDER = Annotated[
    Path | None, typer.Option(help="Where checkpoints and the adapter go; by default runs/NAME-OF-THE-RECIPE.")
]
DRY_RUN = Annotated[bool, typer.Option("--dry-run", help="Take a few steps at full size and say what all will cost.")]


@app.command("stage1")
def stage1(data: DATA, recipe: RECIPE, folder: FOLDER = None, dry_run: DRY_RUN = False) -> None:
    """Teach the projector to say in text tokens what it hears; give `sonicdiffusion cache` first."""
    if dry_run:
        _try(recipe, "stage1")
        return
    training = open_training(data, recipe, folder)
    follow(training.stage1())
    _tell(f"Stage 1 is done, in {training.folder / 'stage1'}. Next: sonicdiffusion train stage2.")


@app.command("stage2")
def stage2(data: DATA, recipe: RECIPE, folder: FOLDER = None, dry_run: DRY_RUN = False) -> None:
    """Teach the audio layers to draw what is heard, and write the adapter."""
    if dry_run:
        _try(recipe, "stage2")
        return
    from sonicdiffusion.pipelines.preview import Preview

    training = open_training(data, recipe, folder)
    preview = None
    if training.recipe.stage2.loop.show_every:
        preview = Preview(training.recipe.base, training.recipe.encoder, data, training.folder / "pictures")
    follow(training.stage2(preview))
    _tell(f"The adapter is {training.adapter_folder}. Use it by --adapter, or load_audio_adapter.")


@app.command("mini")
def mini(
    recipe: Annotated[str, typer.Argument(help="A recipe such as mini-cpu, or a folder of recipe files.")],
    step: Annotated[list[str] | None, typer.Argument(help="Steps to do; all of them in order if left out.")] = None,
    target: Annotated[
        Path | None,
        typer.Option(help="Where the model is put; by default into the package for a recipe of ours, else beside it."),
    ] = None,
    folder: Annotated[Path | None, typer.Option(help="Where the work lies; by default in the cache folder.")] = None,
) -> None:
    """Make the bundled model from nothing."""
    from sonicdiffusion.training.mini import Workshop

    workshop = Workshop(recipe, folder, target)
    for name in workshop.steps(step or ()):
        follow(workshop.run(name))
        _tell(f"{name}: done, in {workshop.target if name == 'bundle' else workshop.folder / name}")


def open_training(data: Path, recipe: str, folder: Path | None) -> "AdapterTraining":
    """Return the training that a recipe describes."""
    # Here, so that the command line starts without them.
    from sonicdiffusion.data.prepared import PreparedData
    from sonicdiffusion.training.adapter import AdapterTraining
    from sonicdiffusion.training.adapter_recipe import load_adapter_recipe

    settings = load_adapter_recipe(recipe)
    return AdapterTraining(PreparedData(data), settings, folder or Path("runs") / Path(recipe).stem)


def follow(work: "Iterator[Done]") -> None:
    """Do a piece of work and show how far it is, in the first process alone."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    from transformers.utils import logging

    from sonicdiffusion.training.processes import processes

    logging.disable_progress_bar()  # of reading weights; downloads keep theirs
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    columns: list[Any] = [TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn()]
    columns += [TimeRemainingColumn(), TextColumn("{task.fields[losses]}", markup=False)]
    is_first = processes().is_main_process
    with Progress(*columns, console=console, disable=not is_first) as bars, warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: bars.console.print(str(message))
        tasks: dict[str, Any] = {}
        for now in work:
            if now.doing not in tasks:
                tasks[now.doing] = bars.add_task(now.doing, total=now.total, losses="")
            numbers = now.record.losses if now.record else {}
            losses = "  ".join(f"{key} {value:.4f}" for key, value in numbers.items())
            bars.update(tasks[now.doing], completed=now.done, losses=losses)


def _try(recipe: str, stage: str) -> None:
    from sonicdiffusion.evaluation.cost import peak_memory_gigabytes
    from sonicdiffusion.training.adapter_recipe import load_adapter_recipe
    from sonicdiffusion.training.dry_run import seconds_per_step

    settings = load_adapter_recipe(recipe)
    seconds, num_steps = seconds_per_step(settings, stage), getattr(settings, stage).loop.num_steps
    _tell(
        f"{stage}: {seconds:.3g} s a step, {seconds * num_steps / 3600:.3g} hours for {num_steps} steps; "
        f"{peak_memory_gigabytes():.1f} GB of memory at the most."
    )


def _tell(sentence: str) -> None:
    from sonicdiffusion.training.processes import processes

    if processes().is_main_process:
        print(sentence)
