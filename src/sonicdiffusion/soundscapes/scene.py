"""The description of a soundscape: everything that its picture, its sound and its captions are made from."""

import zlib
from dataclasses import dataclass

import numpy as np

from sonicdiffusion.errors import ConfigError

# Raise this with every change that alters what the same seed looks or sounds like: caches are keyed by it, and a data
# set of one version is not continued by another.
WORLD_VERSION = 3

PLACES = ("mountains", "forest", "desert", "city", "village", "meadow", "coast", "arctic")
TIMES = ("dawn", "day", "dusk", "night")
EVENTS = (
    "explosion",
    "fire_crackling",
    "raining",
    "splashing_water",
    "squishing_water",
    "thunder",
    "underwater_bubbling",
    "waterfall_burbling",
    "wind_noise",
    "birds",
    "waves",
    "crickets",
)


def _check_known(kind: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise ConfigError(f"Unknown {kind} {name!r}. Known are: {', '.join(known)}.")


def _check_seed(seed: int) -> None:
    if seed < 0:
        raise ConfigError(f"The seed of a scene is at least 0, got {seed}. Choose another number.")


@dataclass(frozen=True)
class Event:
    """Something that can be heard and seen.

    Args:
        name: one of `EVENTS`.
        intensity: density of the event and its level against the background, in (0, 1].

    Raises:
        ConfigError: if the name is unknown or the intensity out of range.
    """

    name: str
    intensity: float

    def __post_init__(self) -> None:
        _check_known("event", self.name, EVENTS)
        if not 0.0 < self.intensity <= 1.0:
            raise ConfigError(f"An event's intensity lies in (0, 1], got {self.intensity}.")


@dataclass(frozen=True)
class Scene:
    """A place at a time of day in which up to two events happen.

    Equal scenes give equal pictures, sounds and captions on every machine with the same library versions.

    Args:
        place: one of `PLACES`.
        time: one of `TIMES`.
        events: none, one or two events with different names.
        seed: chooses everything the other fields leave open, at least 0.

    Raises:
        ConfigError: if a name is unknown, the seed negative, or there are too many events.
    """

    place: str
    time: str
    events: tuple[Event, ...]
    seed: int

    def __post_init__(self) -> None:
        _check_known("place", self.place, PLACES)
        _check_known("time", self.time, TIMES)
        _check_seed(self.seed)
        if len(self.events) > 2 or len({event.name for event in self.events}) != len(self.events):
            raise ConfigError("A scene holds at most two events, with different names.")

    def random(self, *names: str) -> np.random.Generator:
        """Return the random stream called `names`, independent of every other name's and of the events.

        Drawing more numbers for one part of a scene therefore never changes another part, and a scene with
        and without an event differs by that event alone.
        """
        return np.random.default_rng([self.seed, zlib.crc32("/".join(names).encode())])


def sample_scene(seed: int, *, place: str | None = None, time: str | None = None, event: str | None = None) -> Scene:
    """Draw the scene number `seed`: uniform over places, times and events, a second event in one of five.

    Args:
        seed: non-negative number of the scene.
        place: fixes the place instead of drawing it.
        time: fixes the time of day instead of drawing it.
        event: fixes the one event of the scene instead of drawing it.

    Raises:
        ConfigError: if the seed is negative or a name is unknown.
    """
    _check_seed(seed)
    rng = np.random.default_rng([seed, zlib.crc32(b"scene")])
    drawn_place, drawn_time = str(rng.choice(PLACES)), str(rng.choice(TIMES))
    names = [str(name) for name in rng.permutation(EVENTS)[:2]]
    intensities = rng.uniform(0.15, 1.0, size=2)
    count = 2 if rng.random() < 0.2 else 1
    if event is not None:
        names, count = [event], 1
    events = tuple(Event(name, float(level)) for name, level in zip(names[:count], intensities[:count], strict=True))
    return Scene(place or drawn_place, time or drawn_time, events, seed)
