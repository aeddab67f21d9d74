"""`sonicdiffusion evaluate`: what a model can do, in numbers."""

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer


def evaluate(
    data: Annotated[
        Path | None, typer.Argument(help="Prepared data to measure on; the procedural world if left out.")
    ] = None,
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
    protocol: Annotated[Path | None, typer.Option(help="With DATA: clips and seeds from this file.")] = None,
    clips_per_class: Annotated[int, typer.Option(min=1, help="With DATA: clips of each class.")] = 5,
    seeds: Annotated[int, typer.Option(min=1, help="With DATA: pictures of each clip.")] = 10,
    clip: Annotated[str | None, typer.Option(help="With DATA: CLIP ViT-L/14, a folder or hub id.")] = None,
    inception: Annotated[Path | None, typer.Option(help="With DATA: Inception v3, a safetensors file.")] = None,
    wav2clip: Annotated[Path | None, typer.Option(help="With DATA: Wav2CLIP, a safetensors file.")] = None,
    wav2clip_pictures: Annotated[
        str | None, typer.Option(help="With DATA: CLIP ViT-B/32 for --wav2clip, a folder or hub id.")
    ] = None,
) -> None:
    """Measure a model by the independent judge, at default settings, on scenes nobody has learnt from.

    With DATA, a folder of `sonicdiffusion prepare`, measure it on that: AIS, IIS, AIC, FID and others.

    Stop it as you like: pictures are kept, and the same command goes on where it was. Started several times at once, it
    shares the work.
    """
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    from sonicdiffusion.evaluation.bench import Bench
    from sonicdiffusion.evaluation.judge import Judge
    from sonicdiffusion.evaluation.report import DATA_SET, check_place, choose, measure, write
    from sonicdiffusion.pipelines.generate import GenerationPipeline

    names = [] if data is not None else choose(only, sounds)
    if out is not None:
        check_place(out)  # before the hours of work that it shall receive
    task = _read_task(data, protocol, clips_per_class, seeds) if data is not None else None
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
        if task is not None:
            from sonicdiffusion.evaluation.dataset import measure_on_data  # which needs more than the world does
            from sonicdiffusion.evaluation.extractors.choice import choose_extractors

            extractors = choose_extractors(
                bench.judge,
                clip=clip,
                inception=inception,
                wav2clip=wav2clip,
                wav2clip_pictures=wav2clip_pictures,
                device=pipeline.device,
            )
            report[DATA_SET] = measure_on_data(bench, task[0], task[1], extractors)
            bars.console.print(_table(DATA_SET, report[DATA_SET]))
    if out is not None:
        command = _command(
            data,
            only,
            out,
            model=model,
            pictures=None if data else pictures,
            adapter=adapter,
            judge=None if judge == "judge" else judge,
            sounds=sounds,
            protocol=protocol,
            clips_per_class=clips_per_class if data and not protocol else None,
            seeds=seeds if data and not protocol else None,
            clip=clip,
            inception=inception,
            wav2clip=wav2clip,
            wav2clip_pictures=wav2clip_pictures,
        )
        page, table = write({"model": Path(model).name, **report, "command": command}, out, bench.exhibits)
        if task is not None:
            from sonicdiffusion.evaluation.protocol import write_protocol

            write_protocol(task[1], out.with_suffix(".protocol.json"))
        print(f"The report is in {out}; {page} is the page to read, and {table} the table for a model card.")


def _command(data: Path | None, only: list[str] | None, out: Path, **options: str | Path | int | None) -> str:
    """Return the command that repeats a report, with names alone: where things lie is nobody else's business."""
    words = ["sonicdiffusion", "evaluate", *([data.name] if data else [])]
    for name, value in options.items():
        if value is not None:
            words += [f"--{name.replace('_', '-')}", str(value) if isinstance(value, int) else Path(value).name]
    words += [word for name in only or () for word in ("--only", name)]
    return shlex.join([*words, "--out", out.name])


def _read_task(data: Path, protocol: Path | None, clips_per_class: int, seeds: int) -> Any:
    from sonicdiffusion.data.prepared import PreparedData
    from sonicdiffusion.evaluation.protocol import make_protocol, read_protocol

    prepared = PreparedData(data)
    if protocol is not None:
        return prepared, read_protocol(protocol, prepared)
    return prepared, make_protocol(prepared, clips_per_class=clips_per_class, seeds_per_clip=seeds)


def _table(title: str, numbers: dict[str, Any]) -> Any:
    from rich.table import Table

    from sonicdiffusion.evaluation.report import rows

    table = Table("what", "value", "interval", "n", title=title.replace("_", " "), title_justify="left")
    for row in rows(numbers):
        table.add_row(row.name.replace("_", " ").replace(".", ": "), row.value, row.interval, row.count)
    return table
