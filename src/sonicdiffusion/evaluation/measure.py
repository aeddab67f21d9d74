"""The measurements on Soundscapes, where the truth is known: each is a function from a bench to plain values.

Scenes, prompts and seeds are fixed lists, so the same model gives the same numbers.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonicdiffusion.evaluation.bench import (
    Bench,
    Pictures,
    heard_scenes,
    pictures_of,
    place_prompts,
    seen_scenes,
    sounds_of,
    trial_names,
)
from sonicdiffusion.evaluation.judge import EVENTS_AND_NONE, Judge, Verdict
from sonicdiffusion.evaluation.records import each
from sonicdiffusion.evaluation.scene_exhibits import exhibit_scenes
from sonicdiffusion.evaluation.seeds import HEARD
from sonicdiffusion.metrics.diversity import mean_pairwise_distance
from sonicdiffusion.metrics.frechet import frechet_distance_of
from sonicdiffusion.metrics.intervals import bootstrap, share_right
from sonicdiffusion.metrics.kernel_distance import clip_mmd, kernel_distance
from sonicdiffusion.metrics.neighbours import density_and_coverage
from sonicdiffusion.metrics.ranking import macro_average, mean_spearman, spearman
from sonicdiffusion.soundscapes.scene import EVENTS, PLACES, Event, Scene
from sonicdiffusion.values import Waveform

Numbers = dict[str, Any]
Measurement = Callable[[Bench], Numbers]

_GAINS_DB = (-24.0, -18.0, -12.0, -6.0, 0.0)


def with_place(bench: Bench) -> Numbers:
    """Sound and a phrase for a place: event right, place right, both right in the same picture."""
    scenes, sounds, pictures = _prompted(bench)
    verdict = bench.judge.look(pictures)
    seeds, prompts = _seeds(scenes), place_prompts(scenes)
    exhibit_scenes(bench, "with_place", scenes, pictures, verdict, seeds=seeds, prompts=prompts, has_place=True)
    return {
        **_agreement(verdict, scenes, sound_found=sound_found(bench.judge, verdict, sounds)),
        **_tables(verdict, scenes),
    }


def true_pictures(bench: Bench) -> Numbers:
    """What a perfect model would score: the judge on true pictures, and on those after the autoencoder."""
    scenes = heard_scenes(bench.num_pictures)
    pictures = pictures_of(scenes)
    verdict = bench.judge.look(pictures)
    through = bench.judge.look(bench.reconstruct(pictures))
    return {
        **_agreement(verdict, scenes, sound_found=sound_found(bench.judge, verdict, sounds_of(scenes))),
        "after_autoencoder": _agreement(through, scenes),
        "extent_follows_intensity": _extent_answer(verdict, scenes),
        "extent_follows_intensity_after_autoencoder": _extent_answer(through, scenes),
    }


def sound_alone(bench: Bench) -> Numbers:
    """Sound without a prompt: event right, and how the event's extent follows its intensity at random gain."""
    scenes = heard_scenes(bench.num_pictures)
    pictures = bench.generate("sound alone", sounds_of(scenes))
    verdict = bench.judge.look(pictures)
    exhibit_scenes(bench, "sound_alone", scenes, pictures, verdict, seeds=_seeds(scenes))
    levels = np.array([scene.events[0].intensity for scene in scenes])
    right = _event_right(verdict, scenes)
    return {
        "event": asdict(share_right(right)),
        "extent_follows_intensity": _extent_answer(verdict, scenes),
        "extent_follows_intensity_over_all_events": spearman(levels, _own_extents(verdict, scenes)),
        **_tables(verdict, scenes),
        **_each(verdict, scenes, event=right),
    }


