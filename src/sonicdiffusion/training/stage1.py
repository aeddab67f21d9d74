"""Stage 1: the audio projector learns to say in text tokens what it hears.

Source: Biner et al. 2024, "SonicDiffusion", the training of the audio projector: InfoNCE against clips of other
classes, and token-weighted error to the text tokens of a caption. Temperature and weights are ours, and so is what
keeps intensity in the tokens: weak, middling and strong are classes of their own, and each has one caption.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from sonicdiffusion.errors import ConfigError
from sonicdiffusion.models.audio_projector import AudioProjector, AudioProjectorConfig, Residual
from sonicdiffusion.soundscapes.captions import grade, name_sound
from sonicdiffusion.soundscapes.scene import sample_scene
from sonicdiffusion.training.base import SceneBatches
from sonicdiffusion.training.loop import LoopSettings, Losses, StepRecord, train


@dataclass(frozen=True)
class Stage1Recipe:
    """The projector's shape and training.

    Args:
        attention_width: inner width of its attention.
        num_blocks: its attention blocks.
        residual: "chained" or "published" residual blocks.
        temperature: of InfoNCE; 0.07 is its customary value.
        contrast_weight: weight of InfoNCE beside the error to the text tokens.
        caption_tokens: position around which the weight of a token falls from 1 to 0.
        embedding_copies: varied embeddings of each clip to learn from.
        loop: length and rates.
    """

    attention_width: int = 128
    num_blocks: int = 4
    residual: Residual = "chained"
    temperature: float = 0.07
    contrast_weight: float = 0.25
    caption_tokens: float = 8.0
    embedding_copies: int = 1
    loop: LoopSettings = field(default_factory=LoopSettings)

    def __post_init__(self) -> None:
        if self.temperature <= 0 or self.embedding_copies < 1:
            raise ConfigError("temperature must be above 0, and embedding_copies start at 1.")


def token_weights(num_tokens: int, caption_tokens: float) -> torch.Tensor:
    """Return the weight of each token position, a falling sigmoid, shape (tokens,)."""
    return torch.sigmoid((caption_tokens - torch.arange(num_tokens)) / 2.0)


def info_nce(tokens: torch.Tensor, classes: torch.Tensor, temperature: float) -> torch.Tensor:
    """Contrast each clip with one of its class against all clips of other classes in the batch.

    Args:
        tokens: (batch, tokens, width).
        classes: class of each clip, (batch,).
        temperature: divides the cosine similarities.

    Source: van den Oord et al. 2018, "Representation Learning with Contrastive Predictive Coding", equation 4.
    """
    flat = F.normalize(tokens.flatten(1), dim=-1)
    similarity = flat @ flat.T / temperature
    same = classes[:, None] == classes[None, :]
    itself = torch.eye(len(classes), dtype=torch.bool, device=classes.device)
    others = similarity.masked_fill(same, float("-inf")).logsumexp(dim=1, keepdim=True)  # (batch, 1)
    pairs = torch.logaddexp(similarity, others) - similarity
    positives = same & ~itself
    return pairs[positives].mean() if positives.any() else similarity.sum() * 0.0


def train_stage1(
    recipe: Stage1Recipe, embeddings: np.ndarray, intensities: np.ndarray, batches: SceneBatches, folder: Path
) -> Iterator[StepRecord]:
    """Train the projector on cached embeddings; saved to `folder / "projector.safetensors"`.

    Args:
        recipe: shape and rates.
        embeddings: audio embeddings, (copies, scenes, width).
        intensities: of each event in each scene, (scenes, events).
        batches: gives the text tokens of captions.
        folder: where weights and checkpoints go.
    """
    torch.manual_seed(recipe.loop.seed)
    projector = build_projector(recipe, batches, embeddings.shape[-1])
    grades = np.array([grade(intensity) for intensity in intensities.max(axis=1)])
    classes = 3 * intensities.argmax(axis=1) + grades  # of the loudest event
    weights = token_weights(batches.tokenizer.model_max_length, recipe.caption_tokens)[None, :, None]

    def losses(module: nn.Module, step: int, _generator: torch.Generator) -> Losses:
        rng = np.random.default_rng([recipe.loop.seed, step])
        seeds = rng.integers(embeddings.shape[1], size=recipe.loop.batch_size)
        device = next(module.parameters()).device
        chosen = embeddings[rng.integers(len(embeddings), size=len(seeds)), seeds]
        audio_tokens = module(torch.from_numpy(chosen).to(device))
        captions = [name_sound(sample_scene(int(seed))) for seed in seeds]
        error = (audio_tokens.float() - batches.text_tokens(captions).to(device)).square()
        contrast = info_nce(audio_tokens.float(), torch.from_numpy(classes[seeds]).to(device), recipe.temperature)
        shares = weights.to(device)
        return {
            "caption": (shares * error).mean() / shares.mean(),
            "contrast": recipe.contrast_weight * contrast,
        }

    yield from train(projector, losses, recipe.loop, folder)
    save_file(projector.state_dict(), folder / "projector.safetensors")


def build_projector(recipe: Stage1Recipe, batches: SceneBatches, embedding_width: int) -> AudioProjector:
    """Build the untrained projector that fits an audio encoder and a text encoder."""
    return AudioProjector(
        AudioProjectorConfig(
            embedding_width=embedding_width,
            num_tokens=batches.tokenizer.model_max_length,
            token_width=batches.text_encoder.config.hidden_size,
            attention_width=recipe.attention_width,
            num_blocks=recipe.num_blocks,
            residual=recipe.residual,
        )
    )
