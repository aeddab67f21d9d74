"""The audio encoder of a bundled model: a CLAP-type network, trained on sounds and what people say of them.

Sources: Elizalde et al. 2022 (contrastive sound and caption); Park et al. 2019, "SpecAugment" (masking).
Ours: heads that tell events and intensities, so that the embedding keeps how strong an event is.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from transformers.models.clip.modeling_clip import CLIPTextModel
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from sonicdiffusion.data.shards import Shards
from sonicdiffusion.models.audio_encoder import MINI_ENCODER, ClapAudioEncoder
from sonicdiffusion.soundscapes.captions import describe_sound
from sonicdiffusion.soundscapes.scene import EVENTS, sample_scene
from sonicdiffusion.training.loop import LoopSettings, Losses, StepRecord, Turn, train
from sonicdiffusion.training.text_encoder import tokenize

_SILENCE_DB = -100.0


@dataclass(frozen=True)
class AudioEncoderRecipe:
    """The audio encoder's training.

    Args:
        num_sounds: clips it hears.
        gain_db: largest change of level, up or down.
        tilt_db: largest change of tone from the lowest to the highest band.
        floor_db: how far below the loudest moment a clip's noise floor or digital silence begins, least and most.
        mask_share: largest share of bands, and of frames, that is silenced.
        event_weight: weight of naming the events.
        intensity_weight: weight of telling their intensities.
        loop: length and rates.
    """

    num_sounds: int = 16_000
    gain_db: float = 12.0
    tilt_db: float = 12.0
    floor_db: tuple[float, float] = (35.0, 90.0)
    mask_share: float = 0.15
    event_weight: float = 10.0
    intensity_weight: float = 5.0
    loop: LoopSettings = field(default_factory=LoopSettings)


class SoundAndText(nn.Module):
    """The audio encoder with what teaches it: projections into a space shared with text, and two heads."""

    def __init__(self, audio_encoder: ClapAudioEncoder, text_width: int) -> None:
        super().__init__()
        width = audio_encoder.config.embedding_width
        self.audio_encoder = audio_encoder
        self.audio_projection = nn.Linear(width, 128, bias=False)
        self.text_projection = nn.Linear(text_width, 128, bias=False)
        self.heads = nn.Linear(width, 2 * len(EVENTS))
        self.temperature = nn.Parameter(torch.tensor(2.7))

    def forward(self, log_mel: torch.Tensor, texts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return similarities (sounds, texts), event logits and intensities, each (sounds, events)."""
        embedding = self.audio_encoder.embed(log_mel)
        sounds = F.normalize(self.audio_projection(embedding), dim=-1)
        words = F.normalize(self.text_projection(texts), dim=-1)
        # The embedding has length 1; the factor gives the heads the range that a logit needs.
        logits, intensities = self.heads(16.0 * embedding).chunk(2, dim=-1)
        return self.temperature.exp().clamp(max=100.0) * sounds @ words.T, logits, torch.sigmoid(intensities)


def augment(log_mel: np.ndarray, recipe: AudioEncoderRecipe, rng: np.random.Generator) -> np.ndarray:
    """Vary level, tone and noise floor, shift in time, silence some bands and frames of clips (batch, frames, mels)."""
    batch, frames, mels = log_mel.shape
    gain = rng.uniform(-recipe.gain_db, recipe.gain_db, (batch, 1, 1))
    tilt = rng.uniform(-recipe.tilt_db, recipe.tilt_db, (batch, 1, 1)) * np.linspace(-0.5, 0.5, mels)
    varied = np.maximum(log_mel.astype(np.float32) + gain + tilt, _SILENCE_DB).astype(np.float32)
    # What lies below a floor is raised to it in a third of the clips, and digital silence in another third.
    floor = varied.max(axis=(1, 2), keepdims=True) - rng.uniform(*recipe.floor_db, (batch, 1, 1))
    kind = rng.integers(3, size=(batch, 1, 1))
    instead = np.where(kind == 0, floor, np.where(kind == 1, _SILENCE_DB, varied))
    varied = np.where(varied < floor, instead, varied).astype(np.float32)
    for clip in varied:
        clip[:] = np.roll(clip, int(rng.integers(frames)), axis=0)
        for axis, size in ((0, frames), (1, mels)):
            wide = int(rng.uniform(0, recipe.mask_share) * size)
            start = int(rng.integers(size - wide + 1))
            clip[(slice(None),) * axis + (slice(start, start + wide),)] = clip.min()
    return varied


