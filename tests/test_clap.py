"""A CLAP of transformers as the encoder: the same embedding every time, and an adapter that insists on it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_models import open_adapter, tiny_adapter_config, tiny_unet
from transformers.models.clap.configuration_clap import ClapAudioConfig
from transformers.models.clap.feature_extraction_clap import ClapFeatureExtractor
from transformers.models.clap.modeling_clap import ClapAudioModelWithProjection

from sonicdiffusion.errors import AudioError, ModelError
from sonicdiffusion.models.adapter_file import check_encoder
from sonicdiffusion.models.clap import TransformersClap
from sonicdiffusion.models.encoders import load_encoder


def tiny_clap(is_fusing: bool, seed: int = 0) -> TransformersClap:
    torch.manual_seed(seed)
    settings: dict[str, Any] = dict(
        window_size=2,
        num_mel_bins=16,
        spec_size=64,
        patch_size=4,
        patch_stride=[4, 4],
        patch_embeds_hidden_size=16,
        projection_dim=32,
        depths=[1, 1],
        num_hidden_layers=2,
        num_attention_heads=[1, 1],
        hidden_size=32,
        enable_fusion=is_fusing,
    )
    extractor = ClapFeatureExtractor(
        feature_size=16,
        sampling_rate=8000,
        hop_length=80,
        max_length_s=1,
        fft_window_size=256,
        frequency_max=4000,
        truncation="fusion" if is_fusing else "rand_trunc",
    )
    return TransformersClap(ClapAudioModelWithProjection(ClapAudioConfig(**settings)).eval(), extractor)


def clips(count: int = 3) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(scale=0.1, size=(count, 8000)).astype(np.float32))


@pytest.mark.parametrize("is_fusing", [False, True])
@torch.no_grad()
def test_the_same_clip_gives_the_same_embedding_alone_and_in_a_batch(is_fusing: bool, tmp_path: Path) -> None:
    encoder = tiny_clap(is_fusing)
    together = encoder(clips())
    assert together.shape == (3, 32)
    torch.testing.assert_close(together.norm(dim=1), torch.ones(3))
    for row in range(3):
        for _ in range(3):
            torch.testing.assert_close(encoder(clips()[row : row + 1])[0], together[row], atol=1e-5, rtol=0)
    assert (together[0] - together[1]).abs().max() > 1e-5
    encoder.save(tmp_path / "clap")
    again = load_encoder(tmp_path / "clap")
    assert again.facts == encoder.facts
    torch.testing.assert_close(again(clips()), together)


def test_other_lengths_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="1 seconds"):
        tiny_clap(False)(clips()[:, :100])
    (tmp_path / "config.json").write_text('{"model_type": "clap"}')
    with pytest.raises(ModelError, match="cannot be read"):
        load_encoder(tmp_path)


def test_an_adapter_takes_only_the_weights_it_was_trained_on() -> None:
    encoder, other = tiny_clap(False), tiny_clap(False, seed=1)
    config = tiny_adapter_config(open_adapter(tiny_unet()), encoder.facts)
    check_encoder(config, encoder.facts)
    with pytest.raises(ModelError, match="encoder version"):
        check_encoder(config, other.facts)
