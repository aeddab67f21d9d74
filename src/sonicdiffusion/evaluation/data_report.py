"""The scores of pictures on a data set become numbers with intervals."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonicdiffusion.evaluation.protocol import Protocol
from sonicdiffusion.evaluation.records import each
from sonicdiffusion.metrics.frechet import FeatureStatistics, frechet_distance, frechet_distance_of
from sonicdiffusion.metrics.intervals import Estimate, bootstrap
from sonicdiffusion.metrics.kernel_distance import clip_mmd, squared_mmd
from sonicdiffusion.metrics.neighbours import density_and_coverage
from sonicdiffusion.metrics.ranking import confusion

KEPT = 2000
"""Pictures of each side that distances over pairs are taken over, at most."""

_RESAMPLES = 200  # of distances, each of which takes a while
_SCORES = ("ais", "iis", "aic", "clip_score")


class Kept:
    """An even sample of embeddings, of bounded size.

    Args:
        count: how many there are in all.
    """

    def __init__(self, count: int) -> None:
        self._numbers = np.unique(np.linspace(0, count - 1, min(count, KEPT)).round().astype(int))
        self._wanted = set(self._numbers.tolist())
        self._sets: list[NDArray[np.float32]] = []
        self._texts: list[NDArray[np.float32]] = []
        self.numbers: list[int] = []

    def wants(self, number: int) -> bool:
        """Tell whether picture `number` is of the sample."""
        return number in self._wanted

    def add(self, number: int, sets: NDArray[np.float32], texts: NDArray[np.float32]) -> None:
        """Keep the embeddings of one picture, (1, width) each."""
        self._sets.append(sets)
        self._texts.append(texts)
        self.numbers.append(number)

    @property
    def sets(self) -> NDArray[np.float32]:
        """Embeddings for distances between sets, (pictures, width)."""
        return np.concatenate(self._sets)

    @property
    def texts(self) -> NDArray[np.float32]:
        """Embeddings beside texts, (pictures, width)."""
        return np.concatenate(self._texts)


@dataclass
class Scores:
    """What is known of the pictures so far, in the order of clips and seeds.

    Args:
        protocol: says which picture is of which clip.
        sets: statistics of all pictures.
    """

    protocol: Protocol
    sets: FeatureStatistics
    names: list[str] = field(default_factory=list)
    each: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in _SCORES})
    found: list[int] = field(default_factory=list)
    diversity: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.kept = Kept(len(self.protocol.clips) * self.protocol.seeds_per_clip)
        self._count = 0

    def add(self, names: Sequence[str], **scores: NDArray[Any]) -> None:
        """Take in scores of pictures, (pictures,) each."""
        self.names += names
        for name, values in scores.items():
            self.each[name] += np.asarray(values, np.float64).tolist()

    def keep(self, sets: NDArray[np.float32], texts: NDArray[np.float32]) -> None:
        """Keep those embeddings, (pictures, width), that are of the sample."""
        for index in range(len(sets)):
            if self.kept.wants(self._count + index):
                self.kept.add(self._count + index, sets[index : index + 1], texts[index : index + 1])
        self._count += len(sets)

    def by_clip(self, name: str) -> NDArray[np.float64]:
        """Return the mean score of each clip's pictures, (clips,)."""
        return np.array(self.each[name]).reshape(-1, self.protocol.seeds_per_clip).mean(axis=1)


def numbers_of(scores: Scores, reference: FeatureStatistics, others: Kept) -> dict[str, Any]:
    """Return all metrics as plain values, with 95% intervals by resampling clips within their classes.

    Args:
        scores: of the pictures.
        reference: statistics of all references.
        others: the references' sample.
    """
    protocol = scores.protocol
    clips = np.array([protocol.labels.index(clip.label) for clip in protocol.clips])
    groups = [np.flatnonzero(clips == index) for index in range(len(protocol.labels))]
    per_clip = {name: scores.by_clip(name) for name in _SCORES}
    if scores.diversity:
        per_clip["diversity_between_seeds"] = np.array(scores.diversity)
    by_class = {
        label: {name: asdict(_mean(values, [group])) for name, values in per_clip.items()}
        for label, group in zip(protocol.labels, groups, strict=True)
    }
    table = confusion(clips.repeat(protocol.seeds_per_clip), np.array(scores.found), len(protocol.labels))
    return {
        "pictures": len(scores.names),
        "references": reference.count,
        **{name: asdict(_mean(values, groups)) for name, values in per_clip.items()},
        **_distances(scores, reference, others, groups),
        "by_class": by_class,
        "confusion": {
            label: {protocol.labels[j]: int(row[j]) for j in np.flatnonzero(row)}
            for label, row in zip(protocol.labels, table, strict=True)
        },
        **each(
            scores.names,
            group=[clip.key for clip in protocol.clips for _ in range(protocol.seeds_per_clip)],
            **scores.each,
        ),
    }


def _distances(
    scores: Scores, reference: FeatureStatistics, others: Kept, groups: Sequence[NDArray[np.int64]]
) -> dict[str, Any]:
    """Return distances between the sets; the value of FID is of all pictures, all else of the samples."""
    sets, texts, true_sets, true_texts = scores.kept.sets, scores.kept.texts, others.sets, others.texts
    clip_of = np.array(scores.kept.numbers) // scores.protocol.seeds_per_clip
    rows_of = [np.flatnonzero(clip_of == clip) for clip in range(len(scores.protocol.clips))]

    def estimate(distance: Callable[[NDArray[np.int64]], float], least: float = 0.0, most: float = np.inf) -> Estimate:
        def statistic(chosen: Sequence[NDArray[np.integer]]) -> float:
            return distance(np.concatenate([rows_of[int(clip)] for group in chosen for clip in group]))

        found = bootstrap(groups, statistic, num_resamples=_RESAMPLES, is_centred=True)  # type: ignore[arg-type]
        low, high = np.clip([found.low, found.high], least, most)  # moving it may have pushed it over the edge
        return Estimate(found.value, float(low), float(high), found.count)

    fid = estimate(lambda rows: frechet_distance_of(sets[rows], true_sets))
    moved = frechet_distance(scores.sets, reference) - fid.value  # 0 unless there are more pictures than are kept
    return {
        "fid": asdict(Estimate(fid.value + moved, fid.low + moved, fid.high + moved, scores.sets.count)),
        "kid": asdict(estimate(lambda rows: squared_mmd(sets[rows], true_sets), -np.inf)),
        "cmmd": asdict(estimate(lambda rows: clip_mmd(texts[rows], true_texts))),
        "density": asdict(estimate(lambda rows: density_and_coverage(true_sets, sets[rows]).density)),
        "coverage": asdict(estimate(lambda rows: density_and_coverage(true_sets, sets[rows]).coverage, most=1.0)),
    }


def _mean(values: NDArray[np.float64], groups: Sequence[NDArray[np.int64]]) -> Estimate:
    return bootstrap([values[group] for group in groups], lambda some: float(np.concatenate(some).mean()))