def controls(bench: Bench) -> Numbers:
    """What must not work: audio strength 0, and every picture judged by another sound than it was made from."""
    scenes = heard_scenes(bench.num_pictures // 2)
    sounds, prompts = sounds_of(scenes), place_prompts(scenes)
    off = bench.judge.look(bench.generate("strength 0", sounds, prompts, audio_strength=0.0))
    # Neighbours have different events, so every sound is a wrong one.
    wrong = bench.judge.look(bench.generate("wrong sounds", [*sounds[1:], sounds[0]], prompts))
    return {"strength_0": _agreement(off, scenes), "shuffled_sounds": _agreement(wrong, scenes)}


def gain_alone(bench: Bench) -> Numbers:
    """Louder and quieter copies of one clip, seed and all else equal: how the event's extent follows the gain."""
    scenes = heard_scenes(max(len(EVENTS), bench.num_pictures // 12))
    extents, right = [], {}
    for gain in _GAINS_DB:
        copies = [_at_gain(sound, gain) for sound in sounds_of(scenes)]
        verdict = bench.judge.look(bench.generate(f"gain {gain:g} dB", copies))
        extents.append(_own_extents(verdict, scenes))
        right[f"{gain:g} dB"] = float(_event_right(verdict, scenes).mean())
    pairs = np.stack([np.broadcast_to(np.array(_GAINS_DB)[:, None], (len(_GAINS_DB), len(scenes))), extents], axis=-1)
    by_clip = pairs.transpose(1, 0, 2).astype(np.float64)  # (clips, gains, gain and extent)
    answer = bootstrap([np.array([mean_spearman([clip]) for clip in by_clip])], macro_average)
    by_trial = [mean_spearman([clip]) for clip in by_clip]
    return {
        "extent_follows_gain": asdict(answer),
        "event_by_gain": right,
        **each(trial_names(scenes), extent_follows_gain=by_trial),
    }


def likeness(bench: Bench) -> Numbers:
    """Distances to true pictures of other scenes, in the judge's embedding, and diversity between seeds."""
    _, _, pictures = _prompted(bench)
    true, other = pictures_of(seen_scenes(bench.num_pictures)), pictures_of(heard_scenes(bench.num_pictures))
    sets = {"generated": pictures, "autoencoder": bench.reconstruct(other), "true": other}
    reference = scaled_embeddings(bench.judge, true)
    embedded = {name: scaled_embeddings(bench.judge, some) for name, some in sets.items()}
    distances = {name: asdict(kernel_distance(some, reference)) for name, some in embedded.items()}
    scenes, num_seeds = heard_scenes(max(len(EVENTS), bench.num_pictures // 10)), 4
    sounds = sounds_of(scenes)
    again = [
        bench.judge.look(bench.generate(f"seed {k + 1} of {num_seeds}", sounds, first_seed=HEARD.start + k * 100_000))
        for k in range(num_seeds)
    ]
    by_sound = np.stack([verdict.embeddings for verdict in again], axis=1)  # (sounds, seeds, width)
    diversities = [mean_pairwise_distance(one) for one in by_sound]
    return {
        "kernel_distance_in_judge_embedding": distances,
        "frechet_distance_in_judge_embedding": {n: frechet_distance_of(s, reference) for n, s in embedded.items()},
        "cmmd_in_judge_embedding": {name: clip_mmd(some, reference) for name, some in embedded.items()},
        "among_true_pictures": {n: asdict(density_and_coverage(reference, s)) for n, s in embedded.items()},
        "diversity_between_seeds": float(np.mean(diversities)),
        "diversity_of_true_pictures_of_one_event": _true_diversity(bench),
        **each(trial_names(scenes), diversity_between_seeds=diversities),
    }


def held_out_phrasings(bench: Bench) -> Numbers:
    """Places named in words that training never used for them."""
    scenes = heard_scenes(bench.num_pictures // 2)
    prompts = place_prompts(scenes, held_out=True)
    pictures = bench.generate("held-out phrasings", sounds_of(scenes), prompts)
    verdict = bench.judge.look(pictures)
    seeds = _seeds(scenes)
    exhibit_scenes(bench, "held_out_phrasings", scenes, pictures, verdict, seeds=seeds, prompts=prompts, has_place=True)
    return _agreement(verdict, scenes)


def mixtures(bench: Bench) -> Numbers:
    """Two events in one sound: how often both are among the likeliest two in the picture; chance is 1 in 66."""
    pairs = list(combinations(EVENTS, 2))
    scenes = []
    for index, scene in enumerate(heard_scenes(bench.num_pictures // 2, first=200_000)):
        first, second = pairs[index * 25 % len(pairs)]  # 25 and 66 have no common factor: every pair in turn
        scenes.append(Scene(scene.place, scene.time, (Event(first, 0.7), Event(second, 0.7)), scene.seed))
    generated = bench.judge.look(bench.generate("mixtures", sounds_of(scenes)))
    return {
        **_both_events(generated, scenes),
        "true_pictures": _both_events(bench.judge.look(pictures_of(scenes)), scenes),
    }


MEASUREMENTS: dict[str, Measurement] = {
    "with_place": with_place,
    "sound_alone": sound_alone,
    "true_pictures": true_pictures,
    "controls": controls,
    "gain_alone": gain_alone,
    "likeness": likeness,
    "held_out_phrasings": held_out_phrasings,
    "mixtures": mixtures,
}


def _prompted(bench: Bench) -> tuple[list[Scene], list[Waveform], Pictures]:
    scenes = heard_scenes(bench.num_pictures)
    sounds = sounds_of(scenes)
    return scenes, sounds, bench.generate("with a place", sounds, place_prompts(scenes))


def _events(scenes: Sequence[Scene]) -> NDArray[np.int64]:
    return np.array([EVENTS.index(scene.events[0].name) for scene in scenes])


def _places(scenes: Sequence[Scene]) -> NDArray[np.int64]:
    return np.array([PLACES.index(scene.place) for scene in scenes])


def _event_right(verdict: Verdict, scenes: Sequence[Scene]) -> NDArray[np.bool_]:
    return verdict.event == _events(scenes)


def _agreement(verdict: Verdict, scenes: Sequence[Scene], **more: NDArray[np.floating]) -> Numbers:
    """Return the shares of pictures that show what was asked for; `more` are columns of 0, 1 and NaN."""
    event, place = _event_right(verdict, scenes), verdict.place == _places(scenes)
    named = {"event": event, "place": place, "event_and_place": event & place}
    return {
        **{name: asdict(share_right(right)) for name, right in named.items()},
        **{name: _share(column) for name, column in more.items()},
        **_each(verdict, scenes, **named, **more),
    }


def _share(column: NDArray[np.floating]) -> Numbers:
    known = column[~np.isnan(column)]
    return asdict(share_right(known == 1)) if known.size else {}


def _each(verdict: Verdict, scenes: Sequence[Scene], **columns: NDArray[Any]) -> Numbers:
    """Return the records of scenes with one event: what was asked for and seen, its extent, and these columns."""
    asked, seen = [scene.events[0].name for scene in scenes], [EVENTS_AND_NONE[index] for index in verdict.event]
    return each(trial_names(scenes), asked=asked, seen=seen, **columns, extent=_own_extents(verdict, scenes))


def _seeds(scenes: Sequence[Scene]) -> range:
    """Return the seeds that the bench takes unless told otherwise."""
    return range(HEARD.start, HEARD.start + len(scenes))


def _tables(verdict: Verdict, scenes: Sequence[Scene]) -> Numbers:
    """Return shares right by event, by place and by intensity."""
    event, events, places = _event_right(verdict, scenes), _events(scenes), _places(scenes)
    intensity = np.array([scene.events[0].intensity for scene in scenes])
    strong = {
        "below 0.4": intensity < 0.4,
        "0.4 to 0.7": (intensity >= 0.4) & (intensity < 0.7),
        "from 0.7": intensity >= 0.7,
    }
    return {
        "event_by_event": {EVENTS[i]: float(event[events == i].mean()) for i in np.unique(events)},
        "event_by_place": {PLACES[i]: float(event[places == i].mean()) for i in np.unique(places)},
        "event_by_intensity": {name: float(event[chosen].mean()) for name, chosen in strong.items() if chosen.any()},
    }


def _own_extents(verdict: Verdict, scenes: Sequence[Scene]) -> NDArray[np.float32]:
    """Return the extent of each scene's event in its picture, shape (pictures,)."""
    return verdict.extents[np.arange(len(scenes)), _events(scenes)]


def _extent_answer(verdict: Verdict, scenes: Sequence[Scene]) -> Numbers:
    """Return the rank correlation of intensity with extent within each event, averaged over the events."""
    pairs = np.array([scene.events[0].intensity for scene in scenes]), _own_extents(verdict, scenes)
    table, events = np.stack(pairs, axis=1).astype(np.float64), _events(scenes)
    groups = {EVENTS[i]: table[events == i] for i in np.unique(events) if (events == i).sum() > 1}
    if not groups:
        return {}
    by_event = {name: mean_spearman([group]) for name, group in groups.items()}
    return {**asdict(bootstrap(list(groups.values()), mean_spearman, num_resamples=500)), "by_event": by_event}


def sound_found(judge: Judge, verdict: Verdict, sounds: Sequence[Waveform]) -> NDArray[np.float64]:
    """Return whether each picture is nearer to its own sound than to eleven others with other events, 1 or 0.

    The last pictures, too few to be told apart so, have NaN.
    """
    heard, count = judge.listen(list(sounds)), len(EVENTS)
    found = np.full(len(sounds), np.nan)
    for start in range(0, len(sounds) - count + 1, count):
        block = slice(start, start + count)
        found[block] = (verdict.embeddings[block] @ heard[block].T).argmax(axis=1) == np.arange(count)
    return found


def scaled_embeddings(judge: Judge, pictures: Pictures) -> NDArray[np.float32]:
    """Return embeddings as the polynomial kernel wants them: numbers of about 1, not vectors of length 1."""
    embeddings = judge.look(pictures).embeddings
    return embeddings * np.float32(embeddings.shape[1] ** 0.5)


def _true_diversity(bench: Bench) -> float:
    """Return the mean distance between true pictures that show the same event elsewhere."""
    count = max(2, bench.num_pictures // 50) * len(EVENTS)
    embeddings = bench.judge.look(pictures_of(seen_scenes(count, first=100_000))).embeddings
    return macro_average([np.array([mean_pairwise_distance(embeddings[i :: len(EVENTS)])]) for i in range(len(EVENTS))])


def _both_events(verdict: Verdict, scenes: Sequence[Scene]) -> Numbers:
    wanted = [{EVENTS.index(event.name) for event in scene.events} for scene in scenes]
    hits = np.array([len(pair & set(found)) for pair, found in zip(wanted, verdict.two_events.tolist(), strict=True)])
    found = {"both_events": hits == 2, "at_least_one": hits >= 1}
    return {**{name: asdict(share_right(one)) for name, one in found.items()}, **each(trial_names(scenes), **found)}


def _at_gain(sound: Waveform, gain_db: float) -> Waveform:
    """Return a copy whose loudest sample is `gain_db` below full scale."""
    peak = max(float(np.abs(sound.samples).max()), 1e-6)
    return Waveform(sound.samples * np.float32(10 ** (gain_db / 20) / peak), sound.sample_rate)
