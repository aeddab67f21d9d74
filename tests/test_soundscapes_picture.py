"""The pictures of Soundscapes and their captions."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from sonicdiffusion.errors import ConfigError
from sonicdiffusion.soundscapes.captions import describe, describe_parts, describe_place, describe_sound
from sonicdiffusion.soundscapes.picture.paint import paint
from sonicdiffusion.soundscapes.scene import EVENTS, PLACES, TIMES, Event, Scene, sample_scene


def test_a_scene_is_painted_the_same_twice() -> None:
    scene = sample_scene(11)
    assert np.array_equal(paint(scene).image, paint(scene).image)


def test_seeds_give_different_pictures() -> None:
    first, second = (paint(Scene("village", "day", (), seed)).image.astype(int) for seed in (1, 2))
    assert np.abs(first - second).mean() > 5


@pytest.mark.parametrize("place", PLACES)
def test_times_of_day_differ_in_light(place: str) -> None:
    day, night = (paint(Scene(place, time, (), 5)).image.mean() for time in ("day", "night"))
    assert day > 1.5 * night


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_shows_and_leaves_the_rest_alone(event: str) -> None:
    scene = Scene("meadow", "day", (Event(event, 0.6),), 21)
    picture = paint(scene, with_masks=True)
    mask = picture.masks[event]
    assert 0.02 < mask.mean() < 0.8
    without = paint(replace(scene, events=())).image
    untouched = mask == 0
    assert np.abs(picture.image.astype(int) - without)[untouched].max() <= 0.04 * 255 + 1


@pytest.mark.parametrize("event", EVENTS)
def test_intensity_is_extent(event: str) -> None:
    intensities = np.linspace(0.15, 1.0, 12)
    scenes = [Scene(PLACES[i % 8], TIMES[i % 4], (Event(event, float(v)),), 300 + i) for i, v in enumerate(intensities)]
    extents = [paint(scene, with_masks=True).masks[event].mean() for scene in scenes]
    assert spearmanr(intensities, extents).statistic > 0.6  # type: ignore[attr-defined]


@pytest.mark.parametrize("size", [16, 96, 128, (128, 192)])
def test_any_size_can_be_painted(size: int | tuple[int, int]) -> None:
    height, width = (size, size) if isinstance(size, int) else size
    assert paint(sample_scene(3), size=size).image.shape == (height, width, 3)


def test_a_scene_refuses_what_it_does_not_know() -> None:
    with pytest.raises(ConfigError, match="Known are: mountains"):
        Scene("moon", "day", (), 0)
    with pytest.raises(ConfigError, match="intensity"):
        Event("waves", 0.0)
    with pytest.raises(ConfigError, match="at most two"):
        Scene("coast", "day", (Event("waves", 0.5), Event("waves", 0.6)), 0)
    for make in (sample_scene, lambda seed: Scene("coast", "day", (), seed)):
        with pytest.raises(ConfigError, match="at least 0, got -1"):
            make(-1)


def test_captions_name_what_they_say_they_name() -> None:
    rng = np.random.default_rng(0)
    for seed in range(200):
        caption = describe_parts(sample_scene(seed), rng)
        assert caption.text
        assert caption.has_place or caption.has_events


def test_captions_vary_and_repeat_by_seed() -> None:
    scene = sample_scene(4)
    texts = [describe(scene, np.random.default_rng(seed)) for seed in range(20)]
    assert len(set(texts)) > 10
    assert texts == [describe(scene, np.random.default_rng(seed)) for seed in range(20)]


def test_held_out_phrases_are_never_trained_on() -> None:
    rng = np.random.default_rng(0)
    trained = {describe_place(place, rng) for place in PLACES for _ in range(60)}
    captions = [describe(sample_scene(seed), rng) for seed in range(1500)]
    held_out = {describe_place(place, rng, held_out=True) for place in PLACES for _ in range(20)}
    assert not trained & held_out
    assert not [text for text in captions for phrase in held_out if phrase in text]


def test_a_sound_is_described_by_its_events_alone() -> None:
    scene = Scene("desert", "night", (Event("thunder", 0.9),), 1)
    text = describe_sound(scene, np.random.default_rng(1))
    assert "desert" not in text
    assert "night" not in text
