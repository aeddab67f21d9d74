"""A data set of Soundscapes on disk: pictures, sounds, captions, masks and the truth about each."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import soundfile
from numpy.typing import NDArray

from sonicdiffusion._version import __version__
from sonicdiffusion.errors import ConfigError
from sonicdiffusion.soundscapes.captions import describe
from sonicdiffusion.soundscapes.picture.paint import Picture, paint
from sonicdiffusion.soundscapes.scene import WORLD_VERSION, Scene, sample_scene
from sonicdiffusion.soundscapes.sound.synthesis import synthesise
from sonicdiffusion.values import Waveform

NUM_CAPTIONS = 3
_SMALLEST = 16  # pixels
_FOLDERS = ("pictures", "sounds", "masks")


def write_dataset(
    out: str | Path,
    count: int,
    *,
    first_seed: int = 0,
    size: int = 128,
    duration_seconds: float = 5.0,
    sample_rate: int = 16_000,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write the scenes `first_seed` to `first_seed + count - 1`, and return the path of their index.

    Scenes that are there already are left alone, so an interrupted run is continued by the same call, and a larger
    count extends it. Every file appears complete or not at all. The index `metadata.jsonl` has one line a scene and
    is what `datasets.load_dataset("imagefolder", ...)` reads.

    Args:
        out: the folder, made if it is missing.
        count: number of scenes, at least 1.
        first_seed: number of the first scene.
        size: side of the square pictures and masks, in pixels.
        duration_seconds: length of the sounds.
        sample_rate: of the sounds, in hertz.
        progress: called after each scene with the number done and `count`.

    Raises:
        ConfigError: if a number is out of range, or the folder holds a data set that is damaged, has other settings, or
            shows another version of the world.
    """
    if count < 1 or first_seed < 0 or not _SMALLEST <= size <= 4096:
        raise ConfigError(
            f"Got count {count}, seed {first_seed}, size {size}; expected a count of at least 1, a seed of at least "
            f"0 and a size from {_SMALLEST} to 4096 pixels."
        )
    out = Path(out)
    try:
        for folder in _FOLDERS:
            (out / folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"Cannot write to '{out}': {error.strerror}. Choose another folder.") from error
    _check_settings(out, {"size": size, "duration_seconds": duration_seconds, "sample_rate": sample_rate})
    index = out / "metadata.jsonl"
    done = _read_index(index)
    with index.open("a", encoding="utf-8") as lines:
        for number, seed in enumerate(range(first_seed, first_seed + count), start=1):
            if seed not in done:
                scene = sample_scene(seed)
                picture = paint(scene, size=size, with_masks=True)
                sound = synthesise(scene, duration_seconds=duration_seconds, sample_rate=sample_rate)
                lines.write(json.dumps(_write_scene(out, scene, picture, sound)) + "\n")
                lines.flush()
            if progress is not None:
                progress(number, count)
    return index


def scene_name(scene: Scene) -> str:
    """Return the file name of a scene without its ending, such as `00000012-raining-forest-dusk`."""
    events = "+".join(event.name for event in scene.events) or "quiet"
    return f"{scene.seed:08d}-{events}-{scene.place}-{scene.time}"


def _write_scene(out: Path, scene: Scene, picture: Picture, sound: Waveform) -> dict[str, Any]:
    """Write the files of one scene and return its line of the index."""
    name = scene_name(scene)
    rng = scene.random("captions")
    _write_png(out / "pictures" / f"{name}.png", picture.image[..., ::-1])  # OpenCV stores blue first
    _write_flac(out / "sounds" / f"{name}.flac", sound)
    events = []
    for event in scene.events:
        mask = picture.masks[event.name]
        path = out / "masks" / f"{name}-{event.name}.png"
        _write_png(path, np.round(mask * 255.0).astype(np.uint8))
        events.append(
            {
                "name": event.name,
                "intensity": event.intensity,
                "extent": round(float(mask.mean()), 6),
                "mask": path.relative_to(out).as_posix(),
            }
        )
    return {
        "file_name": f"pictures/{name}.png",
        "sound": f"sounds/{name}.flac",
        "captions": [describe(scene, rng) for _ in range(NUM_CAPTIONS)],
        "seed": scene.seed,
        "place": scene.place,
        "time": scene.time,
        "events": events,
    }


def _check_settings(out: Path, settings: dict[str, float]) -> None:
    """Store the settings and the world's version of a new data set, or refuse to mix two."""
    path = out / "dataset.json"
    if not path.exists():
        facts = {**settings, "world": WORLD_VERSION, "version": __version__}
        _replace(path, json.dumps(facts, indent=2).encode() + b"\n")
        return
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        before = None
    if not isinstance(before, dict):
        raise ConfigError(f"'{path}' is not readable JSON with the settings of a data set. Choose another folder.")
    if before.get("world") != WORLD_VERSION:
        raise ConfigError(
            f"'{out}' holds a data set of version {before.get('world', 'unknown')} of the world, and scenes of version "
            f"{WORLD_VERSION} would not match it. Choose another folder."
        )
    for name, value in settings.items():
        if before.get(name) != value:
            raise ConfigError(
                f"'{out}' holds a data set with {name} {before.get(name)}, not {value}. Choose another folder, or the "
                "same setting to continue it."
            )


def _read_index(index: Path) -> set[int]:
    """Return the seeds whose lines are complete, after cutting off a line that a kill left unfinished."""
    if not index.exists():
        return set()
    content = index.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        _replace(index, whole)
    try:
        return {json.loads(line)["seed"] for line in whole.decode().splitlines()}
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"'{index}' is damaged. Delete it, or choose another folder.") from error


def _write_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    encoded = cv2.imencode(".png", np.ascontiguousarray(pixels))[1]
    _replace(path, encoded.tobytes())


def _write_flac(path: Path, sound: Waveform) -> None:
    with _complete(path) as part:
        soundfile.write(part, np.clip(sound.samples, -1.0, 1.0), sound.sample_rate, format="FLAC", subtype="PCM_16")


def _replace(path: Path, content: bytes) -> None:
    with _complete(path) as part:
        part.write_bytes(content)


@contextmanager
def _complete(path: Path) -> Iterator[Path]:
    """Yield a path to write to that becomes `path` at the end, and nothing at all if the writing fails."""
    part = path.with_name(path.name + ".part")
    try:
        yield part
        os.replace(part, path)  # noqa: PTH105 - says "replace an existing file" on every system
    finally:
        part.unlink(missing_ok=True)
