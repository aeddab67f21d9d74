"""Stage 1: the audio projector learns to say in text tokens what it hears.

Source: Biner et al. 2024, "SonicDiffusion", the training of the audio projector: InfoNCE against clips of other
classes, and token-weighted error to the text tokens of a caption. Temperature and weights are ours.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from sonicdiffusion.errors import ConfigError
from sonicdiffusion.models.audio_projector import AudioProjector, AudioProjectorConfig, Residual
from sonicdiffusion.models.folders import write_tensors
from sonicdiffusion.training.examples import Examples
from sonicdiffusion.training.loop import LoopSettings, Losses, StepRecord, Turn, train
from sonicdiffusion.training.processes import processes
from sonicdiffusion.training.watch import TokenWatch


@dataclass(frozen=True)
class Stage1Recipe:
    """The projector's shape and training.

    Args:
        attention_width: inner width of its attention.
        num_blocks: its attention blocks.
        residual: "chained" or "published" residual blocks.
        temperature: of InfoNCE; 0.07 is its customary value.
        contrast_weight: weight of InfoNCE; 0 leaves it out.
        caption_weight: weight of the error to the text tokens; 0 leaves it out.
        caption_tokens: position around which the weight of a token falls from 1 to 0; 0 weighs all tokens alike.
        loop: length and rates.
    """

    attention_width: int = 128
    num_blocks: int = 4
    residual: Residual = "chained"
    temperature: float = 0.07
    contrast_weight: float = 0.25
    caption_weight: float = 1.0
    caption_tokens: float = 8.0
    loop: LoopSettings = field(default_factory=LoopSettings)

    def __post_init__(self) -> None:
        if self.temperature <= 0:
            raise ConfigError("temperature must be above 0.")
        if min(self.contrast_weight, self.caption_weight) < 0 or self.contrast_weight == self.caption_weight == 0:
            raise ConfigError("contrast_weight and caption_weight start at 0, and one of them is above it.")
        if self.loop.accumulation > 1:
            raise ConfigError("Stage 1 contrasts the whole batch at once: its accumulation is 1. Lower batch_size.")


def token_weights(num_tokens: int, caption_tokens: float) -> torch.Tensor:
    """Return the weight of each token position, shape (tokens,): a falling sigmoid, or for 0 caption tokens ones."""
    if caption_tokens == 0:
        return torch.ones(num_tokens)
    return torch.sigmoid((caption_tokens - torch.arange(num_tokens)) / 2.0)


def info_nce(tokens: torch.Tensor, classes: torch.Tensor, temperature: float) -> torch.Tensor:
    """Contrast each clip with one of its class against all clips of other classes in the batch.

    Args:
        tokens: (batch, tokens, width).
        classes: class of each clip, (batch,); clips of class -1 are left out.
        temperature: divides the cosine similarities.

    Source: van den Oord et al. 2018, "Representation Learning with Contrastive Predictive Coding", equation 4.
    """
    tokens, classes = tokens[classes >= 0], classes[classes >= 0]
    flat = F.normalize(tokens.flatten(1), dim=-1)
    similarity = flat @ flat.T / temperature
    same = classes[:, None] == classes[None, :]
    itself = torch.eye(len(classes), dtype=torch.bool, device=classes.device)
    others = similarity.masked_fill(same, float("-inf")).logsumexp(dim=1, keepdim=True)  # (batch, 1)
    pairs = torch.logaddexp(similarity, others) - similarity
    positives = same & ~itself
    return pairs[positives].mean() if positives.any() else similarity.sum() * 0.0


def train_stage1(
    recipe: Stage1Recipe,
    examples: Examples,
    folder: Path,
) -> Iterator[StepRecord]:
    """Train the projector; saved to `folder / "projector.safetensors"`.

    Every process and pass works on the whole batch, since each sound is contrasted with all the others.

    Args:
        recipe: shape and rates.
        examples: what it learns from.
        folder: where weights and checkpoints go.
    """
    torch.manual_seed(recipe.loop.seed)
    projector = build_projector(recipe, examples)
    weights = token_weights(examples.num_tokens, recipe.caption_tokens)[None, :, None]
    watch = TokenWatch(recipe.loop)

    def losses(module: nn.Module, turn: Turn) -> Losses:
        rng = turn.rng
        indices = rng.integers(len(examples), size=recipe.loop.batch_size)
        embeddings, text_tokens, classes = examples.sounds_in_words(indices, rng)
        device = next(module.parameters()).device
        audio_tokens = module(embeddings.to(device)).float()
        error = (audio_tokens - text_tokens.to(device).float()).square()
        contrast = info_nce(audio_tokens, torch.from_numpy(classes).to(device), recipe.temperature)
        shares = weights.to(device)
        watch.look(turn, audio_tokens.detach(), classes)
        return {
            "caption": recipe.caption_weight * ((shares * error).mean() / shares.mean()),
            "contrast": recipe.contrast_weight * contrast,
        }

    yield from train(projector, losses, recipe.loop, folder)
    if processes().is_main_process:
        write_tensors(folder / "projector.safetensors", projector.state_dict())


def build_projector(recipe: Stage1Recipe, examples: Examples) -> AudioProjector:
    """Build the untrained projector that fits an audio encoder and a text encoder."""
    return AudioProjector(
        AudioProjectorConfig(
            embedding_width=examples.embedding_width,
            num_tokens=examples.num_tokens,
            token_width=examples.token_width,
            attention_width=recipe.attention_width,
            num_blocks=recipe.num_blocks,
            residual=recipe.residual,
        )
    )
