"""`sonicdiffusion generate`: recordings become pictures."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sonicdiffusion.cli.picture_files import PictureFolder, sound_id
from sonicdiffusion.cli.sound_files import list_sounds
from sonicdiffusion.errors import ConfigError, ModelError, SonicDiffusionError

if TYPE_CHECKING:
    from sonicdiffusion.pipelines.generate import GenerationPipeline
    from sonicdiffusion.values import Waveform


def generate(
    sounds: Annotated[
        list[str], typer.Argument(metavar="SOUND...", help="Recordings, videos, folders of them, or - for standard input.")
    ],
    prompt: Annotated[str, typer.Option("--prompt", "-p", help="What the picture should show besides the sound.")] = "",
    negative: Annotated[str, typer.Option("--negative", help="What it should not show.")] = "",
    audio_strength: Annotated[
        float, typer.Option(min=0.0, help="How much the sound enters the network; 0 is exactly off.")
    ] = 1.0,
    audio_guidance: Annotated[
        float | None, typer.Option(help="How far to push towards the sound; the model's own default if left out.")
    ] = None,
    text_guidance: Annotated[
        float | None, typer.Option(help="How far to push towards the prompt; the model's own default if left out.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, max=1000, help="Sampling steps; the model's own default if left out.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same picture.")] = 0,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=64, help="Pictures for each sound.")] = 1,
    model: Annotated[str, typer.Option(help="A bundled model, a folder or a hub id.")] = "mini",
    adapter: Annotated[str | None, typer.Option(help="The audio adapter, a folder or hub id, if not the model's own.")] = None,
    size: Annotated[int | None, typer.Option(min=16, max=4096, help="Side in pixels; the model's own if left out.")] = None,
    device: Annotated[str | None, typer.Option(help="cuda, mps or cpu; chosen by itself if left out.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("pictures"),
) -> None:
    """Make pictures of what recordings sound like."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    from sonicdiffusion.audio.decode import decode

    settings: dict[str, Any] = {
        "prompt": prompt,
        "negative_prompt": negative,
        "audio_strength": audio_strength,
        "audio_guidance": audio_guidance,
        "text_guidance": text_guidance,
        "num_steps": steps,
        "seed": seed,
        "num_images": count,
    }
    if size is not None:
        settings["size"] = size
    found = list_sounds(sounds)
    folder = PictureFolder(out)
    pipe: GenerationPipeline | None = None
    failed = 0
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Sounds", total=len(found))
        for sound in found:
            try:
                waveform = decode(sound)
            except SonicDiffusionError as error:
                bar.console.print(str(error), markup=False, highlight=False, soft_wrap=True)
                failed += 1
            else:
                if pipe is None:  # not before a sound is good: loading takes seconds
                    pipe = _load(model, adapter, device, bar.console)
                result = pipe(waveform, **settings)
                folder.save(sound, sound_id(sound), result.images, _record(model, adapter, result.settings, waveform))
            bar.advance(task)
    _finish(folder, failed, len(found))


def _load(model: str, adapter: str | None, device: str | None, console: Any) -> "GenerationPipeline":
    from sonicdiffusion.pipelines.generate import GenerationPipeline

    pipe = GenerationPipeline.from_pretrained(model, adapter=adapter, device=device)
    why = "as asked" if device else "chosen by itself"
    console.print(f"Using {model} on {pipe.device} ({why}).", markup=False, highlight=False)
    return pipe
