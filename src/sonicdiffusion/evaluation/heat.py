"""Whether heat maps of the sound show the event: true pictures, where its place is known, are half drowned in noise."""

from dataclasses import asdict
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from sonicdiffusion.diffusion.guidance import Guidance
from sonicdiffusion.diffusion.sampling import initial_noise
from sonicdiffusion.evaluation.bench import CHUNK, Bench, seen_scenes, sounds_of, trial_names
from sonicdiffusion.evaluation.records import each
from sonicdiffusion.metrics.intervals import bootstrap
from sonicdiffusion.pipelines.audio_prompt import AudioPrompt
from sonicdiffusion.pipelines.conditioning import Conditioning
from sonicdiffusion.pipelines.denoiser import Denoiser
from sonicdiffusion.pipelines.encoded_prompt import EncodedPrompt
from sonicdiffusion.pipelines.heat import HeatMaps
from sonicdiffusion.soundscapes.picture.paint import paint
from sonicdiffusion.soundscapes.scene import EVENTS, Scene

_TIMES = (300, 500, 700)  # of the 1000 of the noise schedule: neither clear nor all noise
_NUM_EVENTS = len(EVENTS)


def heat(bench: Bench) -> dict[str, Any]:
    """Overlap of the hot half of heat maps with the event's true mask, beside that of another scene's mask.

    The heat of a true picture is gathered at three noise levels, with its sound and no prompt, and parted into hot and
    cold by Otsu's threshold, which knows nothing of the truth. A mask that covers most of a picture (rain) says little;
    so the overlap is told by event too.
    """
    scenes = seen_scenes(max(_NUM_EVENTS, bench.num_pictures // 2 // _NUM_EVENTS * _NUM_EVENTS))
    truth = [paint(scene, with_masks=True) for scene in scenes]
    masks = np.stack([picture.masks[scene.events[0].name] > 0.5 for picture, scene in zip(truth, scenes, strict=True)])
    hot = np.stack([_hot(one, masks.shape[1]) for one in _heat_of(bench, scenes, np.stack([p.image for p in truth]))])
    others = np.roll(masks, _NUM_EVENTS, axis=0)  # another scene with the same event
    overlaps, chances = _iou(hot, masks), _iou(hot, others)
    events = np.array([EVENTS.index(scene.events[0].name) for scene in scenes])
    mean = lambda groups: float(np.mean(groups[0]))  # noqa: E731
    return {
        "iou": asdict(bootstrap([overlaps], mean)),
        "iou_with_another_scene": asdict(bootstrap([chances], mean)),
        "by_event": {
            name: {"iou": float(overlaps[events == index].mean()), "chance": float(chances[events == index].mean())}
            for index, name in enumerate(EVENTS)
            if (events == index).any()
        },
        **each(trial_names(scenes), iou=overlaps, iou_with_another_scene=chances),
    }


def _heat_of(bench: Bench, scenes: list[Scene], pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the heat (scenes, height, width) of true pictures under their sounds."""
    parts = bench.pipeline.components
    hearing = parts.hearing
    assert hearing is not None  # the bench has seen to it
    result = []
    for start in range(0, len(scenes), CHUNK):
        sounds = sounds_of(scenes[start : start + CHUNK])
        clean = parts.encode_pictures(pictures[start : start + CHUNK])
        empty = parts.encode_text([""])
        heard = EncodedPrompt.encode(AudioPrompt(sounds), hearing, 1.0, empty)
        denoise = Denoiser(parts.unet, Conditioning(empty, empty, (heard,)), Guidance(2.0, 2.0), len(sounds))
        noise = initial_noise(clean.shape[1:], range(start, start + len(sounds)))[0].to(clean)
        maps = HeatMaps((clean.shape[2], clean.shape[3]))
        with maps.watching(hearing.adapter, len(sounds)):
            for time in torch.tensor(_TIMES, device=clean.device):
                denoise(parts.scheduler.add_noise(clean, noise, time[None]), time)
        result.append(maps.maps())
    return np.concatenate(result)


def _hot(levels: NDArray[np.float32], size: int) -> NDArray[np.bool_]:
    large = cv2.resize(levels, (size, size), interpolation=cv2.INTER_CUBIC)
    grey = (large * 255).round().clip(0, 255).astype(np.uint8)
    return cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[1] > 0


def _iou(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> NDArray[np.floating]:
    """Return intersection over union of masks (pictures, height, width), one number each."""
    return (one & other).sum(axis=(1, 2)) / np.maximum(1, (one | other).sum(axis=(1, 2)))
