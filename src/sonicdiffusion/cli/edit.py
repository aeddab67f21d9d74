"""`sonicdiffusion edit`: a photograph changes to the sound."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL.Image import Image

from sonicdiffusion.cli.generate import OWN, load_pipeline

_FILM_STRENGTHS = (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def edit(
    photo: Annotated[Path, typer.Argument(help="The photograph.")],
    sounds: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SOUND]...", help="Recordings, videos or folders of them; - is standard input."),
    ] = None,
    prompt: Annotated[str, typer.Option("--prompt", "-p", help="What the picture shows besides the sound.")] = "",
    negative: Annotated[str, typer.Option("--negative", help="What it does not show.")] = "",
    without: Annotated[Path | None, typer.Option(help="A recording of what is taken out of the photograph.")] = None,
    edit_strength: Annotated[float, typer.Option(min=0, max=1, help="From 0, the photograph, to 1, free of it.")] = 0.5,
    method: Annotated[str, typer.Option(help="friendly, exact, published or redraw.")] = "friendly",
    mask: Annotated[
        Path | None,
        typer.Option(help="A picture in grey, large as the photograph: it changes where it is white."),
    ] = None,
    everywhere: Annotated[bool, typer.Option("--everywhere", help="Change it where no sound acts, too.")] = False,
    framing: Annotated[str, typer.Option(help="fit edits all of it, crop the middle in the model's shape.")] = "fit",
    audio_strength: Annotated[float, typer.Option(help="Strength of the audio layers; 0 is exactly off.")] = 1.0,
    audio_guidance: Annotated[float | None, typer.Option(help=f"How far to follow the sound; {OWN}.")] = None,
    text_guidance: Annotated[float | None, typer.Option(help=f"How far to follow the prompt; {OWN}.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, max=1000, help="Sampling steps; the method's own.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same picture.")] = 0,
    sheet: Annotated[bool, typer.Option("--sheet", help="Write before and after side by side, too.")] = False,
    film: Annotated[Path | None, typer.Option(help="Write a film from strength 0 to 1: .mp4 or .gif.")] = None,
    model: Annotated[str, typer.Option(help="A bundled model, a folder or a hub id.")] = "mini",
    adapter: Annotated[str | None, typer.Option(help=f"Folder or hub id of an audio adapter; {OWN}.")] = None,
    device: Annotated[str | None, typer.Option(help="cuda, mps or cpu; chosen by itself if left out.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("edited"),
) -> None:
    """Change what happens in a photograph to what recordings sound like; the place stays."""
    from rich.console import Console

    from sonicdiffusion.audio.collection import list_sounds, read_recording
    from sonicdiffusion.pipelines.audio_prompt import AudioPrompt, read_mask
    from sonicdiffusion.pipelines.edit import EditPipeline
    from sonicdiffusion.pipelines.photo import open_photo
    from sonicdiffusion.pipelines.picture_files import PictureFolder

    names = list_sounds(sounds or [])
    _check(names, without, mask, everywhere, film)
    opened, folder = open_photo(photo), PictureFolder(out)
    where = "everywhere" if everywhere else None if mask is None else read_mask(mask)
    recordings = [read_recording(name) for name in names]
    away_from = None if without is None else read_recording(str(without)).waveform
    audio = AudioPrompt([one.waveform for one in recordings] or None, negative=away_from)
    settings: dict[str, Any] = {
        "negative_prompt": negative,
        "audio_strength": audio_strength,
        "audio_guidance": audio_guidance,
        "text_guidance": text_guidance,
        "mask": where,
    }
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    with console.status("Loading") as status, warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: console.print(str(message))
        for note in opened.notes:
            console.print(note)
        pipeline = EditPipeline(load_pipeline(model, adapter, device, console.print).components)
        status.update("Preparing the photograph")
        prepared = pipeline.prepare(opened, method=method, framing=framing, num_steps=steps, seed=seed)  # type: ignore[arg-type]
        status.update("Editing")
        result = prepared.edit(audio, prompt, edit_strength=edit_strength, **settings)
        own = {"photo": photo.name, "adapter": adapter, "without": None if without is None else without.name}
        told = [{"sound": Path(n).name, "sound_sha256": r.sha256} for n, r in zip(names, recordings, strict=True)]
        for image, facts in zip(result.images, told or [{"sound": f"without-{own['without']}"}], strict=True):
            facts = {**result.settings, **own, **facts, "seeds": [seed]}
            folder.save([image], f"{photo.stem}-{Path(facts['sound']).stem}", facts)
        if film is not None:
            status.update("Filming")
            _film(film, lambda strength: prepared.edit(audio, prompt, edit_strength=strength, **settings).images[0])
    if sheet:
        folder.save_before_and_after(opened.pixels, result.images, photo.stem)
    print(f"The picture is {folder.pictures[0]}." if len(folder.pictures) == 1 else f"The pictures are in {out}.")


def _check(names: list[str], without: Path | None, mask: Path | None, everywhere: bool, film: Path | None) -> None:
    """Refuse what does not go together, before anything is loaded."""
    from sonicdiffusion.errors import ConfigError
    from sonicdiffusion.pipelines.film import check_film

    if not names and without is None:
        raise ConfigError("Name a recording, or with --without one of what is taken out of the photograph.")
    if mask is not None and everywhere:
        raise ConfigError("--mask and --everywhere both say where the photograph changes. Give one of them.")
    if film is not None:
        check_film(film)
        if len(names) > 1:
            raise ConfigError("A film follows one sound. Name one, or leave --film out.")


def _film(path: Path, picture_at: "Callable[[float], Image]") -> None:
    """Write a film of growing strength, there and back."""
    from sonicdiffusion.pipelines.film import crossfade, write_film

    frames = [picture_at(strength).convert("RGB") for strength in _FILM_STRENGTHS]
    write_film(crossfade(frames, num_between=3), path)
