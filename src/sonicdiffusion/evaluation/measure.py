"""Measuring a model on Soundscapes, where the truth is known, and on real recordings.

Every measurement is a function from a bench (model, judge and how many pictures) to named numbers. Scenes and
seeds are fixed, so the same model gives the same numbers.
"""

import hashlib
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr

from sonicdiffusion.errors import AudioError, MissingFileError
from sonicdiffusion.evaluation.judge import Judge, Verdict
from sonicdiffusion.evaluation.seeds import EVALUATION
from sonicdiffusion.metrics.intervals import macro_average, macro_average_interval, wilson_interval
from sonicdiffusion.metrics.kernel_distance import kernel_distance
from sonicdiffusion.pipelines.generate import GenerationPipeline
from sonicdiffusion.soundscapes.captions import describe_place
from sonicdiffusion.soundscapes.picture.paint import paint
from sonicdiffusion.soundscapes.scene import EVENTS, PLACES, Event, Scene, sample_scene
from sonicdiffusion.soundscapes.sound.synthesis import synthesise
from sonicdiffusion.values import Waveform

Numbers = dict[str, Any]


@dataclass(frozen=True)
class Bench:
    """What is measured, by whom and how often.

    Args:
        pipeline: the model, used at its default settings.
        judge: names what pictures show.
        num_pictures: pictures for each measurement.
        sounds: folder of real recordings in subfolders named like the events, or None.
    """

    pipeline: GenerationPipeline
    judge: Judge
    num_pictures: int
    sounds: Path | None = None

    def scenes(self, offset: int = 0) -> list[Scene]:
        """Return scenes with one event each, all events and places equally often."""
        return [
            sample_scene(EVALUATION + offset + i, event=EVENTS[i % len(EVENTS)], place=PLACES[(i // 3) % len(PLACES)])
            for i in range(self.num_pictures)
        ]

    def generate(
        self, sounds: Sequence[Waveform], prompts: Sequence[str] | str = "", seed: int = 0, **settings: Any
    ) -> NDArray[np.uint8]:
        """Generate a picture for each sound and prompt, uint8 (pictures, height, width, 3)."""
        result = self.pipeline(list(sounds), prompts, seed=EVALUATION + seed, batch_size=10, **settings)
        return np.stack([np.asarray(image) for image in result.images])

    def place_prompts(self, scenes: Sequence[Scene], *, held_out: bool = False) -> list[str]:
        """Return a phrase for the place of each scene."""
        return [describe_place(scene.place, scene.random("prompt"), held_out=held_out) for scene in scenes]


def _hear(scenes: Sequence[Scene]) -> list[Waveform]:
    return [synthesise(scene) for scene in scenes]


def _share(right: NDArray[np.bool_]) -> Numbers:
    low, high = wilson_interval(int(right.sum()), len(right))
    return {"share": round(float(right.mean()), 4), "interval": [round(low, 4), round(high, 4)], "n": len(right)}


def _agreement(verdict: Verdict, scenes: Sequence[Scene]) -> Numbers:
    event = verdict.events.argmax(1) == [EVENTS.index(scene.events[0].name) for scene in scenes]
    place = verdict.places.argmax(1) == [PLACES.index(scene.place) for scene in scenes]
    return {"event": _share(event), "place": _share(place), "both": _share(event & place)}


def with_place(bench: Bench) -> Numbers:
    """Sound and the name of a place: event, place, and both in one picture; KID to true pictures beside it."""
    scenes = bench.scenes()
    verdict = bench.judge.judge(bench.generate(_hear(scenes), bench.place_prompts(scenes)))
    true = bench.judge.judge(np.stack([paint(scene).image for scene in scenes]))
    other = bench.judge.judge(np.stack([paint(scene).image for scene in bench.scenes(1_000_000)]))
    return {
        **_agreement(verdict, scenes),
        "by_event": _by_event(verdict, scenes),
        "true_pictures": _agreement(true, scenes),
        "kernel_distance_judge_embedding": kernel_distance(verdict.embeddings, true.embeddings),
        "kernel_distance_between_true_sets": kernel_distance(other.embeddings, true.embeddings),
    }


def _by_event(verdict: Verdict, scenes: Sequence[Scene]) -> dict[str, float]:
    named = np.asarray([scene.events[0].name for scene in scenes])
    right = verdict.events.argmax(1) == [EVENTS.index(name) for name in named]
    return {name: round(float(right[named == name].mean()), 3) for name in EVENTS if (named == name).any()}


def sound_alone(bench: Bench) -> Numbers:
    """Sound without a prompt."""
    scenes = bench.scenes()
    return {"event": _agreement(bench.judge.judge(bench.generate(_hear(scenes))), scenes)["event"]}


def controls(bench: Bench) -> Numbers:
    """The same with audio strength 0, and with the sound of another scene."""
    scenes = bench.scenes()
    prompts = bench.place_prompts(scenes)
    sounds = _hear(scenes)
    shuffled = [sounds[i] for i in np.random.default_rng(0).permutation(len(sounds))]
    off = bench.judge.judge(bench.generate(sounds, prompts, audio_strength=0.0))
    wrong = bench.judge.judge(bench.generate(shuffled, prompts))
    return {"strength_0": _agreement(off, scenes), "shuffled_sounds": _agreement(wrong, scenes)}


def held_out_phrasings(bench: Bench) -> Numbers:
    """Places named in words that training never used as their name."""
    scenes = bench.scenes()
    prompts = bench.place_prompts(scenes, held_out=True)
    return _agreement(bench.judge.judge(bench.generate(_hear(scenes), prompts)), scenes)


def intensity(bench: Bench) -> Numbers:
    """Extent of the event in the picture against its intensity in the sound, at random recording gain."""
    scenes = bench.scenes()
    verdict = bench.judge.judge(bench.generate(_hear(scenes), bench.place_prompts(scenes)))
    levels = np.asarray([scene.events[0].intensity for scene in scenes])
    loudness = np.asarray([sound.samples.std() for sound in _hear(scenes)])
    return {
        "rank_correlation": round(float(spearmanr(levels, verdict.extents).statistic), 4),
        "rank_correlation_with_level_alone": round(float(spearmanr(loudness, verdict.extents).statistic), 4),
        "n": len(scenes),
    }


def mixtures(bench: Bench) -> Numbers:
    """Two sounds at once: both events among the judge's first two."""
    scenes = []
    for number, scene in enumerate(bench.scenes()):
        second = EVENTS[(EVENTS.index(scene.events[0].name) + 1 + number // 12 % 11) % len(EVENTS)]
        scenes.append(
            Scene(scene.place, scene.time, (Event(scene.events[0].name, 0.7), Event(second, 0.7)), scene.seed)
        )
    verdict = bench.judge.judge(bench.generate(_hear(scenes)))
    top = np.argsort(-verdict.events, axis=1)[:, :2]
    wanted = [{EVENTS.index(event.name) for event in scene.events} for scene in scenes]
    hits = np.asarray([len(pair & set(first)) for pair, first in zip(wanted, top, strict=True)])
    return {"both": _share(hits == 2), "at_least_one": _share(hits >= 1)}


def diversity(bench: Bench) -> Numbers:
    """Mean cosine distance between pictures of one sound with different seeds, beside that of true pictures."""
    distances = []
    for scene in bench.scenes()[: max(1, bench.num_pictures // 8)]:
        images = bench.generate(_hear([scene]) * 8, "", seed=scene.seed - EVALUATION)
        distances.append(_mean_distance(bench.judge.judge(images).embeddings))
    true = [
        _mean_distance(
            bench.judge.judge(
                np.stack(
                    [paint(sample_scene(EVALUATION + 2_000_000 + 8 * number + k, event=name)).image for k in range(8)]
                )
            ).embeddings
        )
        for number, name in enumerate(EVENTS)
    ]
    return {"generated": float(np.mean(distances)), "true_pictures_of_one_event": float(np.mean(true))}


def _mean_distance(embeddings: NDArray[np.float32]) -> float:
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    similarity = unit @ unit.T
    return float(1.0 - similarity[~np.eye(len(unit), dtype=bool)].mean())


def real_recordings(bench: Bench) -> Numbers:
    """Every clip of a folder of real recordings: the picture's event against the name of its subfolder.

    The clips of each class, in alphabetical order, belong by turns to the half for choosing and the half for
    reporting. The audio encoder alone is measured beside it: nearest mean embedding of synthesised clips.
    """
    if bench.sounds is None:
        raise MissingFileError("Real recordings need --sounds FOLDER, with a subfolder for each event.")
    clips = [path for name in EVENTS for path in sorted((bench.sounds / name).glob("*.*"))]
    if not clips:
        raise MissingFileError(f"{bench.sounds} has no subfolder named like an event: {', '.join(EVENTS)}.")
    heard = [clip for clip in clips if _is_readable(bench.pipeline, clip)]
    classes = [clip.parent.name for clip in heard]
    images = bench.pipeline(heard, "", seed=EVALUATION, batch_size=10).images
    guessed = bench.judge.judge(np.stack([np.asarray(image) for image in images])).events.argmax(1)
    pictures = [EVENTS[index] for index in guessed]
    encoder = _nearest_class(bench.pipeline, heard)
    halves = np.asarray([sorted((bench.sounds / c.parent.name).glob("*.*")).index(c) % 2 for c in heard])
    report: Numbers = {"clips": [_identity(clip) for clip in clips], "unreadable": len(clips) - len(heard)}
    for name, answers in (("end_to_end", pictures), ("encoder_alone", encoder)):
        report[name] = _real_scores(classes, answers)
        for half, title in ((0, "choosing_half"), (1, "reporting_half")):
            chosen = [i for i in range(len(heard)) if halves[i] == half]
            report[name][title] = _real_scores([classes[i] for i in chosen], [answers[i] for i in chosen])
    return report


def _real_scores(classes: Sequence[str], answers: Sequence[str]) -> Numbers:
    right = [a == c for a, c in zip(answers, classes, strict=True)]
    merged = {"thunder": "explosion"}
    merged_classes = [merged.get(c, c) for c in classes]
    merged_right = [merged.get(a, a) == c for a, c in zip(answers, merged_classes, strict=True)]
    return {
        "macro_average": round(macro_average(classes, right), 4),
        "interval": [round(bound, 4) for bound in macro_average_interval(classes, right)],
        "explosion_and_thunder_merged": round(macro_average(merged_classes, merged_right), 4),
        "by_class": {
            k: round(float(np.mean([r for c, r in zip(classes, right, strict=True) if c == k])), 3)
            for k in sorted(set(classes))
        },
        "n": len(classes),
    }


def _is_readable(pipeline: GenerationPipeline, clip: Path) -> bool:
    try:
        pipeline.embed_sound(clip)
    except AudioError:
        return False
    return True


def _identity(clip: Path) -> dict[str, str]:
    return {"name": f"{clip.parent.name}/{clip.name}", "sha256": hashlib.sha256(clip.read_bytes()).hexdigest()}


def _nearest_class(pipeline: GenerationPipeline, clips: Sequence[Path], each: int = 25) -> list[str]:
    """Return the event whose synthesised clips are nearest on average, for each real clip."""
    means = []
    for number, name in enumerate(EVENTS):
        seeds = range(EVALUATION + 3_000_000 + each * number, EVALUATION + 3_000_000 + each * (number + 1))
        clips_of = [pipeline.embed_sound(synthesise(sample_scene(seed, event=name))) for seed in seeds]
        means.append(torch.cat(clips_of).mean(dim=0))
    centres = torch.nn.functional.normalize(torch.stack(means), dim=-1)
    found = [int((centres @ pipeline.embed_sound(clip)[0]).argmax()) for clip in clips]
    return [EVENTS[index] for index in found]


def speed(bench: Bench) -> Numbers:
    """Seconds for a picture when the model is warm, median of eleven, one at a time."""
    sound = _hear(bench.scenes()[:1])[0]
    bench.pipeline(sound, "a village")
    seconds = []
    for seed in range(11):
        started = time.perf_counter()
        bench.pipeline(sound, "a village", seed=seed)
        seconds.append(time.perf_counter() - started)
    return {"seconds_a_picture": round(statistics.median(seconds), 3), "threads": torch.get_num_threads()}


MEASUREMENTS: dict[str, Callable[[Bench], Numbers]] = {
    "with_place": with_place,
    "sound_alone": sound_alone,
    "controls": controls,
    "held_out_phrasings": held_out_phrasings,
    "intensity": intensity,
    "mixtures": mixtures,
    "diversity": diversity,
    "real_recordings": real_recordings,
    "speed": speed,
}
