"""From a picture back to noise, so that sampling can start from it and end in it.

Each way gives a `Trajectory`: the picture at every noise level of a sampling, and what leads from one to the next.

References: Song et al. 2021, arXiv 2010.02502, equation 12 (DDIM) and section 4.3 (its inversion); Pan et al. 2023,
arXiv 2309.04907 (fixed-point inversion); Huberman-Spiegelglas et al. 2024, arXiv 2304.06140, equations 5 and 6
(edit-friendly DDPM inversion); Meng et al. 2022, arXiv 2108.01073 (SDEdit: noise alone).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch import Tensor

from sonicdiffusion.errors import ConfigError

_LEAST_SPREAD = 1e-6  # what is added last must lead to the picture even where the schedule adds nothing

Predict = Callable[[Tensor, int], Tensor]
"""From latents (images, channels, height, width) and the index of a noise level to the network's prediction."""


@dataclass(frozen=True, eq=False)
class NoiseLevels:
    """The noise levels that a sampling goes through, noisiest first.

    Args:
        timesteps: of the levels, in training steps, shape (levels,).
        alpha_bar: share of the signal's variance at each level, and after the last one, shape (levels + 1,).
        prediction_type: what the network predicts, "epsilon", "v_prediction" or "sample".
    """

    timesteps: Tensor
    alpha_bar: Tensor
    prediction_type: str

    @classmethod
    def of(cls, scheduler: Any, num_steps: int) -> "NoiseLevels":
        """Return the levels that DDIM goes through under the noise schedule of a diffusers scheduler of any kind.

        Raises:
            ConfigError: if it has no such schedule, or cannot take so many steps.
        """
        if not hasattr(scheduler, "alphas_cumprod"):
            raise ConfigError(
                f"Editing needs a noise schedule of DDPM's kind, and {type(scheduler).__name__} has none. "
                "Set components.scheduler to a DDIMScheduler."
            )
        ddim: Any = DDIMScheduler.from_config(scheduler.config)
        if not 1 <= num_steps <= len(ddim.alphas_cumprod):
            raise ConfigError(f"num_steps is {num_steps}; it must be from 1 to {len(ddim.alphas_cumprod)}.")
        ddim.set_timesteps(num_steps)
        if (ddim.timesteps < 0).any() or (ddim.timesteps >= len(ddim.alphas_cumprod)).any():
            raise ConfigError(f"The scheduler cannot take {num_steps} steps, by rounding. Take one more or less.")
        alpha_bar = torch.cat([ddim.alphas_cumprod[ddim.timesteps], ddim.final_alpha_cumprod.reshape(1)])
        return cls(ddim.timesteps, alpha_bar.float(), ddim.config.prediction_type)

    def __len__(self) -> int:
        return len(self.timesteps)

    def split(self, prediction: Tensor, latents: Tensor, level: int) -> tuple[Tensor, Tensor]:
        """Return the clean latents and the noise that a prediction at a level stands for."""
        signal, noise = self._factors(level)
        if self.prediction_type == "epsilon":
            return (latents - noise * prediction) / signal, prediction
        if self.prediction_type == "v_prediction":
            return signal * latents - noise * prediction, signal * prediction + noise * latents
        return prediction, (latents - signal * prediction) / noise

    def mix(self, clean: Tensor, noise: Tensor, level: int) -> Tensor:
        """Return clean latents with noise at a level."""
        share, rest = self._factors(level)
        return share * clean + rest * noise

    def remove(self, noise: Tensor, latents: Tensor, level: int) -> Tensor:
        """Return latents at a level without their noise."""
        share, rest = self._factors(level)
        return (latents - rest * noise) / share

    def spread(self, level: int) -> float:
        """Return the standard deviation of the noise that DDPM sampling adds on the way to the next level."""
        before, after = float(self.alpha_bar[level]), float(self.alpha_bar[level + 1])
        return max(_LEAST_SPREAD, ((1 - after) / (1 - before) * (1 - before / after)) ** 0.5)

    def step(self, prediction: Tensor, latents: Tensor, level: int, added: Tensor | None = None) -> Tensor:
        """Return the latents at the next level: by DDIM, or with `added` unit noise by DDPM (equation 12)."""
        clean, noise = self.split(prediction, latents, level)
        if added is None:
            return self.mix(clean, noise, level + 1)
        spread, after = self.spread(level), float(self.alpha_bar[level + 1])
        return after**0.5 * clean + max(0.0, 1 - after - spread**2) ** 0.5 * noise + spread * added

    def _factors(self, level: int) -> tuple[Tensor, Tensor]:
        return self.alpha_bar[level] ** 0.5, (1 - self.alpha_bar[level]) ** 0.5


@dataclass(frozen=True, eq=False)
class Trajectory:
    """One picture at all noise levels.

    Args:
        latents: from the noisiest level to the picture itself, (levels + 1, channels, height, width).
        added: unit noise that DDPM sampling adds after each level to arrive at the picture,
            (levels, channels, height, width); None where DDIM leads there.
    """

    latents: Tensor
    added: Tensor | None = None


def invert_ddim(levels: NoiseLevels, picture: Tensor, predict: Predict, num_iterations: int = 1) -> Trajectory:
    """Walk from a picture to noise against DDIM sampling.

    What the noisier level would predict is not known before it is there. One iteration takes the prediction at the
    level before instead, as is usual; further ones repeat the step from where it led, towards the point at which the
    prediction is that of the level itself, from which sampling comes back exactly.

    Args:
        levels: of the sampling.
        picture: clean latents (1, channels, height, width).
        predict: without sound and text.
        num_iterations: predictions for each level, from 1.
    """
    found, latents = [picture], picture
    for level in reversed(range(len(levels))):
        guess = latents
        for _ in range(num_iterations):
            _, noise = levels.split(predict(guess, level), guess, level)
            guess = levels.mix(levels.remove(noise, latents, level + 1), noise, level)
        latents = guess
        found.append(latents)
    return Trajectory(torch.cat(found[::-1]))


def invert_ddpm(levels: NoiseLevels, picture: Tensor, predict: Predict, generator: torch.Generator) -> Trajectory:
    """Noise a picture to every level independently, and keep what DDPM sampling must add to go along.

    Sampling with the kept noise comes back exactly, and the noise carries the picture's layout, which survives changes
    of sound and text.

    Args:
        levels: of the sampling.
        picture: clean latents (1, channels, height, width).
        predict: without sound and text, called once for each level.
        generator: draws the noise, on the CPU.
    """
    latents = [levels.mix(picture, _noise(picture, generator), level) for level in range(len(levels))] + [picture]
    added = []
    for level in range(len(levels)):
        prediction = predict(latents[level], level)
        without = levels.step(prediction, latents[level], level, torch.zeros_like(picture))
        added.append((latents[level + 1] - without) / levels.spread(level))
    return Trajectory(torch.cat(latents), torch.cat(added))


def noise_alone(levels: NoiseLevels, picture: Tensor, generator: torch.Generator) -> Trajectory:
    """Noise a picture to every level with one and the same noise, which costs no prediction and comes back roughly."""
    noise = _noise(picture, generator)
    return Trajectory(torch.cat([levels.mix(picture, noise, level) for level in range(len(levels))] + [picture]))


def _noise(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=generator).to(like)
