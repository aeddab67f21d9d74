"""Edits of pictures whose true edit is known: the same scene and seed with and without the event."""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonicdiffusion.evaluation.bench import Bench, Pictures, edited_scenes, sounds_of, trial_names
from sonicdiffusion.evaluation.records import each
from sonicdiffusion.evaluation.scene_exhibits import exhibit_scenes
from sonicdiffusion.metrics.intervals import bootstrap, share_right
from sonicdiffusion.pipelines.edit import EditPipeline
from sonicdiffusion.pipelines.edit_method import DEFAULT_METHOD, DEFAULT_STRENGTH, METHODS
from sonicdiffusion.soundscapes.picture.paint import paint
from sonicdiffusion.soundscapes.scene import EVENTS, PLACES, Scene
from sonicdiffusion.values import Waveform

_VERSION = 2
"""Of what an edit computes: to be raised with it, lest kept pictures are taken for new ones."""

STRENGTHS = (0.3, 0.5, 0.7, 0.9)
"""Of the curve of preservation against effect."""


@dataclass(frozen=True, eq=False)
class Truth:
    """What is known of the scenes that are edited.

    Args:
        scenes: with their event.
        before: pictures without it, (scenes, height, width, 3).
        after: pictures with it.
        masks: where it is, (scenes, height, width), in [0, 1].
    """

    scenes: list[Scene]
    before: Pictures
    after: Pictures
    masks: NDArray[np.float32]

    @classmethod
    def of(cls, scenes: list[Scene]) -> "Truth":
        """Paint scenes with and without their event."""
        after = [paint(scene, with_masks=True) for scene in scenes]
        return cls(
            scenes,
            np.stack([paint(replace(scene, events=())).image for scene in scenes]),
            np.stack([picture.image for picture in after]),
            np.stack([picture.masks[scene.events[0].name] for picture, scene in zip(after, scenes, strict=True)]),
        )


def edits(bench: Bench) -> dict[str, Any]:
    """Every method at its settings: event and place in the edited picture, distance to the true edit, and cost.

    Distances are mean differences of brightness, 0 to 1, outside and inside the event's true mask. Cost is counted in
    pictures that go through the UNet, and in seconds.
    """
    truth = Truth.of(edited_scenes(bench.num_pictures * 2 // 5))
    known = {"unedited": truth.before, "true": truth.after}
    result: dict[str, Any] = {name: _judged(bench, truth, pictures) for name, pictures in known.items()}
    for method in METHODS:
        edited = edit_all(bench, truth, method, DEFAULT_STRENGTH)
        if method == DEFAULT_METHOD:
            pairs, verdict = np.concatenate([truth.before, edited], axis=2), bench.judge.look(edited)
            seeds = [0] * len(truth.scenes)
            exhibit_scenes(bench, "edits", truth.scenes, pairs, verdict, seeds=seeds, has_place=True)
        result[method] = {
            **_judged(bench, truth, edited),
            "reconstruction_error": _reconstruction_error(bench, truth.before[: len(EVENTS)], method),
        }
    return result


def edit_curves(bench: Bench) -> dict[str, Any]:
    """Every method at several strengths, on fewer pictures: preservation against effect."""
    truth = Truth.of(edited_scenes(max(len(EVENTS), bench.num_pictures // 10)))
    return {
        method: {
            f"{strength:g}": _judged(bench, truth, edit_all(bench, truth, method, strength)) for strength in STRENGTHS
        }
        for method in METHODS
    }


def edit_all(bench: Bench, truth: Truth, method: str, strength: float) -> Pictures:
    """Edit the pictures without their event by the sound of it, (scenes, height, width, 3)."""
    pipeline, made = EditPipeline(bench.pipeline.components), []
    for index, (picture, sound) in enumerate(zip(truth.before, sounds_of(truth.scenes), strict=True)):
        bench.report(f"editing, {method}, strength {strength:g}", index, len(truth.before))

        def make(picture: Pictures = picture, sound: Waveform = sound) -> Pictures:
            edited = pipeline.prepare(picture, method=method).edit(sound, edit_strength=strength)
            return np.asarray(edited.images[0])

        facts = ["edit", _VERSION, repr(METHODS[method]), strength, hashlib.sha256(picture.tobytes()).hexdigest()]
        request = json.dumps([*facts, hashlib.sha256(sound.samples.tobytes()).hexdigest()]).encode()
        made.append(bench.keep(request, make))
    bench.report(f"editing, {method}, strength {strength:g}", len(made), len(made))
    return np.stack(made)


def edit_speed(bench: Bench, num_pairs: int = 5) -> dict[str, Any]:
    """The default method against the published procedure, in pairs: UNet evaluations and seconds for one edit.

    The published procedure inverts in 50 steps, reconstructs, and samples with a third branch for the photograph in all
    50 steps.
    """
    truth = Truth.of(edited_scenes(num_pairs + 1))
    pipeline = EditPipeline(bench.pipeline.components)
    ratios, counts = [], []
    for picture, sound in zip(truth.before, sounds_of(truth.scenes), strict=True):
        started = time.perf_counter()
        ours = pipeline.prepare(picture)
        edited = ours.edit(sound)
        middle = time.perf_counter()
        theirs = pipeline.prepare(picture, method="published")
        theirs.reconstruct()
        published = theirs.edit(sound, attention=1.0, features=1.0)  # all steps have the third branch
        ended = time.perf_counter()
        ratios.append((ended - middle) / (middle - started))
        one, other = (a.num_evaluations + b.num_evaluations for a, b in ((ours, edited), (theirs, published)))
        counts.append([one, other])
    return {
        "method": DEFAULT_METHOD,
        "evaluations": counts[0][0],
        "evaluations_published": counts[0][1],
        "fewer_evaluations": counts[0][1] / counts[0][0],
        "times_faster": float(np.median(ratios[1:])),  # the first warms up
    }


def _reconstruction_error(bench: Bench, pictures: Pictures, method: str) -> float:
    """Return the mean squared error of latents that were inverted and sampled back without sound and text."""
    pipeline, errors = EditPipeline(bench.pipeline.components), []
    for picture in pictures:
        prepared = pipeline.prepare(picture, method=method)
        error = prepared.reconstruct() - prepared.trajectory.latents[-1:]
        errors.append(float(error.square().mean()))
    return float(np.mean(errors))


def _judged(bench: Bench, truth: Truth, pictures: Pictures) -> dict[str, Any]:
    verdict = bench.judge.look(pictures)
    event = verdict.event == [EVENTS.index(scene.events[0].name) for scene in truth.scenes]
    place = verdict.place == [PLACES.index(scene.place) for scene in truth.scenes]
    difference = np.abs(pictures.astype(np.float32) - truth.after).mean(axis=3) / 255
    inside = truth.masks
    distances = {
        "distance_outside": (difference * (1 - inside)).sum((1, 2)) / np.maximum(1e-6, (1 - inside).sum((1, 2))),
        "distance_inside": (difference * inside).sum((1, 2)) / np.maximum(1e-6, inside.sum((1, 2))),
    }
    mean = lambda groups: float(np.mean(groups[0]))  # noqa: E731
    right = {"event": event, "place": place, "event_and_place": event & place}
    return {
        **{name: asdict(share_right(one)) for name, one in right.items()},
        **{name: asdict(bootstrap([values], mean)) for name, values in distances.items()},
        **each(trial_names(truth.scenes), **right, **distances),
    }


EDITS: dict[str, Callable[[Bench], dict[str, Any]]] = {
    "edits": edits,
    "edit_curves": edit_curves,
    "edit_speed": edit_speed,
}
