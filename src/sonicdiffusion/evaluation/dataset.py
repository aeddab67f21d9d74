"""A model on somebody's own data set: AIS, IIS, AIC, FID and the others, by a protocol, with intervals.

Pictures are made, embedded and forgotten a slice at a time: memory does not grow with their number. Distances that need
all pairs (KID, CMMD, density, coverage, and the interval of FID) are taken over an even sample of a fixed size.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonicdiffusion.data.prepared import PreparedData
from sonicdiffusion.evaluation.bench import Bench
from sonicdiffusion.evaluation.data_report import Kept, Scores, numbers_of
from sonicdiffusion.evaluation.extractors.choice import Extractors
from sonicdiffusion.evaluation.protocol import Clip, Protocol
from sonicdiffusion.evaluation.trials import Contender, Trial, answer_of_model
from sonicdiffusion.metrics.agreement import clip_score, nearest_label, ranking_share
from sonicdiffusion.metrics.diversity import mean_pairwise_distance
from sonicdiffusion.metrics.frechet import FeatureStatistics
from sonicdiffusion.values import Waveform

PICTURES_AT_ONCE = 200


@dataclass
class Reference:
    """The rows that pictures are compared with, as embeddings.

    Args:
        sets: statistics of all of them.
        kept: an even sample for distances over pairs: in the embedding of sets, and in that of texts.
        sounds: embeddings of the sample's sounds, (rows, width).
    """

    sets: FeatureStatistics
    kept: Kept
    sounds: NDArray[np.float32]


@dataclass
class _Rows:
    """Rows of a data set by their keys."""

    data: PreparedData
    places: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.places = {key: place for place, key in enumerate(self.data.keys)}

    def read(self, key: str) -> tuple[NDArray[np.uint8], Waveform]:
        place = self.places[key]
        picture, sound = next(self.data.pictures_and_sounds(place, place + 1))
        return picture.copy(), sound  # torch wants arrays that can be written to


def measure_on_data(
    bench: Bench,
    data: PreparedData,
    protocol: Protocol,
    extractors: Extractors,
    contender: Contender = answer_of_model,
) -> dict[str, Any]:
    """Measure a contender by a protocol.

    Args:
        bench: the model, which the contender may use.
        data: the data set that the protocol is for.
        protocol: clips, seeds and references.
        extractors: the embeddings to compare in.
        contender: who makes the pictures.

    Returns:
        Plain values: each metric with its interval by resampling clips within their classes (the pictures of one clip
        are not independent), the same class by class, the confusion of classes, facts about the extractors, and under
        "each" the values of each picture.
    """
    rows = _Rows(data.split(protocol.split))
    reference = _reference(bench, rows, protocol, extractors)
    labels = protocol.labels
    label_texts = extractors.texts.texts(labels)
    scores = Scores(protocol, FeatureStatistics(extractors.sets.facts.width))
    for clips, trials in _slices(rows, protocol):
        pictures = contender(bench, trials)
        sets, texts = extractors.sets.pictures(pictures), extractors.texts.pictures(pictures)
        per_clip = protocol.seeds_per_clip
        own = [rows.read(clip.key) for clip in clips]
        frames = np.concatenate([extractors.texts.pictures(picture[None]) for picture, _ in own])
        heard = extractors.sounds.sounds([sound for _, sound in own])
        seen = texts if extractors.sounds is extractors.texts else extractors.sounds.pictures(pictures)
        words = extractors.texts.texts([clip.prompt or rows.data.captions[rows.places[clip.key]] or clip.label
                                        for clip in clips])  # fmt: skip
        found = nearest_label(texts, label_texts)
        scores.add(
            [trial.name for trial in trials],
            ais=ranking_share(seen, heard.repeat(per_clip, axis=0), reference.sounds),
            iis=ranking_share(texts, frames.repeat(per_clip, axis=0), reference.kept.texts),
            aic=found == [labels.index(trial.class_name) for trial in trials],
            clip_score=clip_score(texts, words.repeat(per_clip, axis=0)),
        )
        scores.found += found.tolist()
        scores.sets.add(sets)
        scores.keep(sets, texts)
        if per_clip > 1:
            scores.diversity += [mean_pairwise_distance(one) for one in texts.reshape(len(clips), per_clip, -1)]
    facts = {"extractors": extractors.facts, "data": protocol.data, "split": protocol.split}
    return {**numbers_of(scores, reference.sets, reference.kept), **facts}


def _slices(rows: _Rows, protocol: Protocol) -> Iterator[tuple[Sequence[Clip], list[Trial]]]:
    """Yield clips with their trials, about `PICTURES_AT_ONCE` at a time."""
    per_clip = protocol.seeds_per_clip
    step = max(1, PICTURES_AT_ONCE // per_clip)
    for start in range(0, len(protocol.clips), step):
        clips, trials = protocol.clips[start : start + step], []
        for number, clip in enumerate(clips, start):
            sound = rows.read(clip.key)[1]
            for index in range(per_clip):
                name = f"clip {clip.key[:12]} picture {index}"
                seed = protocol.first_seed + number * per_clip + index
                trials.append(Trial(name, sound, clip.label, seed, clip.prompt))
        yield clips, trials


def _reference(bench: Bench, rows: _Rows, protocol: Protocol, extractors: Extractors) -> Reference:
    statistics, count = FeatureStatistics(extractors.sets.facts.width), len(protocol.references)
    kept, heard = Kept(count), []
    for index, key in enumerate(protocol.references):
        if index % 50 == 0:
            bench.report("reference", index, count)
        picture, sound = rows.read(key)
        sets = extractors.sets.pictures(picture[None])
        statistics.add(sets)
        if kept.wants(index):
            kept.add(index, sets, extractors.texts.pictures(picture[None]))
            heard.append(extractors.sounds.sounds([sound]))
    bench.report("reference", count, count)
    return Reference(statistics, kept, np.concatenate(heard))
