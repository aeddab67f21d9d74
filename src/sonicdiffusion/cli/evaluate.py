"""`sonicdiffusion evaluate`: what a model can do, in numbers."""

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer


def evaluate(
    model: Annotated[str, typer.Option(help="A bundled model, a folder or a hub id.")] = "mini",
    adapter: Annotated[str | None, typer.Option(help="The audio adapter, if not the model's own.")] = None,
    pictures: Annotated[int, typer.Option(min=24, help="Pictures of the main measurements.")] = 500,
    only: Annotated[list[str] | None, typer.Option(help="Measure this alone; may be repeated.")] = None,
    sounds: Annotated[
        Path | None, typer.Option(help="Real recordings: a folder with a subfolder for each event.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the report to this JSON file, and a page and a table beside it.")
    ] = None,
    judge: Annotated[str, typer.Option(help="The judge: the bundled one, or a folder.")] = "judge",
    device: Annotated[str | None, typer.Option(help="cuda, mps or cpu; chosen by itself if left out.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Make pictures again that an earlier run has kept.")] = False,
) -> None:
    """Measure a model by the independent judge, at default settings, on scenes nobody has learnt from.

    Stop it as you like: pictures are kept, and the same command goes on where it was.
    """
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    from sonicdiffusion.evaluation.bench import Bench
    from sonicdiffusion.evaluation.judge import Judge
    from sonicdiffusion.evaluation.report import check_place, choose, measure, write
    from sonicdiffusion.pipelines.generate import GenerationPipeline

    names = choose(only, sounds)
    if out is not None:
        check_place(out)  # before the hours of work that it shall receive
    console = Console(stderr=True)
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, Any] = {}

        def show(doing: str, done: int, total: int) -> None:
            if doing not in tasks:
                tasks[doing] = bars.add_task(doing, total=total)
            bars.update(tasks[doing], completed=done, visible=done < total)

        pipeline = GenerationPipeline.from_pretrained(model, adapter=adapter, device=device)
        bench = Bench(pipeline, Judge.load(judge), pictures, fresh, show)
        report = measure(bench, names, sounds, lambda name, numbers: bars.console.print(_table(name, numbers)))
    if out is not None:
        command = _command(model, adapter, pictures, only, sounds, judge, out)
        page, table = write({"model": Path(model).name, **report, "command": command}, out, bench.exhibits)
        print(f"The report is in {out}; {page} is the page to read, and {table} the table for a model card.")


def _command(
    model: str,
    adapter: str | None,
    pictures: int,
    only: list[str] | None,
    sounds: Path | None,
    judge: str,
    out: Path,
) -> str:
    """Return the command that repeats a report, with names alone: where things lie is nobody else's business."""
    words = ["sonicdiffusion", "evaluate", "--model", Path(model).name, "--pictures", str(pictures)]
    words += ["--adapter", Path(adapter).name] if adapter is not None else []
    words += ["--judge", Path(judge).name] if judge != "judge" else []
    words += ["--sounds", sounds.name] if sounds is not None else []
    words += [word for name in only or () for word in ("--only", name)]
    return shlex.join([*words, "--out", out.name])


def _table(title: str, numbers: dict[str, Any]) -> Any:
    from rich.table import Table

    from sonicdiffusion.evaluation.report import rows

    table = Table("what", "value", "interval", "n", title=title.replace("_", " "), title_justify="left")
    for row in rows(numbers):
        table.add_row(row.name.replace("_", " ").replace(".", ": "), row.value, row.interval, row.count)
    return table
