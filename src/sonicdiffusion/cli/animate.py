"""`sonicdiffusion animate`: a recording becomes a film."""

from pathlib import Path
from typing import Annotated

import typer

from sonicdiffusion.cli.generate import OWN, load_pipeline


def animate(
    sound: Annotated[Path, typer.Argument(help="A recording, or a video with sound.")],
    prompt: Annotated[str, typer.Option("--prompt", "-p", help="What the film shows besides the sound.")] = "",
    negative: Annotated[str, typer.Option("--negative", help="What it does not show.")] = "",
    style: Annotated[str, typer.Option(help="soundscape builds up slowly, music follows beats.")] = "soundscape",
    fps: Annotated[int, typer.Option(help="Frames a second, 8 to 30.")] = 12,
    key_rate: Annotated[float, typer.Option(help="Moments a second at which pictures are sampled.")] = 1.0,
    loop: Annotated[bool, typer.Option("--loop", help="The last frame leads to the first.")] = False,
    audio_strength: Annotated[float, typer.Option(help="Strength at the loudest moments.")] = 1.0,
    audio_guidance: Annotated[float | None, typer.Option(help=f"How far to follow the sound; {OWN}.")] = None,
    text_guidance: Annotated[float | None, typer.Option(help=f"How far to follow the prompt; {OWN}.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, max=1000, help=f"Sampling steps; {OWN}.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same film.")] = 0,
    model: Annotated[str, typer.Option(help="A bundled model, a folder or a hub id.")] = "mini",
    adapter: Annotated[str | None, typer.Option(help=f"Folder or hub id of an audio adapter; {OWN}.")] = None,
    device: Annotated[str | None, typer.Option(help="cuda, mps or cpu; chosen by itself if left out.")] = None,
    out: Annotated[Path, typer.Option(help="The film: .mp4, or .gif without the sound.")] = Path("film.mp4"),
) -> None:
    """Make a film that follows a recording; a stopped one goes on where it was."""
    from rich.console import Console
    from rich.progress import Progress

    from sonicdiffusion.audio.decode import decode
    from sonicdiffusion.pipelines.animate import AnimationPipeline
    from sonicdiffusion.pipelines.film import check_film

    check_film(out)
    heard = decode(sound)
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    pipeline = load_pipeline(AnimationPipeline, model, adapter, device, True, console.print)
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("Filming", total=None)
        pipeline(
            heard,
            out,
            prompt,
            negative_prompt=negative,
            style=style,
            frame_rate=fps,
            key_rate=key_rate,
            audio_strength=audio_strength,
            text_guidance=text_guidance,
            audio_guidance=audio_guidance,
            num_steps=steps,
            seed=seed,
            loop=loop,
            on_progress=lambda done, count: bar.update(task, completed=done, total=count),
        )
    print(f"The film is {out}." + (" A GIF has no sound." if out.suffix.lower() == ".gif" else ""))
