"""`sonicdiffusion compare`: what differs between two reports, beyond chance."""

from pathlib import Path
from typing import Annotated

import typer


def compare(
    first: Annotated[Path, typer.Argument(help="A report, the JSON file of `evaluate --out`.")],
    second: Annotated[Path, typer.Argument(help="Another one; differences are second minus first.")],
    out: Annotated[Path | None, typer.Option(help="Write the comparison to this .json or .html file.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Show what does not differ beyond chance, too.")] = False,
) -> None:
    """Say what differs between two reports beyond chance, by the trials that both have."""
    from rich.console import Console
    from rich.table import Table

    from sonicdiffusion.errors import ConfigError
    from sonicdiffusion.evaluation.compare import compare, comparison_json, comparison_page, read_report
    from sonicdiffusion.evaluation.page import write_page
    from sonicdiffusion.models.folders import write_settings

    if out is not None and out.suffix.lower() not in (".json", ".html"):
        raise ConfigError(f"'{out}' ends neither in .json nor in .html. Name it '{out.with_suffix('.html')}'.")
    found = compare(read_report(first), read_report(second))
    for name, one, other in found.facts:
        print(f"{name}: {one} | {other}")
    table = Table("what", "first", "second", "difference", "interval (95%)", "n", "by chance")
    for one in found.differences:
        if all_ or one.is_beyond_chance:
            interval = f"{one.low:+.3f} to {one.high:+.3f}"
            numbers = (f"{one.first:.3f}", f"{one.second:.3f}", f"{one.value:+.3f}", interval, str(one.count))
            table.add_row(one.name, *numbers, f"{one.chance:.4f}")
    if table.row_count:
        Console().print(table)
    for remark in found.remarks:
        print(remark)
    print(found.summary)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.suffix.lower() == ".html":
            write_page(out, comparison_page(found, (first.name, second.name)))
        else:
            write_settings(out, comparison_json(found))
