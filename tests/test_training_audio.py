"""What the audio encoder hears in training: varied clips, cached embeddings."""

from pathlib import Path

import numpy as np
import pytest
import torch

from sonicdiffusion.data.examples import sound_example
from sonicdiffusion.data.shards import SHARD_SIZE, Shards
from sonicdiffusion.models.audio_encoder import MINI_ENCODER, ClapAudioEncoder
from sonicdiffusion.soundscapes.scene import sample_scene
from sonicdiffusion.soundscapes.sound.synthesis import synthesise
from sonicdiffusion.training.audio_encoder import AudioEncoderRecipe, augment, embed_sounds


def clips(count: int) -> np.ndarray:
    return np.random.default_rng(0).normal(-50.0, 9.0, (count, 157, 64)).astype(np.float16)


def test_variations_are_seeded_and_leave_the_clips_alone() -> None:
    before = clips(8)
    kept = before.copy()
    one, again, other = (augment(before, AudioEncoderRecipe(), np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(before, kept)
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert one.dtype == np.float32


def test_what_is_quiet_is_kept_raised_to_a_floor_or_silenced() -> None:
    before = clips(300)
    recipe = AudioEncoderRecipe(floor_db=(40.0, 40.0), gain_db=0.0, tilt_db=0.0, mask_share=0.0)
    after = np.sort(augment(before, recipe, np.random.default_rng(0)).reshape(300, -1))
    original = np.sort(before.astype(np.float32).reshape(300, -1))
    floor = original[:, -1:] - 40.0
    below = original < floor
    kept = (after == original).all(axis=1)
    raised = np.array([np.allclose(row[low], edge) for row, low, edge in zip(after, below, floor, strict=True)])
    silenced = np.array([(row[low] == -100.0).all() for row, low in zip(after, below, strict=True)])
    assert np.array_equal(kept + 0 + raised + silenced, np.ones(300))
    assert all(70 < kind.sum() < 130 for kind in (kept, raised, silenced))
    assert np.array_equal(after[~below], original[~below])


@pytest.mark.slow
def test_embeddings_are_cached_the_first_copy_unvaried(tmp_path: Path) -> None:
    (tmp_path / "shard").mkdir()
    few = clips(5)[np.arange(SHARD_SIZE) % 5]
    np.save(tmp_path / "shard" / "log_mel.npy", few)
    torch.manual_seed(0)
    encoder = ClapAudioEncoder(MINI_ENCODER).eval()
    path = tmp_path / "embeddings.npy"
    made = embed_sounds(encoder, Shards((tmp_path / "shard",)), AudioEncoderRecipe(), 2, path)
    assert made.shape == (2, SHARD_SIZE, MINI_ENCODER.embedding_width)
    with torch.no_grad():
        expected = encoder.embed(torch.from_numpy(few[:5].astype(np.float32))).numpy()
    np.testing.assert_allclose(made[0, :5], expected, atol=1e-5)
    assert np.abs(made[1, :5] - made[0, :5]).max() > 1e-3
    written = path.stat().st_mtime_ns
    embed_sounds(encoder, Shards((tmp_path / "shard",)), AudioEncoderRecipe(), 2, path)
    assert path.stat().st_mtime_ns == written


def test_the_front_end_of_training_is_the_encoders() -> None:
    stored = sound_example(3)["log_mel"]
    wave = synthesise(sample_scene(3), sample_rate=MINI_ENCODER.log_mel.sample_rate)
    heard = ClapAudioEncoder(MINI_ENCODER).log_mel(torch.tensor(wave.samples[None]))[0].numpy()
    np.testing.assert_allclose(stored.astype(np.float32), heard, atol=0.1)
