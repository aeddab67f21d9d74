"""`sonicdiffusion soundscapes`: write a data set of the procedural world."""

from pathlib import Path
from typing import Annotated

import typer


def soundscapes(
    out: Annotated[Path, typer.Option(help="Folder to write to; an unfinished data set there is continued.")],
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="Number of scenes.")],
    seed: Annotated[int, typer.Option(min=0, help="Number of the first scene.")] = 0,
    size: Annotated[int, typer.Option(min=16, max=4096, help="Side of the pictures in pixels.")] = 128,
) -> None:
    """Write pictures, sounds, captions and the truth about them."""
    from rich.console import Console
    from rich.progress import Progress

    from sonicdiffusion.soundscapes.dataset import write_dataset

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Scenes", total=count)
        index = write_dataset(
            out, count, first_seed=seed, size=size, progress=lambda done, _: bar.update(task, completed=done)
        )
    print(f"{count} scenes are in {out}: pictures, sounds and masks, listed in {index.name}.")
