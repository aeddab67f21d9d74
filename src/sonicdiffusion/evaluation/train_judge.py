"""Training the judge on true pictures and sounds of scenes that no model has learnt from."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from sonicdiffusion.data.shards import Example, Shards, render_shards, shard_folders
from sonicdiffusion.evaluation.judge import Judge, hear, to_tensor
from sonicdiffusion.evaluation.judge_network import EAR, HEARING_SECONDS, JudgeConfig, JudgeNetwork
from sonicdiffusion.evaluation.seeds import JUDGE_TRAINING, JUDGE_VALIDATION
from sonicdiffusion.metrics.intervals import share_right
from sonicdiffusion.soundscapes.picture.paint import paint
from sonicdiffusion.soundscapes.scene import EVENTS, PLACES, TIMES, WORLD_VERSION, Scene, sample_scene
from sonicdiffusion.soundscapes.sound.synthesis import synthesise
from sonicdiffusion.training.loop import LoopSettings, Losses, StepRecord, Turn, train

_KIND = "judge"
_EVENTLESS_EVERY = 13  # as often as each event, so that the judge may say that there is none


@dataclass(frozen=True)
class JudgeRecipe:
    """The judge's shape and training.

    Args:
        num_scenes: scenes it learns from.
        num_validation: scenes it is measured on afterwards.
        contrast_weight: weight of telling which picture goes with which sound.
        extent_weight: weight of the extents.
        damage_share: share of the pictures that are blurred, compressed or made noisy.
        network: its shape.
        loop: length and rates.
    """

    num_scenes: int = 9_000
    num_validation: int = 1_500
    contrast_weight: float = 0.2
    extent_weight: float = 20.0
    damage_share: float = 0.7
    network: JudgeConfig = field(default_factory=JudgeConfig)
    loop: LoopSettings = field(
        default_factory=lambda: LoopSettings(
            num_steps=3000, batch_size=48, learning_rate=2e-3, warmup_steps=200, decay_share=0.6, weight_decay=0.05
        )
    )


def judge_scene(seed: int) -> Scene:
    """Return scene number `seed` as the judge sees it: like all others, but one in 13 has no event."""
    scene = sample_scene(seed)
    return scene if seed % _EVENTLESS_EVERY else Scene(scene.place, scene.time, (), seed)


def judge_example(seed: int) -> Example:
    """Return a scene's picture, uint8 (128, 128, 3), its sound as levels, float16 (frames, mels), and its truth."""
    scene = judge_scene(seed)
    picture = paint(scene, with_masks=True)
    intensities, extents = np.zeros((2, len(EVENTS)), np.float32)
    for event in scene.events:
        intensities[EVENTS.index(event.name)] = event.intensity
        extents[EVENTS.index(event.name)] = picture.masks[event.name].mean()
    sound = synthesise(scene, duration_seconds=HEARING_SECONDS, sample_rate=EAR.sample_rate)
    return {
        "image": picture.image,
        "levels": hear(sound).astype(np.float16),
        "place": np.int64(PLACES.index(scene.place)),
        "time": np.int64(TIMES.index(scene.time)),
        "intensities": intensities,
        "extents": extents,
    }


