"""How long a picture takes, and how much memory."""

import statistics
import time
from typing import Any

import torch

from sonicdiffusion.evaluation.bench import Bench, heard_scenes, place_prompts, sounds_of
from sonicdiffusion.evaluation.cost import peak_memory_gigabytes


def speed(bench: Bench, num_pictures: int = 11) -> dict[str, Any]:
    """Measure single pictures of different sounds with a prompt, from samples to pixels, after one to warm up.

    Args:
        bench: gives the model.
        num_pictures: how many are timed.

    Returns:
        Plain values: the median and the slowest in seconds, the first picture's seconds, the process's peak of
        memory in gigabytes, device and threads.
    """
    scenes = heard_scenes(num_pictures + 1)
    sounds, prompts, seconds = sounds_of(scenes), place_prompts(scenes), []
    for number, (sound, prompt) in enumerate(zip(sounds, prompts, strict=True)):
        started = time.perf_counter()
        bench.pipeline(sound, prompt, seed=number)
        seconds.append(time.perf_counter() - started)
    return {
        "seconds_a_picture": statistics.median(seconds[1:]),
        "slowest_seconds": max(seconds[1:]),
        "first_picture_seconds": seconds[0],
        "peak_memory_gigabytes": peak_memory_gigabytes(),
        "timed_pictures": num_pictures,
        "device": str(bench.pipeline.device),
        "threads": torch.get_num_threads(),
    }
