"""What both stages learn from, wherever it comes from: pairs of sounds and pictures, in words and as features."""

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

Indices = NDArray[np.integer]


class Examples(Protocol):
    """Pairs by number, 0 to `len - 1`. Whatever is random follows from the generator that is passed in."""

    embedding_width: int
    num_tokens: int
    token_width: int

    def __len__(self) -> int:
        """Return how many there are."""
        ...

    def sounds_in_words(
        self, indices: Indices, rng: np.random.Generator
    ) -> tuple[torch.Tensor, torch.Tensor, NDArray[np.integer]]:
        """Return audio embeddings (batch, width), text tokens of what is heard (batch, tokens, width), and classes.

        Sounds of one class, a number from 0 on, are alike; one of -1 is neither like nor unlike any other.
        """
        ...

    def pictures_of_sounds(
        self, indices: Indices, rng: np.random.Generator
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return latents (batch, channels, height, width), audio embeddings, and text tokens of prompts."""
        ...

    def empty_prompt(self) -> torch.Tensor:
        """Return the text tokens (1, tokens, width) of the empty prompt."""
        ...
