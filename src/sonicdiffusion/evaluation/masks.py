"""Whether a mask keeps the sound where it is allowed: the event inside, and not outside."""

from dataclasses import asdict
from typing import Any

import numpy as np

from sonicdiffusion.evaluation.bench import Bench, Pictures, heard_scenes, place_prompts, sounds_of, trial_names
from sonicdiffusion.evaluation.records import each
from sonicdiffusion.metrics.intervals import bootstrap, share_right
from sonicdiffusion.soundscapes.scene import EVENTS


def masks(bench: Bench) -> dict[str, Any]:
    """A sound may act in one half of the picture: the event in that half and in the other, and the change in both.

    The judge knows whole pictures, so each half is shown to it beside its mirror image. The same halves of pictures
    made without a mask say how well that works.
    """
    scenes = heard_scenes(bench.num_pictures // 2)
    sounds, prompts = sounds_of(scenes), place_prompts(scenes)
    events = np.array([EVENTS.index(scene.events[0].name) for scene in scenes])
    whole = bench.generate("without a mask", sounds, prompts)
    silent = bench.generate("strength 0", sounds, prompts, audio_strength=0.0)
    is_left = np.arange(len(scenes)) // len(EVENTS) % 2 == 0
    height, width = whole.shape[1:3]
    left = np.broadcast_to(np.arange(width) < width // 2, (height, width))
    allowed = np.where(is_left[:, None, None], left, ~left).astype(np.float32)
    masked = bench.generate("masked", sounds, prompts, masks=allowed)
    halves = {
        "inside": _mirrored(masked, is_left),
        "outside": _mirrored(masked, ~is_left),
        "same_half_without_mask": _mirrored(whole, is_left),
    }
    change = np.abs(masked.astype(np.float32) - silent).mean(axis=3)
    inside, outside = ((change * part).sum((1, 2)) / part.sum((1, 2)) for part in (allowed, 1 - allowed))
    shares = np.stack([inside, outside], axis=1)
    right = {f"event_{name}": bench.judge.look(half).event == events for name, half in halves.items()}
    return {
        **{name: asdict(share_right(one)) for name, one in right.items()},
        "change_outside_to_inside": asdict(
            bootstrap([shares], lambda groups: float(groups[0][:, 1].mean() / groups[0][:, 0].mean()))
        ),
        **each(trial_names(scenes), **right, change_inside=inside, change_outside=outside),
    }


def _mirrored(pictures: Pictures, is_left: np.ndarray) -> Pictures:
    """Return pictures of the left or right halves, each beside its mirror image."""
    half = pictures.shape[2] // 2
    left = np.concatenate([pictures[:, :, :half], pictures[:, :, :half][:, :, ::-1]], axis=2)
    right = np.concatenate([pictures[:, :, -half:][:, :, ::-1], pictures[:, :, -half:]], axis=2)
    return np.where(is_left[:, None, None, None], left, right)
