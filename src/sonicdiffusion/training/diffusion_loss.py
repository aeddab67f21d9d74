"""The loss of a latent diffusion model.

Sources: Ho et al. 2020, equation 14 (noise); Salimans & Ho 2022, section 2.4 (velocity); Hang et al. 2023, "Efficient
Diffusion Training via Min-SNR Weighting Strategy", equation 5 and section 3.4.
"""

from typing import Any

import torch
from diffusers.training_utils import compute_snr
from torch import nn

from sonicdiffusion.errors import ModelError
from sonicdiffusion.training.loop import Turn


def diffusion_loss(
    network: nn.Module,
    scheduler: Any,
    latents: torch.Tensor,
    text_tokens: torch.Tensor,
    turn: Turn,
    *condition: torch.Tensor,
    min_snr_gamma: float | None = None,
) -> torch.Tensor:
    """Return the mean squared error of what a network predicts at random times, a scalar.

    Args:
        network: predicts noise or velocity, as the scheduler says, from noisy latents, times and text tokens.
        scheduler: the noise schedule.
        latents: clean latents of the turn's share, (batch, channels, height, width), of standard deviation about 1.
        text_tokens: (batch, tokens, width).
        turn: draws times and noise.
        condition: what the network takes after the text tokens, if it takes more.
        min_snr_gamma: signal-to-noise ratio from which on times weigh less; None weighs all alike.

    Raises:
        ModelError: if the scheduler names another kind of prediction.
    """
    batch, generator = len(latents) * turn.num_shares, turn.generator
    noise = turn.mine(torch.randn((batch, *latents.shape[1:]), generator=generator)).to(latents)
    # Times are spread evenly over the batch, which steadies the loss.
    offsets = (torch.arange(batch) + torch.rand(batch, generator=generator)) / batch
    times = turn.mine((offsets * len(scheduler.alphas_cumprod)).long()).to(latents.device)
    noisy = scheduler.add_noise(latents, noise, times)
    kind = scheduler.config.prediction_type
    if kind not in ("epsilon", "v_prediction"):
        raise ModelError(f"The scheduler predicts {kind!r}; what is trained here predicts 'epsilon' or 'v_prediction'.")
    target = noise if kind == "epsilon" else scheduler.get_velocity(latents, noise, times)
    predicted = network(noisy, times, text_tokens, *condition)
    predicted = (predicted if isinstance(predicted, torch.Tensor) else predicted.sample).float()
    errors = (predicted - target.float()).square().mean(dim=(1, 2, 3))
    if min_snr_gamma is not None:
        ratios = compute_snr(scheduler, times)
        errors = errors * ratios.clamp(max=min_snr_gamma) / (ratios + (kind == "v_prediction"))
    return errors.mean()
