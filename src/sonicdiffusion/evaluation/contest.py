"""Several contenders on the same trials: each against the truth, and each against the first of them, trial by trial."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonicdiffusion.evaluation.bench import (
    Bench,
    Pictures,
    pictures_of,
    place_prompts,
    seen_scenes,
    sounds_of,
    trial_names,
)
from sonicdiffusion.evaluation.judge import Judge
from sonicdiffusion.evaluation.measure import scaled_embeddings, sound_found
from sonicdiffusion.evaluation.records import each
from sonicdiffusion.evaluation.trials import Trial
from sonicdiffusion.metrics.diversity import mean_pairwise_distance
from sonicdiffusion.metrics.intervals import paired_difference, share_right
from sonicdiffusion.metrics.kernel_distance import kernel_distance
from sonicdiffusion.models.folders import write_settings
from sonicdiffusion.soundscapes.scene import EVENTS, PLACES, Scene

Numbers = dict[str, Any]

_ALIKE = 0.01  # diversity below which pictures are one picture; that of true ones is about 0.4


@dataclass(frozen=True)
class Judged:
    """What the judge found in a contender's pictures.

    Args:
        columns: "event", "place" and "sound_found", 1 or 0 for each trial, NaN where a trial has none.
        embeddings: of the pictures, (trials, width).
    """

    columns: Mapping[str, NDArray[np.float64]]
    embeddings: NDArray[np.float32]


def trials_of(scenes: Sequence[Scene]) -> list[Trial]:
    """Return scenes of one event as trials, with their places as prompts and their seeds for the noise."""
    facts = zip(scenes, trial_names(scenes), sounds_of(scenes), place_prompts(scenes), strict=True)
    return [Trial(name, sound, scene.events[0].name, scene.seed, prompt) for scene, name, sound, prompt in facts]


def judged(bench: Bench, scenes: Sequence[Scene], pictures: Pictures) -> Judged:
    """Look at a picture of each scene, (scenes, height, width, 3)."""
    verdict = bench.judge.look(pictures)
    events = np.array([EVENTS.index(scene.events[0].name) for scene in scenes])
    places = np.array([PLACES.index(scene.place) for scene in scenes])
    columns = {
        "event": (verdict.event == events).astype(float),
        "place": (verdict.place == places).astype(float),
        "sound_found": sound_found(bench.judge, verdict, sounds_of(scenes)),
    }
    return Judged(columns, scaled_embeddings(bench.judge, pictures))


def compared(judge: Judge, scenes: Sequence[Scene], contenders: Mapping[str, Judged]) -> Numbers:
    """Return the numbers of each contender, and what it does better or worse than the first, by the same trials.

    Args:
        judge: looks at the true pictures of other scenes.
        scenes: of the trials.
        contenders: by name; the others are compared with the first.
    """
    first, *_ = contenders
    true = scaled_embeddings(judge, pictures_of(seen_scenes(len(scenes))))
    numbers: Numbers = {}
    for name, found in contenders.items():
        own: Numbers = {metric: _share(column) for metric, column in found.columns.items()}
        own["kernel_distance_in_judge_embedding"] = asdict(kernel_distance(found.embeddings, true))
        own["diversity"] = mean_pairwise_distance(found.embeddings)
        if name != first:
            pairs = {metric: (column, contenders[first].columns[metric]) for metric, column in found.columns.items()}
            own[f"minus_{first}"] = {metric: _difference(*pair) for metric, pair in pairs.items()}
        numbers[name] = {**own, **each(trial_names(scenes), **found.columns)}
    return numbers


def write_table(numbers: Numbers, path: Path) -> Path:
    """Write the numbers of `compared` as JSON and a table beside it, and return the path of the table."""
    write_settings(path, numbers)
    table = path.with_suffix(".md")
    table.write_text(markdown_table(numbers), encoding="utf-8")
    return table


def markdown_table(numbers: Numbers) -> str:
    """Return one row a contender: shares in percent with intervals, and how they differ from those of the first.

    Args:
        numbers: of `compared`.
    """
    first = next(iter(numbers))
    metrics = [name for name, value in numbers[first].items() if isinstance(value, dict) and "low" in value]
    heads = [f"{name.replace('_', ' ')}, % | against {first}" for name in metrics]
    lines = [f"| | {' | '.join(heads)} | KID |", "|---" * (2 * len(metrics) + 2) + "|"]
    for name, own in numbers.items():
        cells = []
        for metric in metrics:
            difference = own.get(f"minus_{first}", {}).get(metric)
            cells += [_percent(own[metric]), _percent(difference, "+") if difference else ""]
        distance = own["kernel_distance_in_judge_embedding"]["value"]
        lines.append(f"| {name.replace('_', ' ')} | {' | '.join(cells)} | {distance:.3f} |")
    return "\n".join(lines) + "\n"


def warnings_of(numbers: Numbers, model: str, shuffled: str) -> list[str]:
    """Return what is wrong with a model that does not do what its sounds say.

    Args:
        numbers: of `compared`.
        model: the contender that is judged.
        shuffled: the contender that hears the sounds of other trials.
    """
    own, found = numbers[model], []
    if own["event"]["low"] <= 1 / len(EVENTS):
        found.append("The event is at chance: the pictures do not show what is heard.")
    if own["diversity"] < _ALIKE:
        found.append("The diversity is 0: all pictures are the same.")
    true, wrong = (np.array(numbers[name]["each"]["event"], float) for name in (model, shuffled))
    if paired_difference(true, wrong).low <= 0:
        found.append("Shuffled sounds do as well as the true ones.")
    return found


def _share(column: NDArray[np.float64]) -> Numbers:
    known = column[~np.isnan(column)]
    return asdict(share_right(known == 1)) if known.size else {}


def _difference(own: NDArray[np.float64], other: NDArray[np.float64]) -> Numbers:
    known = ~np.isnan(own)
    return asdict(paired_difference(own[known], other[known])) if known.any() else {}


def _percent(estimate: Numbers, sign: str = "") -> str:
    value, low, high = (f"{100 * estimate[key]:{sign}.1f}" for key in ("value", "low", "high"))
    return f"{value} ({low} to {high})"
