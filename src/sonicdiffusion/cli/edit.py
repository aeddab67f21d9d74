"""`sonicdiffusion edit`: a photograph changes to the sound."""

import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from PIL.Image import Image

from sonicdiffusion.cli.generate import OWN, load_pipeline, stem_of
from sonicdiffusion.pipelines.edit_method import DEFAULT_METHOD, DEFAULT_STRENGTH, METHODS

_NAMES = ", ".join(METHODS)
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
    edit_strength: Annotated[
        float, typer.Option(min=0, max=1, help="From 0, the photograph, to 1, the most.")
    ] = DEFAULT_STRENGTH,
    method: Annotated[str, typer.Option(help=f"{_NAMES}.")] = DEFAULT_METHOD,
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
    no_safety_checker: Annotated[
        bool, typer.Option("--no-safety-checker", help="Do without the checker that a model may bring.")
    ] = False,
    device: Annotated[str | None, typer.Option(help="cuda, mps or cpu; chosen by itself if left out.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("edited"),
) -> None:
    """Change what happens in a photograph to what recordings sound like; the place stays."""
    from rich.console import Console

    from sonicdiffusion.audio.collection import list_sounds, read_recording
    from sonicdiffusion.pipelines.audio_prompt import AudioPrompt, read_mask
    from sonicdiffusion.pipelines.edit import EditPipeline
    from sonicdiffusion.pipelines.film import fit_for_film
    from sonicdiffusion.pipelines.photo import open_photo
    from sonicdiffusion.pipelines.picture_files import PictureFolder

    names = list_sounds(sounds or [])
    _check(names, without, mask, everywhere, film)
    opened, folder = open_photo(photo), PictureFolder(out)
    where = "everywhere" if everywhere else None if mask is None else read_mask(mask)
    away_from = None if without is None else read_recording(str(without)).waveform
    settings: dict[str, Any] = {
        "negative_prompt": negative,
        "audio_strength": audio_strength,
        "audio_guidance": audio_guidance,
        "text_guidance": text_guidance,
        "mask": where,
    }
    own = {
        "photo": photo.name,
        "adapter": adapter,
        "without": without and without.name,
        "mask_file": mask and mask.name,
    }
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    shown: list[Any] = []
    with console.status("Loading") as status, warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: console.print(str(message))
        for note in opened.notes:
            console.print(note)
        pipeline = load_pipeline(EditPipeline, model, adapter, device, not no_safety_checker, console.print)
        status.update("Preparing the photograph")
        prepared = pipeline.prepare(opened, method=method, framing=framing, num_steps=steps, seed=seed)  # type: ignore[arg-type]
        status.update("Editing")
        for heard in _hear(names, without, console.print):
            audio = AudioPrompt(heard.waveform, negative=away_from)
            edit_at = partial(prepared.edit, audio, prompt, **settings)
            result = edit_at(edit_strength=edit_strength)
            folder.save(result.images, f"{photo.stem}-{heard.stem}", {**result.settings, **own, **heard.facts})
            shown += [fit_for_film(image) for image in result.images]
            if film is not None:
                status.update("Filming")
                _film(film, lambda at, edit_at=edit_at: edit_at(edit_strength=at).images[0])
    if sheet and shown:
        folder.save_before_and_after(opened.pixels, shown, photo.stem)
    if shown:
        print(f"The picture is {folder.pictures[0]}." if len(shown) == 1 else f"{len(shown)} pictures are in {out}.")
    if len(shown) < max(1, len(names)):
        raise typer.Exit(1)


@dataclass(frozen=True)
class _Heard:
    """A recording, or None for none; what the picture is called after it, and what is told of it."""

    waveform: Any
    stem: str
    facts: dict[str, str]


def _hear(names: list[str], without: Path | None, tell: "Callable[[str], None]") -> "Iterator[_Heard]":
    """Yield the recordings that can be read and tell of the others; without any, what is taken out."""
    from sonicdiffusion.audio.collection import read_recording
    from sonicdiffusion.errors import AudioError, MissingFileError

    if not names and without is not None:
        yield _Heard(None, f"without-{without.stem}", {})
    for name in names:
        try:
            recording = read_recording(name)
        except (AudioError, MissingFileError) as error:  # the others may be good
            tell(str(error))
            continue
        yield _Heard(recording.waveform, stem_of(name), {"sound": Path(name).name, "sound_sha256": recording.sha256})


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
    from sonicdiffusion.pipelines.film import crossfade, fit_for_film, write_film

    frames = [fit_for_film(picture_at(strength)) for strength in _FILM_STRENGTHS]
    write_film(crossfade(frames, num_between=3), path)
