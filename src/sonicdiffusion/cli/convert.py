"""`sonicdiffusion convert`: published checkpoints become an adapter folder."""

from pathlib import Path
from typing import Annotated

import typer


def convert(
    projector: Annotated[Path, typer.Argument(help="Published checkpoint of the audio projector.")],
    adapter: Annotated[Path, typer.Argument(help="Published checkpoint of the audio adapters.")],
    clap: Annotated[
        Path | None, typer.Option(help="Checkpoint of MS-CLAP 2022, to put its audio half into the folder.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder to write; must not exist.")] = Path("audio_adapter"),
) -> None:
    """Turn the published SonicDiffusion checkpoints into an adapter for Stable Diffusion 1.x."""
    from sonicdiffusion.models.convert import convert_published

    config = convert_published(projector, adapter, clap, out)
    listens = f"{len(config.sites)} audio layers for {config.base_family}, hearing with {config.encoder.name}"
    print(f"The adapter is in {out}: {listens}.")
    if clap is None:
        print(f"It has no audio encoder yet: convert again with --clap, or put one into {out / 'audio_encoder'}.")
