"""`sonicdiffusion prepare`: videos, or sounds and pictures, become a data set to train on."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sonicdiffusion.data.prepared import PreparedData


def prepare(
    source: Annotated[Path, typer.Argument(help="Folder of videos, of sounds and pictures, or a table of pairs.")],
    out: Annotated[Path, typer.Option(help="Folder to write to; what the same command has begun there is continued.")],
    layout: Annotated[
        str, typer.Option(help="auto, videos, pairs, landscape, greatest-hits or ravdess; auto looks at the files.")
    ] = "auto",
    clip_seconds: Annotated[float, typer.Option(help="Longest clip, in seconds.")] = 10.0,
    clips_per_video: Annotated[int, typer.Option(help="Most clips of a video, the loudest first.")] = 1,
    size: Annotated[int, typer.Option(help="Largest short side of the pictures, in pixels.")] = 512,
    test_share: Annotated[float, typer.Option(help="Share of the videos, actors or groups kept for testing.")] = 0.1,
    caption: Annotated[str | None, typer.Option(help='Template of the captions, such as "a photo of {label}".')] = None,
    captioner: Annotated[str | None, typer.Option(help="Folder or hub id of an image captioner, such as BLIP.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Processes that read files; one for each processor if left out.")
    ] = None,
    ray: Annotated[
        int, typer.Option(help="Spread the work over so many workers of a Ray cluster, or of this machine.")
    ] = 0,
    silence_dbfs: Annotated[float, typer.Option(help="Clips below this level are left out.")] = -60.0,
    hit_gap_seconds: Annotated[
        float, typer.Option(help="Greatest Hits: of hits closer together, the earlier one is kept.")
    ] = 1.0,
) -> None:
    """Cut clips of sound with a picture each, and write them as a data set with a card."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as ProgressBar

    from sonicdiffusion.data.prepare import prepare as prepare_source
    from sonicdiffusion.data.prepared import PreparedData
    from sonicdiffusion.data.settings import PrepareSettings

    settings = PrepareSettings(
        layout=layout,
        clip_seconds=clip_seconds,
        clips_per_video=clips_per_video,
        size=size,
        test_share=test_share,
        caption=caption,
        captioner=captioner,
        silence_dbfs=silence_dbfs,
        hit_gap_seconds=hit_gap_seconds,
    )
    run = None
    if ray:
        from sonicdiffusion.distributed.tasks import spread_jobs

        run = partial(spread_jobs, ray)
    names = {"listing": "Listing", "reading": "Clips", "joining": "Writing"}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with ProgressBar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("Listing", total=None)
        for step in prepare_source(source, out, settings, workers=workers, run=run):
            bar.update(task, description=names[step.stage], completed=step.done, total=step.total)
    print(_summary(PreparedData(out), out))


def _summary(data: "PreparedData", out: Path) -> str:
    """Say what came out and what was left out."""
    from sonicdiffusion.data.joining import SKIPPED

    sizes = ", ".join(f"{count:,} {split}" for split, count in data.facts["splits"].items())
    skipped = data.facts["skipped"]
    text = f"{len(data):,} clips ({sizes}) are in {out}."
    if skipped:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in skipped.items())
        text += f" {sum(skipped.values()):,} were left out ({kinds}); {out / SKIPPED} says why."
    return text