def damage(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a picture as a lossy generator might make it: blurred, noisy, compressed, off in colour.

    So the judge learns to go by what is shown, not by how sharply.
    """
    size = picture.shape[1], picture.shape[0]
    kind = rng.integers(4)
    if kind == 0:
        picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.3, 1.4)))  # type: ignore[assignment]
    elif kind == 1:
        scale = rng.uniform(0.4, 0.9)
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        picture = cv2.resize(small, size, interpolation=cv2.INTER_CUBIC)  # type: ignore[assignment]
    elif kind == 2:
        coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 90))])[1]
        picture = cv2.imdecode(coded, cv2.IMREAD_COLOR)  # type: ignore[assignment]
    coarse = rng.standard_normal((size[1] // 4, size[0] // 4, 3), np.float32) * rng.uniform(0.0, 5.0)
    noise = cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR)
    gain = rng.uniform(0.88, 1.12, 3) * rng.uniform(0.9, 1.1)
    changed = picture * gain.astype(np.float32) + noise + np.float32(rng.uniform(-10.0, 10.0))
    return np.clip(changed, 0, 255).astype(np.uint8)


def augment(pictures: NDArray[np.uint8], recipe: JudgeRecipe, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Mirror half of the pictures and damage a share of them, shape (pictures, height, width, 3)."""
    mirrored = [picture[:, ::-1] if rng.random() < 0.5 else picture for picture in pictures]
    return np.stack(
        [damage(np.ascontiguousarray(p), rng) if rng.random() < recipe.damage_share else p for p in mirrored]
    )


def render_judge_scenes(count: int, first_seed: int, workers: int | None = None) -> Iterator[tuple[int, int]]:
    """Render scenes for the judge into the cache, yielding (shards done, shards in all)."""
    yield from render_shards(_KIND, judge_example, count, first_seed=first_seed, settings=_settings(), workers=workers)


def judge_scenes(count: int, first_seed: int) -> Shards:
    """Return rendered scenes."""
    return Shards(shard_folders(_KIND, count, first_seed=first_seed, settings=_settings()))


def _settings() -> dict[str, int]:
    return {"world": WORLD_VERSION}


def train_judge(recipe: JudgeRecipe, folder: Path) -> Iterator[StepRecord]:
    """Train the judge on scenes that are rendered already; it is saved, with its own scores, to `folder / "judge"`.

    Args:
        recipe: shape and rates.
        folder: where weights and checkpoints go.
    """
    scenes = judge_scenes(recipe.num_scenes, JUDGE_TRAINING.start)
    torch.manual_seed(recipe.loop.seed)
    network = JudgeNetwork(recipe.network).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def losses(module: nn.Module, turn: Turn) -> Losses:
        rng = turn.rng
        indices = rng.integers(len(scenes), size=recipe.loop.batch_size)
        device = next(module.parameters()).device
        pictures = to_tensor(augment(scenes.read("image", indices), recipe, rng)).to(device)
        names = ("levels", "place", "time", "intensities", "extents")
        truth = {name: torch.from_numpy(scenes.read(name, indices)).to(device) for name in names}
        return judge_losses(module, pictures, truth, recipe)  # type: ignore[arg-type]

    yield from train(network, losses, recipe.loop, folder)
    judge = Judge(network.cpu())
    judge.facts = {"config": asdict(recipe.network), "world": WORLD_VERSION}
    measure_judge(judge, recipe.num_validation)
    judge.save(folder / "judge")


def measure_judge(judge: Judge, count: int) -> None:
    """Put into a judge's facts how good it is on the world of today, by scenes that are rendered already."""
    validation = judge_scenes(count, JUDGE_VALIDATION.start)
    judge.facts["validation"] = {"world": WORLD_VERSION, **validate(judge, validation, count)}


def judge_losses(network: JudgeNetwork, pictures: Tensor, truth: dict[str, Tensor], recipe: JudgeRecipe) -> Losses:
    """Return the losses of a batch.

    Args:
        network: the judge.
        pictures: shape (batch, 3, height, width) in [-1, 1].
        truth: the arrays of `judge_example` but for the picture, stacked.
        recipe: the weights of the losses.
    """
    embedding = network.picture(pictures)
    heads = {name: value.float() for name, value in network.read(embedding).items()}
    heard = network.sound(truth["levels"].float())
    present = (truth["intensities"] > 0).float()
    none = (present.sum(dim=1, keepdim=True) == 0).float()
    target = torch.cat([present, none], dim=1)
    target = target / target.sum(dim=1, keepdim=True)  # two events share the probability
    audible = none[:, 0] == 0
    error = (heads["root_extent"] - truth["extents"].sqrt()).square()
    heard_logits = network.heard_event(heard * heard.shape[1] ** 0.5).float()
    return {
        "event": cross_entropy(heads["event"], target),
        "place": 0.5 * cross_entropy(heads["place"], truth["place"]),
        "time": 0.25 * cross_entropy(heads["time"], truth["time"]),
        # Absent events are many and easy: they count less.
        "extent": recipe.extent_weight * ((0.1 + present) * error).sum(dim=1).mean(),
        "heard": 0.25 * cross_entropy(heard_logits[audible], target[audible, :-1]),
        "contrast": recipe.contrast_weight * _contrast(network, embedding, heard, target),
        "_right": (heads["event"].argmax(1) == target.argmax(1)).float().mean(),
    }


def _contrast(network: JudgeNetwork, seen: Tensor, heard: Tensor, events: Tensor) -> Tensor:
    """Contrast pictures and sounds; those with the same events count as one another's.

    Source: Radford et al. 2021, "CLIP", figure 3, with the shared targets of Khosla et al. 2020.
    """
    same = (events[:, None] == events[None]).all(dim=2).float()
    target = same / same.sum(dim=1, keepdim=True)
    similarity = network.log_temperature.exp().clamp(max=50.0) * seen.float() @ heard.float().T
    return 0.5 * (cross_entropy(similarity, target) + cross_entropy(similarity.T, target))


def validate(judge: Judge, scenes: Shards, count: int) -> dict[str, Any]:
    """Measure the judge on true pictures.

    Args:
        judge: the judge.
        scenes: rendered scenes it has not learnt from.
        count: how many of them.

    Returns:
        Plain values: shares right of event (of scenes with one event; also by event and by intensity), place and
        time; how often both of two events are among the likeliest two; how often none is called none; and the
        correlation of extents with the truth.
    """
    parts = [np.arange(start, min(start + 500, count)) for start in range(0, count, 500)]
    verdicts = [judge.look(scenes.read("image", part)) for part in parts]
    intensities = scenes.read("intensities", np.arange(count))
    extents = scenes.read("extents", np.arange(count))
    found = np.concatenate([verdict.event for verdict in verdicts])
    pairs = np.concatenate([verdict.two_events for verdict in verdicts])
    estimated = np.concatenate([verdict.extents for verdict in verdicts])
    num_events = (intensities > 0).sum(axis=1)
    event, intensity = intensities.argmax(axis=1), intensities.max(axis=1)
    one, two, right = num_events == 1, num_events == 2, found == event
    both = np.array([set(pair) == set(np.flatnonzero(row)) for pair, row in zip(pairs, intensities, strict=True)])
    shown = intensities[one] > 0  # (single scenes, events), one true a row
    result: dict[str, Any] = {
        "event_right": asdict(share_right(right[one])),
        "event_right_by_intensity": {
            f"{low:.2f} to {high:.2f}": _share(right[one & (intensity >= low) & (intensity < high)])
            for low, high in ((0.15, 0.3), (0.3, 0.5), (0.5, 0.75), (0.75, 1.01))
        },
        "event_right_by_event": {name: _share(right[one & (event == index)]) for index, name in enumerate(EVENTS)},
        "both_events_right": _share(both[two]),
        "none_right": _share((found == len(EVENTS))[num_events == 0]),
        "extent_correlation": float(np.corrcoef(extents[one][shown], estimated[one][shown])[0, 1]),
    }
    for name in ("place", "time"):
        shares = np.concatenate([getattr(verdict, f"{name}s") for verdict in verdicts])
        result[f"{name}_right"] = _share(shares.argmax(axis=1) == scenes.read(name, np.arange(count)))
    return result


def _share(right: NDArray[np.bool_]) -> float | None:
    return float(right.mean()) if right.size else None
