"""`sonicdiffusion evaluate`: what a model can do, in numbers."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table


def evaluate(
    model: Annotated[str, typer.Option(help="A bundled model, a folder or a hub id.")] = "mini",
    pictures: Annotated[int, typer.Option(min=12, help="Pictures for each measurement.")] = 500,
    only: Annotated[list[str] | None, typer.Option(help="Measure this alone; may be repeated.")] = None,
    sounds: Annotated[Path | None, typer.Option(help="Real recordings, a subfolder for each event.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the report to this JSON file.")] = None,
) -> None:
    """Measure a model on Soundscapes by the independent judge, at default settings and held-out seeds."""
    from sonicdiffusion.config import nearest
    from sonicdiffusion.errors import ConfigError
    from sonicdiffusion.evaluation.judge import load_judge
    from sonicdiffusion.evaluation.measure import MEASUREMENTS, Bench
    from sonicdiffusion.pipelines.generate import GenerationPipeline

    chosen = only or [name for name in MEASUREMENTS if name != "real_recordings" or sounds]
    for name in chosen:
        if name not in MEASUREMENTS:
            raise ConfigError(f"There is no measurement {name!r}. {nearest(name, MEASUREMENTS)}")
    bench = Bench(GenerationPipeline.from_pretrained(model), load_judge(), pictures, sounds)
    console = Console(stderr=True)
    report: dict[str, Any] = {}
    for name in chosen:
        with console.status(f"measuring {name}"):
            report[name] = MEASUREMENTS[name](bench)
        table = Table("number", "value", title=name)
        for key, value in _flat(report[name]):
            table.add_row(key, value)
        console.print(table)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps({"model": model, "pictures": pictures, **report}, indent=1) + "\n")
        print(f"The report is in {out}.")


def _flat(numbers: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return nested numbers as rows, without the list of clips."""
    rows: list[tuple[str, str]] = []
    for key, value in numbers.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{prefix}{key}.")
        elif key != "clips":
            rows.append((f"{prefix}{key}", str(value)))
    return rows
