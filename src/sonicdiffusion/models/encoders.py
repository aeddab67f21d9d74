"""An audio encoder of any known kind, from its folder."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from sonicdiffusion.audio.resample import resample
from sonicdiffusion.audio.window import CropPolicy, windows
from sonicdiffusion.hub import resolve
from sonicdiffusion.models.audio_encoder import SETTINGS_FILE, ClapAudioEncoder
from sonicdiffusion.models.folders import read_settings
from sonicdiffusion.values import Waveform

ENCODER_FOLDER = "audio_encoder"
"""Where a model or an adapter keeps its encoder."""


def find_encoder(name: str) -> Path:
    """Return the folder of an audio encoder, or of the one inside a model or an adapter.

    Args:
        name: a bundled model, a folder or a hub id.

    Raises:
        MissingFileError: if there is none.
        ModelError: if it cannot be downloaded.
    """
    folder = resolve(name)
    return folder / ENCODER_FOLDER if (folder / ENCODER_FOLDER).is_dir() else folder


def load_encoder(folder: Path) -> Any:
    """Read an `AudioEncoder` in evaluation mode: ours (MS-CLAP 2022, mini), or any CLAP of transformers.

    Raises:
        MissingFileError: if a file is missing.
        ModelError: if a file is damaged, or parts do not fit each other.
    """
    if read_settings(folder / SETTINGS_FILE).get("model_type") in ("clap", "clap_audio_model"):
        from sonicdiffusion.models.clap import TransformersClap  # a second of imports that others need not pay

        return TransformersClap.load(folder)
    return ClapAudioEncoder.load(folder)


@torch.no_grad()
def embed(encoder: Any, waveform: Waveform, crop_policy: CropPolicy, device: torch.device) -> Tensor:
    """Return the embedding (1, width) of a recording, its windows averaged.

    Args:
        encoder: an `AudioEncoder` on the device.
        waveform: of any length and rate.
        crop_policy: which part of it is heard.
        device: of the encoder.
    """
    facts = encoder.facts
    clips = windows(resample(waveform, facts.sample_rate), facts.window_seconds, crop_policy)
    embedding = encoder(torch.from_numpy(clips).to(device)).mean(dim=0, keepdim=True)
    # The mean of unit vectors is shorter, which a projector is not trained for.
    return normalize(embedding, dim=-1) if facts.normalise else embedding
