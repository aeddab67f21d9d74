"""Soundscapes as examples for both stages."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from sonicdiffusion.errors import ConfigError
from sonicdiffusion.soundscapes.captions import describe, grade, name_sound
from sonicdiffusion.soundscapes.scene import Scene, sample_scene
from sonicdiffusion.training.base import SceneBatches
from sonicdiffusion.training.examples import Indices
from sonicdiffusion.training.stage1 import Stage1Recipe
from sonicdiffusion.training.stage2 import Stage2Recipe


@dataclass(frozen=True)
class SceneStage1Recipe(Stage1Recipe):
    """Stage 1 on Soundscapes.

    Args:
        embedding_copies: embeddings of each clip, the first as it is, others varied.
    """

    embedding_copies: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.embedding_copies < 1:
            raise ConfigError("embedding_copies start at 1.")


@dataclass(frozen=True)
class SceneStage2Recipe(Stage2Recipe):
    """Stage 2 on Soundscapes.

    Args:
        silent_captions: share of the prompts that name the scene without its events, as a user's prompt does.
    """

    silent_captions: float = 0.8


class SceneExamples:
    """Scenes of Soundscapes, captioned afresh each time.

    Args:
        batches: their latents, and what makes text tokens.
        embeddings: of their sounds, (copies, scenes, width).
        intensities: of each event in each scene, (scenes, events).
        silent_captions: share of the prompts that name the scene without its events, as a user's prompt does.
    """

    def __init__(
        self,
        batches: SceneBatches,
        embeddings: NDArray[np.float32],
        intensities: NDArray[np.float32],
        silent_captions: float = 0.0,
    ) -> None:
        self._batches, self._embeddings, self._silent_captions = batches, embeddings, silent_captions
        # Weak, middling and strong are classes of their own: that keeps intensity in the tokens.
        grades = np.array([grade(intensity) for intensity in intensities.max(axis=1)])
        self._classes = 3 * intensities.argmax(axis=1) + grades  # of the loudest event
        self.embedding_width = embeddings.shape[-1]
        self.num_tokens = batches.tokenizer.model_max_length
        self.token_width = batches.text_encoder.config.hidden_size

    def __len__(self) -> int:
        return min(self._embeddings.shape[1], len(self._batches.latents))

    def sounds_in_words(
        self, indices: Indices, rng: np.random.Generator
    ) -> tuple[torch.Tensor, torch.Tensor, NDArray[np.integer]]:
        captions = [name_sound(sample_scene(int(seed))) for seed in indices]
        return self._heard(indices, rng), self._batches.text_tokens(captions), self._classes[indices]

    def pictures_of_sounds(
        self, indices: Indices, rng: np.random.Generator
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        texts = [self._prompt(sample_scene(int(seed)), rng) for seed in indices]
        return self._batches.pictures(indices), self._heard(indices, rng), self._batches.text_tokens(texts)

    def empty_prompt(self) -> torch.Tensor:
        return self._batches.text_tokens([""])

    def _heard(self, indices: Indices, rng: np.random.Generator) -> torch.Tensor:
        copies = rng.integers(len(self._embeddings), size=len(indices))
        return torch.from_numpy(self._embeddings[copies, indices])

    def _prompt(self, scene: Scene, rng: np.random.Generator) -> str:
        return describe(replace(scene, events=()) if rng.random() < self._silent_captions else scene, rng)
