"""Greatest Hits: videos of a drumstick, with a text file that says when it hits what.

Owens et al. 2016, "Visually Indicated Sounds", CVPR.
"""

from collections.abc import Iterator, Set
from pathlib import Path

from sonicdiffusion.data.clips import Found, Skipped, SourceClip, Split
from sonicdiffusion.data.layouts.files import files_below, name_within, readable, split_named, valid
from sonicdiffusion.data.layouts.layout import Layout
from sonicdiffusion.data.settings import PrepareSettings

TIMES = "_times.txt"

_VIDEOS = ("_denoised.mp4", "_mic.mp4", ".mp4", "_denoised_thumb.mp4", "_mic_thumb.mp4")  # the best first
_SOUNDS = ("_denoised.wav", "_mic.wav")


def list_hits(root: Path, settings: PrepareSettings) -> Iterator[Found]:
    """Yield one clip for each hit. Its class is the material, its group the recording, its moment that of the hit."""
    official = _official_splits(root)
    for path in files_below(root, (".txt",)):
        if path.name.endswith(TIMES):
            recording = path.name.removesuffix(TIMES)
            split: Split | None = next((split for split, names in official if recording in names), None)
            yield from _hits_of(path, recording, root, split, settings.hit_gap_seconds)


def _hits_of(times: Path, recording: str, root: Path, split: Split | None, gap_seconds: float) -> Iterator[Found]:
    name = name_within(times, root)
    video = _first(times.parent, recording, _VIDEOS)
    if video is None:
        yield Skipped(name, "no picture", f"There is no video of {valid(recording)!r} beside it.")
        return
    sound = _first(times.parent, recording, _SOUNDS)
    last = -float("inf")
    lines = times.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words:
            continue
        source = f"{name}:{number}"
        moment = _seconds(words[0])
        material, action, reaction = (*(readable(word) for word in words[1:4]), "None", "None", "None")[:3]
        if moment is None:
            yield Skipped(source, "unreadable", f"{line[:80]!r} does not begin with a time in seconds.")
        elif material == "None":
            yield Skipped(source, "not used", "The hit has no material.")
        elif moment - last < gap_seconds:
            yield Skipped(source, "thinned", f"It comes {moment - last:.2f} seconds after the hit before.")
        else:
            last = moment
            yield SourceClip(
                source,
                video=video,
                sound=sound,
                moment_seconds=moment,
                label=material,
                group=valid(recording),
                split=split,
                words={"material": material, "action": _or_none(action), "reaction": _or_none(reaction)},
            )


def _official_splits(root: Path) -> list[tuple[Split, Set[str]]]:
    """Return the names of the recordings in each of the lists `train.txt`, `test.txt` and the like that are there."""
    found: list[tuple[Split, Set[str]]] = []
    for path in sorted(root.glob("*.txt")):
        split = split_named(path.stem)
        if split is not None:
            lines = path.read_text(encoding="utf-8", errors="replace").split()
            found.append((split, {Path(line).name.partition("_")[0].removesuffix(".mp4") for line in lines}))
    return found


def _first(folder: Path, recording: str, endings: tuple[str, ...]) -> Path | None:
    paths = (folder / f"{recording}{ending}" for ending in endings)
    return next((path for path in paths if path.is_file()), None)


def _seconds(word: str) -> float | None:
    try:
        value = float(word)
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None


def _or_none(word: str) -> str:
    return "" if word == "None" else word


GREATEST_HITS = Layout(
    "greatest-hits",
    list_hits,
    caption="a photo of a drumstick hitting {material}",
    words=("material", "action", "reaction"),
    notice="The Greatest Hits data set: Owens et al. 2016, Visually Indicated Sounds.",
)
