"""`sonicdiffusion embed`: recordings become embeddings in one file."""

from pathlib import Path
from typing import Annotated

import typer


def embed(
    sounds: Annotated[
        list[str],
        typer.Argument(metavar="SOUND...", help="Recordings, videos or folders of them; - is standard input."),
    ],
    model: Annotated[str, typer.Option(help="A bundled model, a folder or a hub id.")] = "mini",
    adapter: Annotated[str | None, typer.Option(help="Whose encoder hears; the model's own if left out.")] = None,
    device: Annotated[str | None, typer.Option(help="cuda, mps or cpu; chosen by itself if left out.")] = None,
    out: Annotated[Path, typer.Option(help="File to write, safetensors.")] = Path("embeddings.safetensors"),
) -> None:
    """Write the embedding of every recording, (1, width), under its name."""
    from rich.console import Console
    from rich.progress import track
    from transformers.utils import logging

    from sonicdiffusion.audio.collection import list_sounds, read_recording
    from sonicdiffusion.errors import AudioError, MissingFileError
    from sonicdiffusion.models.folders import write_tensors
    from sonicdiffusion.pipelines.generate import GenerationPipeline

    logging.disable_progress_bar()  # of reading weights, a blink each
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    names = list_sounds(sounds)
    pipeline = GenerationPipeline.from_pretrained(model, adapter=adapter, device=device)
    found = {}
    for name in track(names, "Listening", console=console, transient=True):
        try:
            found[name] = pipeline.embed_sound(read_recording(name).waveform)
        except (AudioError, MissingFileError) as error:  # the others may be good
            console.print(str(error))
    if found:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_tensors(out, found)
        width = next(iter(found.values())).shape[-1]
        what = "1 embedding" if len(found) == 1 else f"{len(found)} embeddings"
        print(f"{what} of width {width} in {out}, each under the path of its recording.")
    if len(found) < len(names):
        raise typer.Exit(1)
