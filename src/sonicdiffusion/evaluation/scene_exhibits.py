"""Exhibits of measurements on Soundscapes: a scene's sound, its picture, and what the judge made of it."""

from collections.abc import Sequence

import numpy as np

from sonicdiffusion.evaluation.bench import Bench, Pictures, sounds_of, trial_names
from sonicdiffusion.evaluation.exhibits import Exhibit, mp3, png
from sonicdiffusion.evaluation.judge import EVENTS_AND_NONE, Verdict
from sonicdiffusion.soundscapes.scene import EVENTS, PLACES, Scene


def exhibit_scenes(
    bench: Bench,
    measurement: str,
    scenes: Sequence[Scene],
    pictures: Pictures,
    verdict: Verdict,
    *,
    seeds: Sequence[int],
    prompts: Sequence[str] | None = None,
    has_place: bool = False,
) -> None:
    """Hand the best, median and worst pictures of scenes with one event to the bench's exhibits.

    They are ranked by the probability that the judge gives to the scene's event, times that of its place where one was
    asked for.

    Args:
        bench: takes them.
        measurement: its name in the report.
        scenes: whose sounds were heard.
        pictures: what was made of them, (scenes, height, width, 3) or wider, as a pair is.
        verdict: of the pictures.
        seeds: of the pictures' noise.
        prompts: the text beside each sound.
        has_place: whether the picture should show the scene's place, too.
    """
    numbers = np.arange(len(scenes))
    scores = verdict.events[numbers, [EVENTS.index(scene.events[0].name) for scene in scenes]]
    if has_place:
        scores = scores * verdict.places[numbers, [PLACES.index(scene.place) for scene in scenes]]

    def show(number: int) -> Exhibit:
        scene, event, place = scenes[number], int(verdict.event[number]), int(verdict.place[number])
        asked, seen = [scene.events[0].name], [f"{EVENTS_AND_NONE[event]} ({verdict.events[number, event]:.0%})"]
        if has_place:
            asked.append(scene.place)
            seen.append(f"{PLACES[place]} ({verdict.places[number, place]:.0%})")
        return Exhibit(
            trial=trial_names([scene])[0],
            picture=png(pictures[number]),
            score=float(scores[number]),
            asked=", ".join(asked),
            seen=", ".join(seen),
            seed=seeds[number],
            prompt="" if prompts is None else prompts[number],
            sound=mp3(sounds_of([scene])[0]),
        )

    bench.exhibits.collect(measurement, scores, show)
