"""What sound costs: operations counted without computing them, and the memory that a process has taken."""

import resource
import sys
from collections.abc import Sequence
from typing import Any

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch.utils.flop_counter import FlopCounterMode

from sonicdiffusion.models.audio_adapter import AudioAdapter
from sonicdiffusion.models.heard_sound import AUDIO_KEY, HeardSound


@torch.no_grad()
def unet_flops(
    config: Any,
    sites: Sequence[str] | None,
    latent_shape: Sequence[int],
    num_audio_tokens: int,
    *,
    is_kept: bool = True,
) -> tuple[int, int]:
    """Count the floating point operations of one evaluation of a UNet for one picture, without and with sound.

    A UNet of the same shape is built without memory for weights, so that any size can be counted anywhere.

    Args:
        config: the UNet's configuration.
        sites: module paths of the blocks that listen; by default the adapter's default ones.
        latent_shape: (channels, height, width).
        num_audio_tokens: tokens of a sound.
        is_kept: whether keys and values of the audio tokens were computed before, as they are after the first step.

    Returns:
        Operations without and with sound; a multiplication and an addition count as two.
    """
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(config)
        assert isinstance(unet, UNet2DConditionModel)  # from_config may return a pair, when asked to
        adapter = AudioAdapter.install(unet, sites)
        width = next(iter(adapter.branches.values())).token_width
        latents, time = torch.empty(1, *latent_shape), torch.empty(1)
        text, audio = torch.empty(1, 77, unet.config["cross_attention_dim"]), torch.empty(1, num_audio_tokens, width)
        sound = [HeardSound(adapter.prepare(audio) if is_kept else audio)]
        added: Any = None
        if unet.config["addition_embed_type"] == "text_time":  # the XL family
            pooled = unet.config["projection_class_embeddings_input_dim"] - 6 * unet.config["addition_time_embed_dim"]
            added = {"text_embeds": torch.empty(1, pooled), "time_ids": torch.empty(1, 6)}
        counts = []
        for given in (None, {AUDIO_KEY: sound}):
            with FlopCounterMode(display=False) as counter:
                unet(latents, time, text, cross_attention_kwargs=given, added_cond_kwargs=added)
            counts.append(counter.get_total_flops())
    return counts[0], counts[1]


def peak_memory_gigabytes() -> float:
    """Return the most memory that this process has taken so far, in GB: on a GPU if it used one, else in RAM."""
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return torch.cuda.max_memory_allocated() / 1e9
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e9 if sys.platform == "darwin" else 1e9 / 1024)  # bytes there, else KiB
