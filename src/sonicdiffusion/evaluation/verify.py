"""Checks for the machine, the weights and the adapter that somebody has and we have not.

The same sounds, prompts and seeds everywhere, so that reports of two machines can be laid side by side.
"""

import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import diffusers
import numpy as np
import torch
import transformers
from PIL import Image

from sonicdiffusion._version import __version__
from sonicdiffusion.errors import ModelError
from sonicdiffusion.evaluation.cost import peak_memory_gigabytes, unet_flops
from sonicdiffusion.pipelines.generate import GenerationPipeline
from sonicdiffusion.soundscapes.scene import sample_scene
from sonicdiffusion.soundscapes.sound.synthesis import synthesise

NEVER_RUN = (
    "real weights of Stable Diffusion, in any precision",
    "the real checkpoints of MS-CLAP, of LAION CLAP and of the published adapters",
    "any GPU: float16, cpu offload of a whole model, torch.compile with its own code generator",
)
"""What nobody had run when this was written, for want of weights and hardware."""

_EVENTS = ("fire_crackling", "raining", "thunder")
_PROMPTS = ("", "a mountain village")
_SCENE_SEED = 2_000_000_100


@dataclass
class Verification:
    """What was found.

    Args:
        facts: of the model, the machine and the libraries, as plain values.
        checks: for each promise, whether it held.
        numbers: times, memory, operations, and the mean colour of each picture.
        pictures: of every sound and prompt; after them those without sound.
    """

    facts: dict[str, Any] = field(default_factory=dict)
    checks: dict[str, bool] = field(default_factory=dict)
    numbers: dict[str, Any] = field(default_factory=dict)
    pictures: list[Image.Image] = field(default_factory=list)


def verify(
    pipeline: GenerationPipeline,
    *,
    size: int | None = None,
    num_steps: int | None = None,
    num_pairs: int = 3,
    on_progress: Callable[[str], None] = lambda _doing: None,
) -> Verification:
    """Run the checks.

    Args:
        pipeline: a model that hears; its adapter is taken out in the end.
        size: of the pictures in pixels; by default the model's own.
        num_steps: sampling steps; by default what the adapter was tuned for.
        num_pairs: how often the time with sound is compared with the time without.
        on_progress: called with what is being done.

    Raises:
        ConfigError: if the model makes no pictures of this size.
        ModelError: if the model has no adapter.
    """
    parts = pipeline.components
    if parts.hearing is None:
        raise ModelError(f"The model {parts.name!r} has no audio adapter to verify. Name one with --adapter.")
    settings: dict[str, Any] = {"height": size, "width": size, "num_steps": num_steps, "seed": 0}
    sounds = [synthesise(sample_scene(_SCENE_SEED + i, event=event)) for i, event in enumerate(_EVENTS)]
    found = Verification(facts=_facts(pipeline))

    on_progress("making pictures with sound")
    # One at a time: each from the same noise, so that nothing but the sound makes a difference.
    heard = {text: [pipeline(sound, text, **settings).images[0] for sound in sounds] for text in _PROMPTS}
    on_progress("making pictures without sound")
    silent = {text: pipeline(None, text, **settings).images for text in _PROMPTS}
    found.pictures = [image for row in (*heard.values(), *silent.values()) for image in row]
    pixels = {text: [np.asarray(image, np.float64) for image in row] for text, row in heard.items()}
    plain = {text: np.asarray(row[0], np.float64) for text, row in silent.items()}

    on_progress("checking promises")
    first, prompt = sounds[0], _PROMPTS[1]
    again = pipeline(first, prompt, **settings).images
    off = pipeline(first, prompt, audio_strength=0.0, **settings).images
    found.checks = {
        "pictures hold more than one colour": all(image.std() > 1 for row in pixels.values() for image in row),
        "every sound changes the picture": all(
            np.abs(image - plain[text]).mean() > 0.5 for text, row in pixels.items() for image in row
        ),
        "different sounds make different pictures": all(
            np.abs(row[0] - other).mean() > 0.1 for row in pixels.values() for other in row[1:]
        ),
        "the same call makes the same picture": _same(again, heard[prompt][:1]),
        "strength 0 makes the picture without sound, bit for bit": _same(off, silent[prompt]),
    }

    on_progress("timing the encoder")
    listening, tokens = _seconds(lambda: parts.hearing.hear(first))  # type: ignore[union-attr]
    times = []
    for number in range(num_pairs):
        on_progress(f"timing, {number + 1} of {num_pairs}")
        calls = [lambda s=s: pipeline(tokens, prompt, audio_strength=s, **settings) for s in (1.0, 0.0)]
        times.append([_seconds(call)[0] for call in calls])
    shape = parts.latent_shape(size, size)
    without, with_sound = unet_flops(
        parts.unet.config, parts.hearing.adapter.sites, shape, parts.hearing.config.projector.num_tokens
    )
    found.numbers = {
        "seconds_to_hear_a_clip": listening,
        "seconds_with_sound": statistics.median(pair[0] for pair in times),
        "seconds_without_sound": statistics.median(pair[1] for pair in times),
        "time_with_sound_to_without": statistics.median(pair[0] / pair[1] for pair in times),
        "unet_flops_without_sound": without,
        "unet_flops_with_sound_to_without": with_sound / without,
        "peak_memory_gigabytes": peak_memory_gigabytes(),
        "mean_difference_by_sound": [
            round(float(np.abs(image - plain[text]).mean()), 3) for text, row in pixels.items() for image in row
        ],
        "mean_colours": [np.asarray(image).mean((0, 1)).round(2).tolist() for image in found.pictures],
    }

    on_progress("taking the adapter out")
    parts.hearing.adapter.remove()
    bare = pipeline(None, prompt, **settings).images
    found.checks["without the adapter the model is what it was, bit for bit"] = _same(bare, silent[prompt])
    return found


def _facts(pipeline: GenerationPipeline) -> dict[str, Any]:
    parts, hearing = pipeline.components, pipeline.components.hearing
    assert hearing is not None  # seen to before
    networks = {
        "unet": parts.unet,
        "vae": parts.vae,
        "text_encoder": parts.text_encoder,
        "audio_encoder": hearing.encoder,
        "projector": hearing.projector,
    }
    counts = {name: sum(weight.numel() for weight in network.parameters()) for name, network in networks.items()}
    counts["audio_layers"] = sum(weight.numel() for weight in hearing.adapter.parameters())
    counts["unet"] -= counts["audio_layers"]
    device = pipeline.device
    return {
        "sonicdiffusion": __version__,
        "torch": torch.__version__,
        "diffusers": diffusers.__version__,
        "transformers": transformers.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "dtype": str(parts.unet.dtype).removeprefix("torch."),
        "fingerprint": parts.fingerprint,
        "base_family": hearing.config.base_family,
        "encoder": f"{hearing.config.encoder.name} {hearing.config.encoder.version}",
        "parameters": counts,
    }


def _same(some: list[Image.Image], others: list[Image.Image]) -> bool:
    return all(np.array_equal(np.asarray(a), np.asarray(b)) for a, b in zip(some, others, strict=True))


def _seconds(call: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds that a call took, and its result."""
    started = time.perf_counter()
    result = call()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started, result
