"""Cached features as examples for both stages; nothing but the projector and the UNet has to run."""

import numpy as np
import torch
from numpy.typing import NDArray

from sonicdiffusion.errors import MissingFileError
from sonicdiffusion.training.examples import Indices
from sonicdiffusion.training.features import FeaturePlan


class CachedExamples:
    """The pairs of one split.

    Args:
        plan: whose features are read, from memory maps.

    Raises:
        MissingFileError: if the features have not been computed.
    """

    def __init__(self, plan: FeaturePlan) -> None:
        if not plan.is_done:
            raise MissingFileError(
                "The features for this data, these models and settings are not there. Give `sonicdiffusion cache` "
                "with the same data and recipe first."
            )

        def load(name: str) -> NDArray:
            return np.load(plan.folder / f"{name}.npy", mmap_mode="r")

        self._latents, self._embeddings = load("latents"), load("embeddings")
        self._captions, self._classes = np.array(load("captions")), np.array(load("classes"))
        self._tokens = torch.from_numpy(np.array(load("text_tokens")))
        self._num_mixtures = 0
        if (plan.folder / "mixed_captions.npy").is_file():
            self._mixed, self._mixed_captions = load("mixed_embeddings"), np.array(load("mixed_captions"))
            self._num_mixtures = self._mixed.shape[1]
        self.embedding_width = self._embeddings.shape[-1]
        self.num_tokens, self.token_width = self._tokens.shape[1:]

    def __len__(self) -> int:
        return len(self._latents)

    def sounds_in_words(
        self, indices: Indices, rng: np.random.Generator
    ) -> tuple[torch.Tensor, torch.Tensor, NDArray[np.integer]]:
        own = self._embeddings.shape[1]
        copies = rng.integers(own + self._num_mixtures, size=len(indices))
        embeddings, captions, classes = [], self._captions[indices], self._classes[indices]
        for row, (index, copy) in enumerate(zip(indices, copies, strict=True)):
            if copy < own:
                embeddings.append(self._embeddings[index, copy])
            else:
                embeddings.append(self._mixed[index, copy - own])
                captions[row], classes[row] = self._mixed_captions[index, copy - own], -1
        return torch.from_numpy(np.stack(embeddings)), self._tokens[captions].float(), classes

    def pictures_of_sounds(
        self, indices: Indices, rng: np.random.Generator
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        pictures = self._latents[indices, rng.integers(self._latents.shape[1], size=len(indices))]
        sounds = self._embeddings[indices, rng.integers(self._embeddings.shape[1], size=len(indices))]
        tokens = self._tokens[self._captions[indices]]
        return torch.from_numpy(pictures).float(), torch.from_numpy(sounds), tokens.float()

    def empty_prompt(self) -> torch.Tensor:
        return self._tokens[:1].float()
