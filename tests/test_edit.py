"""Editing: as published, exact where it claims to be, and nothing changes where nothing may."""

from dataclasses import replace

import pytest
import torch
from parity_rule import largest_difference, load_case, normal_input
from small_models import install_parity_adapter, parity_unet, published_scheduler

from sonicdiffusion.diffusion.guidance import Guidance
from sonicdiffusion.diffusion.inversion import NoiseLevels, invert_ddim
from sonicdiffusion.models.injection import Injection, InjectionSites
from sonicdiffusion.pipelines.conditioning import Conditioning
from sonicdiffusion.pipelines.denoiser import Denoiser
from sonicdiffusion.pipelines.encoded_prompt import EncodedPrompt


@pytest.mark.parametrize(("features", "attention"), [(0.0, 0.0), (0.5, 0.3), (0.8, 0.8)])
@torch.no_grad()
def test_inversion_and_injection_give_the_published_edit(features: float, attention: float) -> None:
    # In double precision: between one thread and two, rounding in single alone moves the result by 0.005.
    case, given = load_case("edit"), load_case("generate")
    unet = parity_unet().double()
    adapter = install_parity_adapter(unet)
    levels = NoiseLevels.of(published_scheduler(), 10)
    levels = replace(levels, alpha_bar=levels.alpha_bar.double())
    empty, null, audio = (t.double() for t in (case["empty_text"], given["null_tokens"], given["audio_tokens"]))
    text, negative = (normal_input(name, (1, 77, 768)).double() for name in ("text", "negative_text"))
    bare = Denoiser(unet, Conditioning(empty, empty), Guidance(1.0, 0.0))
    trajectory = invert_ddim(levels, case["source"].double(), lambda x, level: bare(x, levels.timesteps[level]))
    assert largest_difference(trajectory.latents[:1], case["inverted"]) < 1e-4
    source = Denoiser(unet, Conditioning(empty, empty, (EncodedPrompt(adapter, null, null, 1.0),)), Guidance(1.0, 1.0))
    scale = float(given["guidance_scale"])
    heard = Conditioning(text, negative, (EncodedPrompt(adapter, audio, null, 1.0),))
    denoise = Denoiser(unet, heard, Guidance(scale, scale))
    injection = Injection(unet, InjectionSites.of(unet))
    latents = trajectory.latents[:1]
    for level, time in enumerate(levels.timesteps):
        paths = injection.sites.attention * (level < int(10 * attention))
        paths += injection.sites.residual * (level < int(10 * features))
        with injection.reading(paths) as found:
            source(trajectory.latents[level : level + 1], time)
        with injection.replacing():
            injection.use(found)
            latents = levels.step(denoise(latents, time), latents, level)
    assert largest_difference(latents, case[f"edited_features_{features}_attention_{attention}"]) < 2e-3
    assert not any(module._forward_hooks for module in unet.modules())
