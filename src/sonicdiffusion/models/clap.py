"""The CLAP of transformers (LAION's, for example) as an audio encoder.

Its feature extractor crops at random and marks a random clip as long; both happen only where clips are longer than its
window, or the model fuses. Here every clip has the length of the window, and none is marked, so the same clip always
gives the same embedding.

Source: Wu et al. 2023, "Large-Scale Contrastive Language-Audio Pretraining with Feature Fusion and Keyword-to-Caption
Augmentation", arXiv 2211.06687.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from transformers.models.clap.feature_extraction_clap import ClapFeatureExtractor
from transformers.models.clap.modeling_clap import ClapAudioModelWithProjection

from sonicdiffusion.errors import AudioError, ModelError
from sonicdiffusion.models.encoder_facts import EncoderFacts

ENCODER_NAME = "clap"


class TransformersClap(nn.Module):
    """The audio half of a `ClapModel`, from samples to embeddings of length 1.

    Args:
        network: the audio half.
        extractor: the front end that belongs to it.
    """

    def __init__(self, network: ClapAudioModelWithProjection, extractor: ClapFeatureExtractor) -> None:
        super().__init__()
        self.network, self.extractor = network, extractor
        digest = hashlib.sha256()
        for weight in network.audio_projection.state_dict().values():
            digest.update(weight.float().cpu().numpy().tobytes())
        self.facts = EncoderFacts(
            name=ENCODER_NAME,
            version=digest.hexdigest()[:12],
            sample_rate=extractor.sampling_rate,
            window_seconds=extractor.nb_max_samples / extractor.sampling_rate,
            embedding_width=network.config.projection_dim,
            normalise=True,
        )

    def forward(self, samples: Tensor) -> Tensor:
        """Embed sound.

        Args:
            samples: amplitudes (batch, samples), as many as the window has, in [-1, 1].

        Returns:
            Embeddings (batch, embedding width) of length 1.

        Raises:
            AudioError: if the clips have another length.
        """
        if samples.ndim != 2 or samples.shape[1] != self.extractor.nb_max_samples:
            raise AudioError(
                f"This encoder reads samples of shape (batch, {self.extractor.nb_max_samples}); got "
                f"{tuple(samples.shape)}. Cut or repeat the clip to {self.facts.window_seconds:g} seconds first."
            )
        clips = list(samples.float().cpu().numpy().astype(np.float64))
        found = self.extractor(clips, sampling_rate=self.facts.sample_rate, return_tensors="pt")
        like = next(self.network.parameters())
        is_longer = torch.zeros(len(clips), 1, dtype=torch.bool, device=like.device)
        output: Any = self.network(input_features=found["input_features"].to(like), is_longer=is_longer)
        return normalize(output.audio_embeds, dim=-1)

    def save(self, folder: Path) -> None:
        """Write weights, settings and front end in transformers' layout."""
        self.network.save_pretrained(folder)
        self.extractor.save_pretrained(folder)

    @classmethod
    def load(cls, folder: Path) -> "TransformersClap":
        """Read a folder of a `ClapModel`, or of its audio half, with its feature extractor.

        Raises:
            ModelError: if it cannot be read.
        """
        try:
            network = ClapAudioModelWithProjection.from_pretrained(folder, dtype=torch.float32)
            extractor = ClapFeatureExtractor.from_pretrained(folder)
        except (OSError, ValueError, RuntimeError) as problem:
            raise ModelError(
                f"The CLAP in {folder} cannot be read ({problem}). Give a folder with its weights and its "
                "feature extractor."
            ) from problem
        return cls(network.eval(), extractor)