def train_audio_encoder(
    recipe: AudioEncoderRecipe,
    sounds: Shards,
    tokenizer: CLIPTokenizer,
    text_encoder: CLIPTextModel,
    folder: Path,
) -> Iterator[StepRecord]:
    """Train against captions through the frozen text encoder; saved to `folder / "audio_encoder"`."""
    torch.manual_seed(recipe.loop.seed)
    text_encoder = text_encoder.eval().requires_grad_(False)
    encoder = ClapAudioEncoder(replace(MINI_ENCODER, dropout=False))
    encoder.to(memory_format=torch.channels_last)  # type: ignore[call-arg]
    log_mels, intensities = sounds.read_all("log_mel"), sounds.read_all("intensities")
    set_input_statistics(encoder, log_mels)
    network = SoundAndText(encoder, text_encoder.config.hidden_size)

    def losses(module: nn.Module, turn: Turn) -> Losses:
        rng = turn.rng
        device = next(module.parameters()).device
        seeds = rng.integers(len(sounds), size=recipe.loop.batch_size)
        captions = [describe_sound(sample_scene(int(seed)), rng) for seed in seeds]
        with torch.no_grad():
            texts = text_encoder(tokenize(tokenizer, captions)).pooler_output.to(device)
        clips = torch.from_numpy(augment(log_mels[seeds], recipe, rng)).to(device)
        similarity, logits, estimated = module(clips, texts)
        truth = torch.from_numpy(intensities[seeds]).to(device)
        present = (truth > 0).float()
        same = torch.tensor([[a == b for b in captions] for a in captions], dtype=torch.float32, device=device)
        target = same / same.sum(dim=1, keepdim=True)
        contrast = F.cross_entropy(similarity.float(), target) + F.cross_entropy(similarity.float().T, target)
        events = F.binary_cross_entropy_with_logits(logits.float(), present)
        intensity = (present * (estimated.float() - truth).square()).sum() / present.sum()
        return {
            "contrast": 0.5 * contrast,
            "events": recipe.event_weight * events,
            "intensity": recipe.intensity_weight * intensity,
            "_accuracy": ((logits.argmax(1) == truth.argmax(1)).float()).mean(),
        }

    yield from train(network, losses, recipe.loop, folder)
    encoder.save(folder / "audio_encoder")


def set_input_statistics(encoder: ClapAudioEncoder, log_mels: np.ndarray) -> None:
    """Start the first normalisation at the mean and variance of each band over some of the clips."""
    some = log_mels[:2000].astype(np.float32)
    mean, variance = encoder.mel_norm.running_mean, encoder.mel_norm.running_var
    assert mean is not None  # BatchNorm2d keeps both unless told otherwise
    assert variance is not None
    with torch.no_grad():
        mean.copy_(torch.from_numpy(some.mean(axis=(0, 1))))
        variance.copy_(torch.from_numpy(some.var(axis=(0, 1))))


@torch.no_grad()
def embed_sounds(
    encoder: ClapAudioEncoder, sounds: Shards, recipe: AudioEncoderRecipe, copies: int, path: Path
) -> np.ndarray:
    """Return embeddings of all clips, the first as they are and `copies - 1` varied, computed once.

    Returns:
        float32, shape (copies, sounds, width).
    """
    if not path.exists():
        log_mels, rng = sounds.read_all("log_mel"), np.random.default_rng(1)
        encoder.eval()
        result = []
        for copy in range(copies):
            for start in range(0, len(log_mels), 200):
                clips = log_mels[start : start + 200]
                varied = augment(clips, recipe, rng) if copy else clips.astype(np.float32)
                result.append(encoder.embed(torch.from_numpy(varied)).numpy())
        stacked = np.concatenate(result).reshape(copies, len(log_mels), -1)
        scratch = path.with_suffix(".writing.npy")
        np.save(scratch, stacked)
        scratch.replace(path)
    return np.load(path)
