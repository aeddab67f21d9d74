"""The text encoder of a bundled model: tokenizer and CLIP text network, trained against pictures.

Source: Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision" (the
contrastive loss); ours: the picture tower reads latents, and pooled text also tells what it mentions.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from torch import nn
from transformers.models.clip.configuration_clip import CLIPTextConfig
from transformers.models.clip.modeling_clip import CLIPTextModel
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from sonicdiffusion.soundscapes.captions import (
    Caption,
    describe,
    describe_parts,
    describe_place,
    describe_sound,
)
from sonicdiffusion.soundscapes.scene import EVENTS, PLACES, TIMES, Scene, sample_scene
from sonicdiffusion.training.loop import LoopSettings, Losses, StepRecord, Turn, train

_START, _END = "<|startoftext|>", "<|endoftext|>"


@dataclass(frozen=True)
class TextEncoderRecipe:
    """The text encoder's size and training.

    Args:
        num_tokens: length of every prompt in tokens, start and end included.
        width: width of the text tokens.
        num_layers: transformer layers.
        num_heads: attention heads.
        vocabulary: size of the trained part of the vocabulary.
        loop: length and rates.
    """

    num_tokens: int = 24
    width: int = 192
    num_layers: int = 4
    num_heads: int = 6
    vocabulary: int = 1200
    loop: LoopSettings = field(default_factory=LoopSettings)


def build_tokenizer(recipe: TextEncoderRecipe, folder: Path) -> CLIPTokenizer:
    """Train a byte-level BPE tokenizer in CLIP's layout on captions and save it to `folder / "tokenizer"`."""
    rng = np.random.default_rng(0)
    scenes = [sample_scene(int(seed)) for seed in range(6000)]
    corpus = [describe(scene, rng) for scene in scenes] + [describe_sound(scene, rng) for scene in scenes]
    corpus += [describe_place(str(rng.choice(PLACES)), rng) for _ in range(500)]
    model = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    model.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())  # every byte, so that no character is unknown
    trainer = trainers.BpeTrainer(
        vocab_size=recipe.vocabulary, initial_alphabet=letters, end_of_word_suffix="</w>", show_progress=False
    )
    model.train_from_iterator(corpus, trainer)
    learned = json.loads(model.to_str())["model"]
    words = letters + [letter + "</w>" for letter in letters]
    words += [word for word in learned["vocab"] if word not in set(words)]
    merges = [tuple(pair) if not isinstance(pair, str) else tuple(pair.split(" ")) for pair in learned["merges"]]
    vocabulary = {word: index for index, word in enumerate([*words, _START, _END])}
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=recipe.num_tokens)  # type: ignore[arg-type]
    tokenizer.save_pretrained(folder / "tokenizer")
    return tokenizer


def tokenize(tokenizer: CLIPTokenizer, texts: list[str]) -> torch.Tensor:
    """Return token ids of full length, shape (texts, tokens)."""
    full = {"padding": "max_length", "truncation": True, "max_length": tokenizer.model_max_length}
    return tokenizer(texts, return_tensors="pt", **full).input_ids


def build_text_encoder(recipe: TextEncoderRecipe, tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """Build the untrained network."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=recipe.width,
            intermediate_size=3 * recipe.width,
            num_hidden_layers=recipe.num_layers,
            num_attention_heads=recipe.num_heads,
            max_position_embeddings=recipe.num_tokens,
            projection_dim=recipe.width,
            bos_token_id=tokenizer.bos_token_id,  # type: ignore[arg-type]
            eos_token_id=tokenizer.eos_token_id,  # type: ignore[arg-type]
            pad_token_id=tokenizer.pad_token_id,  # type: ignore[arg-type]
        )
    )


class TextAndPictures(nn.Module):
    """The text encoder with what teaches it: a small picture tower, and heads that say what a text mentions."""

    def __init__(self, text_encoder: CLIPTextModel, latent_channels: int) -> None:
        super().__init__()
        width = text_encoder.config.hidden_size
        self.text_encoder = text_encoder
        self.text_projection = nn.Linear(width, width, bias=False)
        self.picture_tower = nn.Sequential(
            nn.Conv2d(latent_channels, 96, 3, padding=1), nn.GELU(), nn.Conv2d(96, 128, 3, stride=2, padding=1),
            nn.GELU(), nn.Flatten(), nn.LazyLinear(256), nn.GELU(), nn.Linear(256, width),
        )  # fmt: skip
        self.mentions = nn.Linear(width, len(PLACES) + len(TIMES) + len(EVENTS))
        self.temperature = nn.Parameter(torch.tensor(2.7))

    def forward(self, tokens: torch.Tensor, latents: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return similarities (texts, pictures) and the logits of what each text mentions."""
        pooled = self.text_encoder(tokens).pooler_output
        texts = F.normalize(self.text_projection(pooled), dim=-1)
        pictures = F.normalize(self.picture_tower(latents), dim=-1)
        return self.temperature.exp().clamp(max=100.0) * texts @ pictures.T, self.mentions(pooled)


def train_text_encoder(recipe: TextEncoderRecipe, latents: np.ndarray, folder: Path) -> Iterator[StepRecord]:
    """Train on captions of the scenes whose latents are given; saved to `folder / "text_encoder"`.

    Args:
        recipe: size and rates.
        latents: shape (scenes, channels, height, width), as `latents.encode_pictures` returns them.
        folder: where tokenizer, network and checkpoints go.
    """
    torch.manual_seed(recipe.loop.seed)
    tokenizer = build_tokenizer(recipe, folder)
    network = TextAndPictures(build_text_encoder(recipe, tokenizer), latents.shape[1])
    network.picture_tower(torch.zeros(1, *latents.shape[1:]))  # gives the lazy layer its shape

    def losses(module: nn.Module, turn: Turn) -> Losses:
        rng = turn.rng
        seeds = rng.integers(len(latents), size=recipe.loop.batch_size)
        scenes = [sample_scene(int(seed)) for seed in seeds]
        captions = [describe_parts(scene, rng) for scene in scenes]
        texts = [caption.text for caption in captions]
        device = next(module.parameters()).device
        pictures = torch.from_numpy(latents[seeds].astype(np.float32)).to(device)
        similarity, logits = module(tokenize(tokenizer, texts).to(device), pictures)
        # Two scenes with one caption are not each other's negatives.
        same = torch.tensor([[a == b for b in texts] for a in texts], dtype=torch.float32, device=device)
        target = same / same.sum(dim=1, keepdim=True)
        contrast = F.cross_entropy(similarity.float(), target) + F.cross_entropy(similarity.float().T, target)
        mentioned = np.stack([_mentioned(*pair) for pair in zip(scenes, captions, strict=True)])
        truth = torch.from_numpy(mentioned).to(device)
        return {
            "contrast": 0.5 * contrast,
            "mentions": 5.0 * F.binary_cross_entropy_with_logits(logits.float(), truth),
        }

    yield from train(network, losses, recipe.loop, folder)
    network.text_encoder.save_pretrained(folder / "text_encoder")


def _mentioned(scene: Scene, caption: Caption) -> np.ndarray:
    """Return 1 for each place, time and event that the caption names, shape (places + times + events,)."""
    names = {scene.place} if caption.has_place else set()
    names |= {scene.time} if caption.has_time else set()
    names |= {event.name for event in scene.events} if caption.has_events else set()
    return np.asarray([name in names for name in (*PLACES, *TIMES, *EVENTS)], np.float32)
