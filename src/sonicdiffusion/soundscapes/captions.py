"""What people might say of a scene: captions in varied wording for pictures and for sounds."""

from dataclasses import dataclass

import numpy as np

from sonicdiffusion.soundscapes.scene import Event, Scene

_PLACES = {
    "mountains": (
        "mountains",
        "a mountain range",
        "snowy mountains",
        "the mountains",
        "a mountain valley",
        "the alps",
    ),
    "forest": ("a forest", "the woods", "a forest path", "a woodland", "the forest", "a deep wood"),
    "desert": ("a desert", "the desert", "desert dunes", "a sandy desert", "a dry desert", "sand dunes"),
    "city": ("a city", "the city", "a city street", "a big city", "downtown", "a modern city"),
    "village": (
        "a village",
        "the village",
        "a small village",
        "a country village",
        "a quiet hamlet",
        "a hamlet",
    ),
    "meadow": (
        "a meadow",
        "the meadow",
        "a flower meadow",
        "a green meadow",
        "a field of flowers",
        "the fields",
    ),
    "coast": ("a coast", "the coast", "the seaside", "a beach", "a sandy beach", "the sea shore"),
    "arctic": (
        "the arctic",
        "an arctic plain",
        "an icy plain",
        "a frozen land",
        "the polar ice",
        "arctic ice",
    ),
}

# Said beside a place's name in training, never instead of it.
_DETAILS = {
    "mountains": (
        "with snowy peaks",
        "below rocky summits",
        "with high ridges and peaks",
        "with firs and summits",
    ),
    "forest": ("with tall trees", "among tree trunks", "under old trees", "with trunks and green leaves"),
    "desert": ("with cactus plants", "with a cactus and hot sand", "among dry dunes", "with a mesa and sand"),
    "city": ("with skyscrapers", "with tall buildings", "with towers and a road", "among office towers"),
    "village": ("with cottages", "with small houses", "with a church and cottages", "with red roofs"),
    "meadow": (
        "with wild flowers",
        "with grass and blossoms",
        "on rolling green hills",
        "with a tree on a hill",
    ),
    "coast": (
        "with a lighthouse",
        "by the ocean",
        "with a boat on the sea",
        "between lighthouse and ocean",
    ),
    "arctic": ("with icebergs", "with snow and icebergs", "among ice floes", "with glaciers of ice"),
}

# Made of words that training shows, in combinations that it never shows, and without the place's name.
_HELD_OUT_PLACES = {
    "mountains": ("snowy peaks and ridges", "high rocky summits"),
    "forest": ("tall old trees", "green leaves and trunks"),
    "desert": ("hot dry sand with a cactus", "cactus plants on a mesa"),
    "city": ("skyscrapers and office buildings", "tall towers by a road"),
    "village": ("cottages with red roofs", "small houses around a church"),
    "meadow": ("rolling hills with blossoms", "wild flowers and grass"),
    "coast": ("a lighthouse by the ocean", "a boat on the ocean"),
    "arctic": ("icebergs and snow", "glaciers and ice floes"),
}

_TIMES = {
    "dawn": ("at dawn", "in the early morning", "at sunrise", "at first light"),
    "day": ("by day", "in daylight", "at noon", "on a clear day"),
    "dusk": ("at dusk", "at sunset", "in the evening", "in the last light"),
    "night": ("at night", "by night", "under the moon", "in the dark"),
}

