"""The loss of a latent diffusion model.

Sources: Ho et al. 2020, equation 14 (noise); Salimans & Ho 2022, section 2.4 (velocity); Hang et al. 2023, "Efficient
Diffusion Training via Min-SNR Weighting Strategy", equation 5 and section 3.4.
"""

from typing import Any

import torch
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from diffusers.training_utils import compute_snr
from torch import nn

from sonicdiffusion.errors import ModelError
from sonicdiffusion.training.loop import Turn


def noise_schedule(scheduler: Any) -> DDPMScheduler:
    """Return the noise schedule that a model was trained with, whichever way its scheduler samples.

    Raises:
        ModelError: if the scheduler has no such schedule, or the model predicts neither noise nor velocity.
    """
    if not hasattr(scheduler, "alphas_cumprod"):
        raise ModelError(f"{type(scheduler).__name__} has no noise schedule of Stable Diffusion 1.x or 2.x. Use those.")
    kind = scheduler.config.get("prediction_type", "epsilon")
    if kind not in ("epsilon", "v_prediction"):
        raise ModelError(f"The scheduler predicts {kind!r}; what is trained here predicts 'epsilon' or 'v_prediction'.")
    names = (
        "num_train_timesteps",
        "beta_start",
        "beta_end",
        "beta_schedule",
        "trained_betas",
        "rescale_betas_zero_snr",
    )
    facts = {name: scheduler.config[name] for name in names if name in scheduler.config}
    return DDPMScheduler(**facts, prediction_type=kind)


def diffusion_loss(
    network: nn.Module,
    scheduler: DDPMScheduler,
    latents: torch.Tensor,
    text_tokens: torch.Tensor,
    turn: Turn,
    *condition: torch.Tensor,
    min_snr_gamma: float | None = None,
) -> torch.Tensor:
    """Return the mean squared error of what a network predicts at random times, a scalar.

    Args:
        network: predicts noise or velocity, as the scheduler says, from noisy latents, times and text tokens.
        scheduler: of `noise_schedule`.
        latents: clean latents of the turn's share, (batch, channels, height, width), of standard deviation about 1.
        text_tokens: (batch, tokens, width).
        turn: draws times and noise.
        condition: what the network takes after the text tokens, if it takes more.
        min_snr_gamma: signal-to-noise ratio from which on times weigh less; None weighs all alike.
    """
    config: Any = scheduler.config  # a plain dictionary to the type checker, but it has attributes
    batch, generator = len(latents) * turn.num_shares, turn.generator
    noise = turn.mine(torch.randn((batch, *latents.shape[1:]), generator=generator)).to(latents)
    # Times are spread evenly over the batch, which steadies the loss.
    offsets = (torch.arange(batch) + torch.rand(batch, generator=generator)) / batch
    times = turn.mine((offsets * len(scheduler.alphas_cumprod)).long()).to(latents.device)
    noisy = scheduler.add_noise(latents, noise, times)  # type: ignore[arg-type]
    kind = config.prediction_type
    target = noise if kind == "epsilon" else scheduler.get_velocity(latents, noise, times)  # type: ignore[arg-type]
    predicted = network(noisy, times, text_tokens, *condition)
    predicted = (predicted if isinstance(predicted, torch.Tensor) else predicted.sample).float()
    errors = (predicted - target.float()).square().mean(dim=(1, 2, 3))
    if min_snr_gamma is not None:
        ratios = compute_snr(scheduler, times)
        errors = errors * ratios.clamp(max=min_snr_gamma) / (ratios + (kind == "v_prediction"))
    return errors.mean()
