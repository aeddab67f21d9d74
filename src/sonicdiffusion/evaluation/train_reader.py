"""Training the judge's reader: captions are put next to the pictures that they are true of.

The judge itself stays as it is. Source: Radford et al. 2021, "CLIP", figure 3, with one tower frozen (Zhai et al. 2022,
"LiT", arXiv 2111.07991), and with every picture as a target that the caption is true of (Khosla et al. 2020).
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from sonicdiffusion.data.shards import Shards
from sonicdiffusion.evaluation.judge import Judge
from sonicdiffusion.evaluation.reader import Reader, ReaderConfig
from sonicdiffusion.evaluation.seeds import JUDGE_TRAINING, JUDGE_VALIDATION
from sonicdiffusion.evaluation.train_judge import judge_scene, judge_scenes
from sonicdiffusion.metrics.intervals import share_right
from sonicdiffusion.soundscapes.captions import Caption, describe_parts, describe_place
from sonicdiffusion.soundscapes.scene import EVENTS, PLACES, TIMES, WORLD_VERSION, Scene
from sonicdiffusion.training.loop import LoopSettings, Losses, StepRecord, Turn, train

_LABEL_SHARE = 0.25  # of the captions are an event's bare name, as a data set labels its clips
_LABELS = ("{}", "{}", "a photo of {}", "the sound of {}", "a picture of {}")
_NUM_FOUND_AMONG = 100


@dataclass(frozen=True)
class ReaderRecipe:
    """The reader's training.

    Args:
        num_scenes: scenes it learns from, of those of the judge.
        num_validation: scenes it is measured on afterwards.
        loop: length and rates.
    """

    num_scenes: int = 9_000
    num_validation: int = 1_500
    loop: LoopSettings = field(
        default_factory=lambda: LoopSettings(
            num_steps=3000, batch_size=192, learning_rate=2e-3, warmup_steps=100, decay_share=0.6, weight_decay=0.01
        )
    )


class _ReaderWithTemperature(nn.Module):
    def __init__(self, reader: Reader) -> None:
        super().__init__()
        self.reader = reader
        self.log_temperature = nn.Parameter(torch.tensor(2.3))

    def forward(self, texts: list[str], seen: Tensor) -> Tensor:
        """Return similarities (texts, pictures) to picture embeddings (pictures, width)."""
        return self.log_temperature.exp().clamp(max=50.0) * self.reader(texts) @ seen.T


def train_reader(recipe: ReaderRecipe, judge: Judge, folder: Path) -> Iterator[StepRecord]:
    """Train a reader for a judge on scenes that are rendered already, and give it to the judge, with its scores.

    Args:
        recipe: length and rates.
        judge: gets the reader; nothing else of it changes.
        folder: where checkpoints go.
    """
    seen = torch.from_numpy(_look(judge, judge_scenes(recipe.num_scenes, JUDGE_TRAINING.start), recipe.num_scenes))
    scenes = [judge_scene(JUDGE_TRAINING.start + index) for index in range(recipe.num_scenes)]
    torch.manual_seed(recipe.loop.seed)
    network = _ReaderWithTemperature(Reader(ReaderConfig(embedding_width=seen.shape[1])))

    def losses(module: nn.Module, turn: Turn) -> Losses:
        rng = turn.rng
        chosen = rng.integers(len(scenes), size=recipe.loop.batch_size)
        some = [scenes[index] for index in chosen]
        captions = [caption_of(scene, rng) for scene in some]
        similarity = module([caption.text for caption in captions], seen[chosen].to(module.log_temperature.device))  # type: ignore[arg-type]
        fits = torch.from_numpy(true_of(captions, some, some)).to(similarity)
        return {"contrast": 0.5 * (_spread_over(similarity, fits) + _spread_over(similarity.T, fits.T))}

    yield from train(network, losses, recipe.loop, folder)
    judge.reader = network.reader.cpu().eval()
    judge.facts["reader"] = asdict(judge.reader.config)
    validation = _look(judge, judge_scenes(recipe.num_validation, JUDGE_VALIDATION.start), recipe.num_validation)
    judge.facts["reading"] = {"world": WORLD_VERSION, **validate_reader(judge, validation)}


def caption_of(scene: Scene, rng: np.random.Generator) -> Caption:
    """Return a caption of what is seen, or, one time in four, the bare name of what happens."""
    if scene.events and rng.random() < _LABEL_SHARE:
        names = " and ".join(event.name.replace("_", " ") for event in scene.events)
        return Caption(_LABELS[int(rng.integers(len(_LABELS)))].format(names), False, False, True)
    return describe_parts(scene, rng)


def true_of(captions: list[Caption], told: list[Scene], shown: list[Scene]) -> NDArray[np.float32]:
    """Return which captions are true of which scenes.

    Args:
        captions: of the scenes `told`.
        told: a scene for each caption.
        shown: scenes.

    Returns:
        1 where the scene has the place, the time and the events that the caption names; (captions, scenes).
    """
    place = _codes(told, shown, lambda scene: PLACES.index(scene.place))
    time = _codes(told, shown, lambda scene: TIMES.index(scene.time))
    events = _codes(told, shown, lambda scene: sum(1 << EVENTS.index(event.name) for event in scene.events))
    named = np.array([[c.has_place, c.has_time, c.has_events] for c in captions])[:, :, None]
    wrong = np.stack([place, time, events], axis=1) & named  # (captions, parts, scenes)
    return np.asarray(~wrong.any(axis=1), np.float32)


def validate_reader(judge: Judge, seen: NDArray[np.float32]) -> dict[str, Any]:
    """Measure the reader on held-out scenes.

    Args:
        judge: with its reader.
        seen: the judge's embeddings of the pictures of the first validation scenes, (scenes, width).

    Returns:
        Shares with intervals: of the scenes with one event whose picture is nearest to the event's bare name among all
        names; of the pictures that are nearest to their place's phrase, among one of each place; of the captions
        whose nearest picture among a hundred is one that they are true of, with the share that chance would find.
    """
    rng = np.random.default_rng(0)
    scenes = [judge_scene(JUDGE_VALIDATION.start + index) for index in range(len(seen))]
    labels = judge.read([event.replace("_", " ") for event in EVENTS])
    named = (seen @ labels.T).argmax(axis=1)
    one = np.array([len(scene.events) == 1 for scene in scenes])
    right = [EVENTS[index] == scene.events[0].name for index, scene in zip(named, scenes, strict=True) if scene.events]
    single = np.array(right)[one[[bool(scene.events) for scene in scenes]]]
    phrases = judge.read([describe_place(place, np.random.default_rng(0)) for place in PLACES])
    places = (seen @ phrases.T).argmax(axis=1) == [PLACES.index(scene.place) for scene in scenes]
    found, chance = [], []
    for start in range(0, len(scenes) - _NUM_FOUND_AMONG + 1, _NUM_FOUND_AMONG):
        part = slice(start, start + _NUM_FOUND_AMONG)
        captions = [caption_of(scene, rng) for scene in scenes[part]]
        fits = true_of(captions, scenes[part], scenes[part])
        nearest = (judge.read([caption.text for caption in captions]) @ seen[part].T).argmax(axis=1)
        found.append(fits[np.arange(len(fits)), nearest] > 0)
        chance.append(fits.mean())
    return {
        "event_by_name": asdict(share_right(single)),
        "place_by_phrase": asdict(share_right(places)),
        "picture_by_caption": asdict(share_right(np.concatenate(found))) if found else None,
        "picture_by_caption_chance": float(np.mean(chance)) if chance else None,
    }


def _codes(told: list[Scene], shown: list[Scene], code: Any) -> NDArray[np.bool_]:
    """Return where the codes of two lists of scenes differ, (told, shown)."""
    return np.array([code(scene) for scene in told])[:, None] != np.array([code(scene) for scene in shown])[None]


def _spread_over(similarity: Tensor, fits: Tensor) -> Tensor:
    return cross_entropy(similarity, fits / fits.sum(dim=1, keepdim=True))


def _look(judge: Judge, scenes: Shards, count: int) -> NDArray[np.float32]:
    """Return the judge's embeddings of the first pictures, (count, width)."""
    parts = [np.arange(start, min(start + 500, count)) for start in range(0, count, 500)]
    return np.concatenate([judge.look(scenes.read("image", part)).embeddings for part in parts])