# Weak, middling and strong.
_EVENTS = {
    "explosion": (
        ("a small explosion", "a distant blast", "a small bang"),
        ("an explosion", "a blast", "something exploding"),
        ("a huge explosion", "a massive blast", "a giant fireball exploding"),
    ),
    "fire_crackling": (
        ("a small campfire crackling", "a little fire", "weak flames"),
        ("a crackling fire", "a fire burning", "burning wood"),
        ("a big blazing fire", "a large bonfire roaring", "huge flames"),
    ),
    "raining": (
        ("light rain", "a drizzle", "a few drops of rain"),
        ("rain", "steady rain", "a rain shower"),
        ("heavy rain", "a downpour", "pouring rain"),
    ),
    "splashing_water": (
        ("a small splash", "a little water splashing", "a faint splash of water"),
        ("splashing water", "a splash in the water", "water splashing"),
        ("a huge splash", "wild splashing of water", "water splashing high"),
    ),
    "squishing_water": (
        ("a step in the mud", "a little mud squelching", "a small muddy patch"),
        ("squishing mud", "boots in wet mud", "squelching steps in mud"),
        ("deep squelching mud", "heavy boots stomping in mud", "a great muddy bog squishing"),
    ),
    "thunder": (
        ("distant thunder", "faint thunder", "a weak flash of lightning"),
        ("thunder", "thunder and lightning", "a thunderstorm"),
        ("a violent thunderstorm", "mighty thunder and many lightning bolts", "crashing thunder"),
    ),
    "underwater_bubbling": (
        ("a few bubbles under water", "shallow water with bubbles", "a little bubbling"),
        ("bubbles under water", "underwater bubbling", "bubbling water below the surface"),
        ("deep water full of bubbles", "masses of bubbles under water", "strong underwater bubbling"),
    ),
    "waterfall_burbling": (
        ("a small waterfall", "a thin cascade", "a little waterfall burbling"),
        ("a waterfall", "a burbling waterfall", "a cascade"),
        ("a big waterfall", "a mighty waterfall", "a roaring cascade"),
    ),
    "wind_noise": (
        ("a light wind", "a gentle breeze", "a faint wind"),
        ("wind", "blowing wind", "windy weather"),
        ("a strong wind", "a gale", "a howling storm wind"),
    ),
    "birds": (
        ("a few birds", "a bird singing", "one or two birds"),
        ("birds", "birds singing", "a flock of birds"),
        ("many birds", "a great flock of birds", "lots of birds calling"),
    ),
    "waves": (
        ("small waves", "gentle waves", "low surf"),
        ("waves", "breaking waves", "waves rolling in"),
        ("high waves", "big breaking waves", "heavy surf"),
    ),
    "crickets": (
        ("a cricket", "a lone cricket chirping", "a few crickets"),
        ("crickets", "crickets chirping", "crickets in the grass"),
        ("many crickets", "a chorus of crickets", "lots of crickets in tall grass"),
    ),
}
_OPENINGS = ("", "", "", "a picture of ", "a view of ", "a scene of ", "an image of ")


def _choose(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(rng.integers(len(choices)))]


def describe_place(place: str, rng: np.random.Generator, *, held_out: bool = False) -> str:
    """Return a phrase for a place alone.

    Args:
        place: one of `scene.PLACES`.
        rng: chooses the wording.
        held_out: use wording that `describe` never gives, to test what a model makes of other words.
    """
    return _choose(rng, (_HELD_OUT_PLACES if held_out else _PLACES)[place])


def grade(intensity: float) -> int:
    """Return in which words an intensity is told: 0 for weak, 1 for middling, 2 for strong."""
    return 0 if intensity < 0.4 else 1 if intensity < 0.72 else 2


def describe_event(event: Event, rng: np.random.Generator) -> str:
    """Return a phrase for an event; how strong it is shows in the wording about two times in three."""
    plain = rng.random() < 0.35
    return _choose(rng, _EVENTS[event.name][1 if plain else grade(event.intensity)])


def describe_sound(scene: Scene, rng: np.random.Generator) -> str:
    """Return a caption of what is heard: the events alone."""
    phrases = [describe_event(event, rng) for event in scene.events]
    return _choose(rng, ("", "", "the sound of ")) + " and ".join(phrases)


def name_sound(scene: Scene) -> str:
    """Return the caption of what is heard that is always the same for the same events and grades of intensity."""
    return " and ".join(_EVENTS[event.name][grade(event.intensity)][0] for event in scene.events)


@dataclass(frozen=True)
class Caption:
    """A caption and which parts of the scene it names."""

    text: str
    has_place: bool
    has_time: bool
    has_events: bool


def describe(scene: Scene, rng: np.random.Generator) -> str:
    """Return a caption of what is seen; see `describe_parts`."""
    return describe_parts(scene, rng).text


def describe_parts(scene: Scene, rng: np.random.Generator) -> Caption:
    """Return a caption of what is seen, with what it names.

    Most name the place, half the time of day, two in three the events; no caption is empty.
    """
    has_place, has_time = rng.random() < 0.85, rng.random() < 0.5
    has_events = rng.random() < 0.65 and bool(scene.events)
    has_place = has_place or not has_events
    where = describe_place(scene.place, rng) if has_place else ""
    if has_place and rng.random() < 0.4:
        where += " " + _choose(rng, _DETAILS[scene.place])
    what = " and ".join(describe_event(event, rng) for event in scene.events) if has_events else ""
    if what and where:
        text = f"{what} in {where}" if rng.random() < 0.5 else f"{where} with {what}"
    else:
        text = what or where
    when = _choose(rng, _TIMES[scene.time]) if has_time else ""
    opening = _choose(rng, _OPENINGS)
    if when and not opening and rng.random() < 0.3:
        text = f"{when}, {text}"
    else:
        text = f"{opening}{text} {when}".strip()
    return Caption(text, has_place, has_time, has_events)
