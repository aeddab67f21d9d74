"""`sonicdiffusion generate`: recordings become pictures."""

import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from sonicdiffusion.pipelines.load import PretrainedPipeline
    from sonicdiffusion.pipelines.picture_files import PictureFolder

Kind = TypeVar("Kind", bound="PretrainedPipeline")

_BATCH = 4  # pictures made at once
OWN = "the model's own if left out"


def generate(
    sounds: Annotated[
        list[str],
        typer.Argument(metavar="SOUND...", help="Recordings, videos or folders of them; - is standard input."),
    ],
    prompt: Annotated[str, typer.Option("--prompt", "-p", help="What the picture shows besides the sound.")] = "",
    negative: Annotated[str, typer.Option("--negative", help="What it does not show.")] = "",
    audio_strength: Annotated[float, typer.Option(help="Strength of the audio layers; 0 is exactly off.")] = 1.0,
    audio_guidance: Annotated[float | None, typer.Option(help=f"How far to follow the sound; {OWN}.")] = None,
    text_guidance: Annotated[float | None, typer.Option(help=f"How far to follow the prompt; {OWN}.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, max=1000, help=f"Sampling steps; {OWN}.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the first picture; the same seed gives the same picture.")] = 0,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000, help="Pictures for each sound.")] = 1,
    model: Annotated[str, typer.Option(help="A bundled model, a folder or a hub id.")] = "mini",
    adapter: Annotated[str | None, typer.Option(help=f"Folder or hub id of an audio adapter; {OWN}.")] = None,
    size: Annotated[int | None, typer.Option(min=16, max=4096, help=f"Side in pixels; {OWN}.")] = None,
    negative_sound: Annotated[Path | None, typer.Option(help="A recording to steer away from.")] = None,
    mask: Annotated[
        Path | None, typer.Option(help="A picture in grey: the sound acts where it is white. In the pictures' shape.")
    ] = None,
    guidance_rescale: Annotated[
        float, typer.Option(min=0, max=1, help="Against the glare of large guidance, 0 to 1.")
    ] = 0.0,
    heatmap: Annotated[bool, typer.Option("--heatmap", help="Show beside each picture where the sound acted.")] = False,
    no_safety_checker: Annotated[
        bool, typer.Option("--no-safety-checker", help="Do without the checker that a model may bring.")
    ] = False,
    device: Annotated[str | None, typer.Option(help="cuda, mps or cpu; chosen by itself if left out.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("pictures"),
) -> None:
    """Make pictures of what recordings sound like."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from sonicdiffusion.audio.collection import list_sounds, read_recording
    from sonicdiffusion.errors import AudioError, MissingFileError
    from sonicdiffusion.pipelines.audio_prompt import AudioPrompt, read_mask
    from sonicdiffusion.pipelines.generate import GenerationPipeline
    from sonicdiffusion.pipelines.picture_files import PictureFolder

    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    names = list_sounds(sounds)
    folder = PictureFolder(out)
    where = None if mask is None else read_mask(mask)
    away_from = None if negative_sound is None else read_recording(str(negative_sound)).waveform
    pipeline = None
    num_failed = 0
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar, warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: console.print(str(message))
        task = bar.add_task("Listening", total=len(names))
        for index, name in enumerate(names):
            bar.update(task, completed=index, description=Path(name).name)
            try:
                recording = read_recording(name)
            except (AudioError, MissingFileError) as error:  # the others may be good
                console.print(str(error))
                num_failed += 1
                continue
            if pipeline is None:  # not before there is a sound to hear: loading takes seconds
                pipeline = load_pipeline(
                    GenerationPipeline, model, adapter, device, not no_safety_checker, console.print
                )
            result = pipeline(
                AudioPrompt(recording.waveform, mask=where, negative=away_from),
                prompt,
                negative_prompt=negative,
                audio_strength=audio_strength,
                text_guidance=text_guidance,
                audio_guidance=audio_guidance,
                guidance_rescale=guidance_rescale,
                num_steps=steps,
                seed=seed,
                num_images=count,
                height=size,
                width=size,
                batch_size=_BATCH,
                heat=heatmap,
                on_step=lambda step: bar.advance(task, 1.0 / (step.num_steps * math.ceil(count / _BATCH))),
            )
            facts = {"adapter": adapter, "sound": Path(name).name, "sound_sha256": recording.sha256}
            given = {"mask": mask, "negative_sound": negative_sound}
            facts |= {option: path.name for option, path in given.items() if path is not None}
            stem = stem_of(name)
            folder.save(result.images, stem, {**result.settings, **facts})
            if result.heat is not None:
                from sonicdiffusion.pipelines.heat import overlay

                shown = [overlay(*pair) for pair in zip(result.images, result.heat, strict=True)]
                folder.save(shown, f"{stem}-heat", {**result.settings, **facts, "shows": "where the sound acted"})
    _report(folder, count, num_failed)


def stem_of(name: str) -> str:
    """Return how pictures of a recording are called."""
    return "standard_input" if name == "-" else Path(name).stem


def load_pipeline(
    kind: "type[Kind]",
    model: str,
    adapter: str | None,
    device: str | None,
    check_safety: bool,
    tell: "Callable[[str], None]",
) -> Kind:
    """Load a pipeline of a kind and say which device was chosen."""
    from transformers.utils import logging

    logging.disable_progress_bar()  # of reading weights, a blink each; downloads keep theirs
    pipeline = kind.from_pretrained(model, adapter, device, check_safety=check_safety)
    place = pipeline.device.type
    found = {"cuda": "a CUDA GPU", "mps": "Apple's GPU (MPS)", "cpu": "the CPU"}.get(place, place)
    why = "as asked" if device else "no GPU was found" if place == "cpu" else "it was found"
    tell(f"The model {model} runs on {found}: {why}.")
    return pipeline


def _report(folder: "PictureFolder", count: int, num_failed: int) -> None:
    """Say where the pictures are, and fail if a sound did."""
    from sonicdiffusion.pipelines.picture_files import SHEET_PICTURES

    pictures = folder.pictures
    sheet = folder.save_sheet(count)
    if sheet:
        them = "them" if len(pictures) <= SHEET_PICTURES else f"the first {SHEET_PICTURES}"
        print(f"{len(pictures)} pictures are in {folder.path}; {sheet} shows {them} together.")
    elif pictures:
        print(f"The picture is {pictures[0]}.")
    if num_failed:
        raise typer.Exit(1)
