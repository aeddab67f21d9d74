"""Real recordings: does the picture show what was recorded, and would the encoder alone have known?"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonicdiffusion.audio.decode import decode
from sonicdiffusion.errors import AudioError, ConfigError, MissingFileError
from sonicdiffusion.evaluation.bench import Bench, Pictures
from sonicdiffusion.evaluation.exhibits import Exhibit, png
from sonicdiffusion.evaluation.judge import EVENTS_AND_NONE, Verdict
from sonicdiffusion.evaluation.linear import LinearClassifier
from sonicdiffusion.evaluation.records import each
from sonicdiffusion.evaluation.seeds import CLASS_MEANS, HEARD
from sonicdiffusion.metrics.intervals import bootstrap
from sonicdiffusion.metrics.ranking import confusion, macro_average
from sonicdiffusion.soundscapes.captions import describe_place
from sonicdiffusion.soundscapes.scene import EVENTS, PLACES, sample_scene
from sonicdiffusion.soundscapes.sound.synthesis import synthesise
from sonicdiffusion.values import Waveform

Answers = NDArray[np.int64]  # (clips, answers to each)

_SEEDS_PER_CLIP = 2
_MERGED = {EVENTS.index("thunder"): EVENTS.index("explosion")}


@dataclass(frozen=True, eq=False)
class Recording:
    """A clip of a known class.

    Args:
        name: class folder and file name.
        event: index of its class in `EVENTS`.
        half: "choose" or "report", by turns in the sorted list of each class.
        digest: SHA-256 of the file.
        waveform: what was recorded.
    """

    name: str
    event: int
    half: str
    digest: str
    waveform: Waveform


def class_folders(folder: Path) -> list[Path]:
    """Return the subfolders of a folder of recordings, one a class, sorted; hidden ones are left alone.

    Raises:
        MissingFileError: if there is no such folder.
        ConfigError: if a subfolder is not named like an event.
    """
    if not folder.is_dir():
        raise MissingFileError(
            f"There is no folder '{folder}'. Give one with a subfolder of recordings for each event."
        )
    places = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    for place in places:
        if place.name not in EVENTS:
            raise ConfigError(f"The subfolder '{place.name}' is not named like an event: {', '.join(EVENTS)}.")
    return places


def read_recordings(folder: Path) -> tuple[list[Recording], list[str]]:
    """Read the clips of a folder with a subfolder for each class.

    Args:
        folder: its subfolders are named like events; files beside them are left alone.

    Returns:
        The recordings, and the names of the files that could not be read.

    Raises:
        MissingFileError: if there is no such folder.
        ConfigError: if a subfolder is not named like an event, or there is no clip.
    """
    recordings, unreadable = [], []
    for place in class_folders(folder):
        files = sorted(path for path in place.iterdir() if path.is_file() and not path.name.startswith("."))
        for number, path in enumerate(files):
            name, half = f"{place.name}/{path.name}", ("choose", "report")[number % 2]
            try:
                waveform = decode(path)
            except AudioError:
                unreadable.append(name)
                continue
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            recordings.append(Recording(name, EVENTS.index(place.name), half, digest, waveform))
    if not recordings:
        raise ConfigError(f"The folder '{folder}' holds no readable clip in a subfolder named like an event.")
    return recordings, unreadable


def real_recordings(bench: Bench, folder: Path) -> dict[str, Any]:
    """Measure a model on real recordings: the whole path with and without a place, and the encoder alone.

    Args:
        bench: model and judge.
        folder: a subfolder for each class.

    Returns:
        Plain values: for each way of answering, the macro-average over classes of all clips, of each half and with
        thunder counted as explosion, a table by class, and the confusion; and the list of clips.

    Raises:
        MissingFileError: if there is no such folder.
        ConfigError: if a subfolder is not named like an event, or there is no clip.
    """
    recordings, unreadable = read_recordings(folder)
    per_class = min(60, max(2, bench.num_pictures // 8))
    features, nearest, linear = encoder_answers(bench, recordings, per_class)
    prompts = [describe_place(PLACES[i % len(PLACES)], np.random.default_rng(i)) for i in range(len(recordings))]
    ways: dict[str, Answers] = {
        "end_to_end": _pictured(bench, "real recordings", recordings, None, exhibited="real_recordings"),
        "end_to_end_with_place": _pictured(bench, "real recordings with a place", recordings, prompts),
        "encoder_nearest_class": nearest[:, None],
        "encoder_linear": linear[:, None],
        "judge_hears": _heard_by_judge(bench, recordings)[:, None],
    }
    return {
        **{way: _scores(recordings, answers) for way, answers in ways.items()},
        "embedding_width": features,
        "unreadable": unreadable,
        "clips": [
            {"name": one.name, "sha256": one.digest, "half": one.half, "pictured": EVENTS_AND_NONE[int(answer)]}
            for one, answer in zip(recordings, ways["end_to_end"][:, 0], strict=True)
        ],
    }


def _pictured(
    bench: Bench, doing: str, recordings: Sequence[Recording], prompts: list[str] | None, exhibited: str = ""
) -> Answers:
    """Return what the judge sees in pictures of each recording, for several seeds; the first ones may be exhibited."""
    sounds, answers = [one.waveform for one in recordings], []
    for k in range(_SEEDS_PER_CLIP):
        first_seed = HEARD.start + k * 100_000
        pictures = bench.generate(doing, sounds, prompts, first_seed=first_seed)
        verdict = bench.judge.look(pictures)
        answers.append(verdict.event)
        if exhibited and k == 0:
            _exhibit(bench, exhibited, recordings, pictures, verdict, first_seed)
    return np.stack(answers, axis=1)


def _exhibit(
    bench: Bench, name: str, recordings: Sequence[Recording], pictures: Pictures, verdict: Verdict, first_seed: int
) -> None:
    """Show pictures without their sounds: a report is published, and a recording may not be."""
    events = [one.event for one in recordings]

    def show(number: int) -> Exhibit:
        found = int(verdict.event[number])
        return Exhibit(
            trial=recordings[number].name,
            picture=png(pictures[number]),
            score=float(verdict.events[number, events[number]]),
            asked=EVENTS[events[number]],
            seen=f"{EVENTS_AND_NONE[found]} ({verdict.events[number, found]:.0%})",
            seed=first_seed + number,
        )

    bench.exhibits.collect(name, verdict.events[np.arange(len(events)), events], show)


def encoder_answers(
    bench: Bench, recordings: Sequence[Recording], per_class: int
) -> tuple[int, NDArray[np.int64], NDArray[np.int64]]:
    """Classify recordings by their audio embedding alone, knowing synthetic clips only.

    Args:
        bench: gives the encoder.
        recordings: what is classified.
        per_class: synthetic clips of each class.

    Returns:
        The embedding's width; the class whose mean embedding is nearest by cosine; and a linear classifier's.
    """
    seeds = range(CLASS_MEANS.start, CLASS_MEANS.start + per_class * len(EVENTS))
    classes = np.array([seed % len(EVENTS) for seed in seeds])
    clips = [synthesise(sample_scene(seed, event=EVENTS[seed % len(EVENTS)])) for seed in seeds]
    known = _embeddings(bench, clips)
    asked = _embeddings(bench, [one.waveform for one in recordings])
    means = np.stack([known[classes == index].mean(axis=0) for index in range(len(EVENTS))])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    linear = LinearClassifier(known, classes, len(EVENTS)).predict(asked)
    return known.shape[1], (asked @ means.T).argmax(axis=1), linear


def _embeddings(bench: Bench, sounds: Sequence[Waveform]) -> NDArray[np.float32]:
    return np.concatenate([bench.pipeline.embed_sound(sound).cpu().numpy() for sound in sounds])


def _heard_by_judge(bench: Bench, recordings: Sequence[Recording]) -> NDArray[np.int64]:
    return bench.judge.name_sounds([one.waveform for one in recordings])


def _scores(recordings: Sequence[Recording], answers: Answers) -> dict[str, Any]:
    """Score answers, shape (clips, answers to each): a clip counts by the share of its answers that are right."""
    truth = np.array([one.event for one in recordings])
    halves = np.array([one.half for one in recordings])
    merge = np.array([_MERGED.get(index, index) for index in range(len(EVENTS_AND_NONE))])
    result: dict[str, Any] = {"all": _macro(truth, answers)}
    for half in ("choose", "report"):
        if (halves == half).any():
            result[half] = _macro(truth[halves == half], answers[halves == half])
    result["explosion_and_thunder_merged"] = _macro(merge[truth], merge[answers])
    shares = (answers == truth[:, None]).mean(axis=1)
    result["by_class"] = {EVENTS[i]: float(shares[truth == i].mean()) for i in np.unique(truth)}
    table = confusion(np.repeat(truth, answers.shape[1]), answers.ravel(), len(EVENTS_AND_NONE))
    result["confusion"] = {
        EVENTS[i]: {EVENTS_AND_NONE[j]: int(table[i, j]) for j in np.flatnonzero(table[i])} for i in np.unique(truth)
    }
    return {
        **result,
        **each([f"{one.name} {one.digest[:12]}" for one in recordings], asked=[EVENTS[i] for i in truth], right=shares),
    }


def _macro(truth: NDArray[np.int64], answers: Answers) -> dict[str, float]:
    """Return the macro-average over classes with its bootstrap interval."""
    shares = (answers == truth[:, None]).mean(axis=1)  # (clips,)
    return asdict(bootstrap([shares[truth == index] for index in np.unique(truth)], macro_average))
