"""From noise to a picture, one visible step at a time.

Reference: Song et al. 2021, "Denoising Diffusion Implicit Models", arXiv 2010.02502 (the published scheduler).
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sonicdiffusion.errors import ConfigError

Denoise = Callable[[Tensor, Tensor, float], Tensor]


@dataclass(frozen=True, eq=False)
class SamplingStep:
    """The state after one step.

    Args:
        index: of the step, from 0.
        num_steps: how many there are in all.
        timestep: noise level that the step started from, in training steps.
        latents: after the step, (images, channels, height, width).
    """

    index: int
    num_steps: int
    timestep: int
    latents: Tensor


def initial_noise(shape: Sequence[int], seeds: Sequence[int]) -> tuple[Tensor, list[torch.Generator]]:
    """Draw the noise of each picture from its own seed, on the CPU.

    So a seed names one picture, whatever the device and whichever pictures share its batch.

    Args:
        shape: of one picture's latents, (channels, height, width).
        seeds: one for each picture.

    Returns:
        Unit normal noise (images, channels, height, width), and the generators, for schedulers that add
        noise later.
    """
    generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
    noise = [torch.randn(tuple(shape), generator=generator) for generator in generators]
    return torch.stack(noise), generators


@torch.no_grad()
def sample(
    scheduler: Any,
    noise: Tensor,
    denoise: Denoise,
    num_steps: int,
    generators: Sequence[torch.Generator] | None = None,
) -> Iterator[SamplingStep]:
    """Run a diffusers scheduler from noise to clean latents.

    Args:
        scheduler: any diffusers scheduler with `set_timesteps` and `step`; its state is changed.
        noise: unit normal noise (images, channels, height, width).
        denoise: `(latents, timestep, share of the steps done) -> prediction`, called once a step with the latents
            already scaled for the model.
        num_steps: steps of the scheduler; some make two evaluations of one.
        generators: one for each image, read only by schedulers that add noise.

    Yields:
        The state after each step.

    Raises:
        ConfigError: if there is not one step at least, or the scheduler cannot take so many.
    """
    if num_steps < 1:
        raise ConfigError(f"num_steps is {num_steps}; sampling needs at least 1.")
    try:
        scheduler.set_timesteps(num_steps, device=noise.device)
    except ValueError as problem:
        raise ConfigError(f"{type(scheduler).__name__} cannot take {num_steps} steps: {problem}") from problem
    if (scheduler.timesteps < 0).any():  # "trailing" spacing rounds to one step too many at some numbers
        raise ConfigError(
            f"{type(scheduler).__name__} would go below time 0 in {num_steps} steps, by rounding. "
            f"Take {num_steps - 1} or {num_steps + 1}, or another number near it."
        )
    extra = {}
    if generators is not None and "generator" in inspect.signature(scheduler.step).parameters:
        extra["generator"] = list(generators)
    latents = noise * scheduler.init_noise_sigma
    timesteps = scheduler.timesteps
    for index, timestep in enumerate(timesteps):
        prediction = denoise(scheduler.scale_model_input(latents, timestep), timestep, index / len(timesteps))
        latents = scheduler.step(prediction, timestep, latents, return_dict=False, **extra)[0]
        yield SamplingStep(index, len(timesteps), int(timestep), latents)
