"""Samples become an embedding: as MS-CLAP 2022 does it, and at the bundled size."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from parity_rule import DATA, fill, largest_difference, load_case

from sonicdiffusion.audio import log_mel as reference
from sonicdiffusion.audio.log_mel import LogMelSettings
from sonicdiffusion.errors import AudioError, ConfigError, MissingFileError, ModelError
from sonicdiffusion.models.audio_encoder import MINI_ENCODER, ClapAudioEncoder, ClapAudioEncoderConfig
from sonicdiffusion.models.published_names import encoder_name, rename_encoder

TINY = ClapAudioEncoderConfig(
    name="tiny",
    log_mel=LogMelSettings(8000, 256, 128, 16, 50.0, 3900.0),
    window_seconds=1.0,
    widths=(4, 8, 8),
    hidden_width=12,
    embedding_width=16,
)


def tiny_encoder(config: ClapAudioEncoderConfig = TINY) -> ClapAudioEncoder:
    torch.manual_seed(0)
    return ClapAudioEncoder(config).eval()


@torch.no_grad()
def test_published_weights_give_the_published_embedding() -> None:
    shapes = json.loads((DATA / "official_checkpoints.json").read_text())["msclap_2022_audio_encoder"]
    # Names of what the network does not use are left out before 80 million numbers are drawn.
    used = {name: tuple(shape) for name, shape in shapes.items() if shape and encoder_name(name) is not None}
    counters = {name: torch.tensor(0) for name, shape in shapes.items() if not shape}
    with torch.device("meta"):
        encoder = ClapAudioEncoder(ClapAudioEncoderConfig(normalise=False))
    encoder.load_state_dict(rename_encoder(fill(used) | counters), assign=True)
    case = load_case("msclap2022")
    assert largest_difference(encoder.eval().embed(case["log_mel"]), case["embedding"]) < 1e-4


def test_the_front_end_gives_the_published_levels() -> None:
    torch.manual_seed(0)
    small = replace(ClapAudioEncoderConfig(), widths=(1,), hidden_width=1, embedding_width=1)
    case = load_case("msclap2022")
    levels = ClapAudioEncoder(small).log_mel(case["waveform_start"])[:, :100]
    published = case["log_mel_first_100_frames"]
    assert largest_difference(levels[0], published[0]) < 1e-4
    # The second clip is a loud tone: 80 dB below it both sides show the rounding of float32.
    assert largest_difference(levels[1], published[1]) < 1e-3


def test_the_front_end_agrees_with_the_one_in_numpy() -> None:
    samples = torch.randn(2, 8000, generator=torch.Generator().manual_seed(0)) * 0.1
    expected = reference.log_mel(samples.numpy(), TINY.log_mel)
    assert np.abs(tiny_encoder().log_mel(samples).numpy() - expected).max() < 1e-3


@torch.no_grad()
def test_the_two_halves_make_the_whole_and_rows_are_independent() -> None:
    encoder = tiny_encoder()
    samples = torch.randn(3, 8000, generator=torch.Generator().manual_seed(0))
    whole = encoder(samples)
    assert whole.shape == (3, 16)
    assert torch.equal(encoder.embed(encoder.log_mel(samples)), whole)
    assert largest_difference(encoder(samples[1:2]), whole[1:2]) < 1e-6


@torch.no_grad()
def test_embeddings_have_length_one_only_if_the_config_says_so() -> None:
    samples = torch.randn(3, 8000, generator=torch.Generator().manual_seed(0))
    unit, raw = tiny_encoder()(samples), tiny_encoder(replace(TINY, normalise=False))(samples)
    assert largest_difference(unit.norm(dim=-1), torch.ones(3)) < 1e-6
    assert largest_difference(raw / raw.norm(dim=-1, keepdim=True), unit) < 1e-6
    assert (raw.norm(dim=-1) - 1).abs().min() > 0.1


@torch.no_grad()
def test_loudness_reaches_the_embedding() -> None:
    samples = torch.randn(1, 8000, generator=torch.Generator().manual_seed(0)) * 0.1
    encoder = tiny_encoder()
    assert largest_difference(encoder(samples), encoder(samples * 0.1)) > 1e-3


@torch.no_grad()
def test_a_saved_encoder_comes_back_the_same(tmp_path: Path) -> None:
    encoder = tiny_encoder()
    encoder.save(tmp_path / "encoder")
    samples = torch.randn(1, 8000, generator=torch.Generator().manual_seed(0))
    loaded = ClapAudioEncoder.load(tmp_path / "encoder")
    assert loaded.config == TINY
    assert torch.equal(loaded(samples), encoder(samples))


def test_a_damaged_encoder_folder_is_refused(tmp_path: Path) -> None:
    tiny_encoder().save(tmp_path)
    weights, settings = tmp_path / "model.safetensors", tmp_path / "config.json"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-100])
    with pytest.raises(ModelError, match="damaged"):
        ClapAudioEncoder.load(tmp_path)
    weights.write_bytes(whole)
    facts = json.loads(settings.read_text())
    settings.write_text(json.dumps(facts | {"embedding_width": 8}))
    with pytest.raises(ModelError, match="does not fit"):
        ClapAudioEncoder.load(tmp_path)
    settings.write_text(json.dumps(facts | {"colour": 8}))
    with pytest.raises(ModelError, match="colour"):
        ClapAudioEncoder.load(tmp_path)
    settings.unlink()
    with pytest.raises(MissingFileError):
        ClapAudioEncoder.load(tmp_path)


def test_clips_too_short_to_hear_are_refused() -> None:
    with pytest.raises(AudioError, match="at least"):
        tiny_encoder()(torch.zeros(1, 100))
    with pytest.raises(AudioError, match=r"\(batch, samples\)"):
        tiny_encoder()(torch.zeros(8000))
    with pytest.raises(ConfigError, match="positive"):
        replace(TINY, widths=(4, 0))


@torch.no_grad()
def test_the_shortest_clip_is_heard() -> None:
    shortest = max(TINY.min_samples, TINY.log_mel.window_samples)
    assert tiny_encoder()(torch.zeros(1, shortest)).isfinite().all()


def test_the_bundled_size_is_small() -> None:
    with torch.device("meta"):
        encoder = ClapAudioEncoder(MINI_ENCODER)
    assert sum(parameter.numel() for parameter in encoder.parameters()) < 3_000_000
