"""Painting a scene: sky, place and events in order of depth, then the light over all of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sonicdiffusion.soundscapes.picture import (
    birds,
    crickets,
    fire,
    mud,
    places,
    rain,
    sky,
    splash,
    surf,
    thunder,
    underwater,
    waterfall,
    wind,
)
from sonicdiffusion.soundscapes.picture.canvas import Canvas, Field, mix
from sonicdiffusion.soundscapes.picture.stage import LIGHTS, Stage
from sonicdiffusion.soundscapes.scene import Event, Scene

# What each event draws at each depth: behind the place, on its ground, or in front of everything.
_PAINTERS = {
    "sky": {
        "raining": rain.rain_clouds,
        "thunder": thunder.thundercloud,
    },
    "ground": {
        "thunder": thunder.lightning,
        "waterfall_burbling": waterfall.waterfall,
        "waves": surf.waves,
        "splashing_water": splash.splash,
        "squishing_water": mud.mud,
        "explosion": fire.explosion,
        "fire_crackling": fire.flames,
        "wind_noise": wind.wind_on_ground,
    },
    "front": {
        "underwater_bubbling": underwater.underwater,
        "birds": birds.birds,
        "crickets": crickets.crickets,
        "raining": rain.rain,
        "wind_noise": wind.blown_leaves,
    },
}
_SUPERSAMPLING = 2


@dataclass(frozen=True)
class Picture:
    """A painted scene.

    Args:
        image: uint8 RGB, shape (height, width, 3).
        masks: for each event, where it covers or changes the picture, float32 in [0, 1], shape (height, width);
            empty unless asked for.
    """

    image: NDArray[np.uint8]
    masks: dict[str, Field]


def paint(scene: Scene, *, size: int | tuple[int, int] = 128, with_masks: bool = False) -> Picture:
    """Paint a scene.

    Args:
        scene: what to show.
        size: side of a square picture, or (height, width), in pixels.
        with_masks: also measure where each event shows, by painting the scene without it.
    """
    height, width = (size, size) if isinstance(size, int) else size
    image = _render(scene, scene.events, height, width)
    masks = {}
    if with_masks:
        for event in scene.events:
            others = tuple(other for other in scene.events if other is not event)
            masks[event.name] = _difference(image, _render(scene, others, height, width))
    return Picture(image, masks)


def _difference(image: NDArray[np.uint8], without: NDArray[np.uint8]) -> Field:
    """Return how visibly two pictures differ: 0 below 4% of the range, 1 above 12%."""
    change = np.abs(image.astype(np.float32) - without).max(axis=2) / 255.0
    return np.clip((change - 0.04) / 0.08, 0.0, 1.0)


def _render(scene: Scene, events: tuple[Event, ...], height: int, width: int) -> NDArray[np.uint8]:
    stage = _set_stage(scene, height * _SUPERSAMPLING, width * _SUPERSAMPLING)
    sky.paint_sky(stage)
    _paint_events(stage, events, "sky")
    places.PAINTERS[scene.place](stage)
    _paint_events(stage, events, "ground")
    _paint_events(stage, events, "front")
    return stage.canvas.render(height, width)


def _paint_events(stage: Stage, events: tuple[Event, ...], layer: str) -> None:
    for name, painter in _PAINTERS[layer].items():
        for event in events:
            if event.name == name:
                painter(stage, stage.random("event", name, layer), event.intensity)


def _set_stage(scene: Scene, height: int, width: int) -> Stage:
    """Choose view, light and ground of a scene; none of it depends on the events."""
    rng = scene.random("picture", "stage")
    light = LIGHTS[scene.time]
    exposure = rng.uniform(0.88, 1.12)
    ambient = np.asarray(light.ambient) * exposure * rng.uniform(0.95, 1.05, 3)
    haze = mix(light.horizon, light.ambient, 0.25) * exposure
    canvas = Canvas(height, width, ambient, haze)
    horizon = float(rng.uniform(0.50, 0.66))
    sun = (
        float(rng.uniform(0.1, 0.9) * canvas.aspect),
        float(horizon * (1.0 - light.sun_height * rng.uniform(0.7, 1.1))),
    )
    ground = places.ground_colour(scene.place, rng)
    return Stage(canvas, scene, light, horizon, ground, sun, float(rng.uniform(-0.35, 0.35)))
