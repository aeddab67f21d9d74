"""An audio encoder of any known kind, from its folder."""

from pathlib import Path
from typing import Any

from sonicdiffusion.models.audio_encoder import SETTINGS_FILE, ClapAudioEncoder
from sonicdiffusion.models.folders import read_settings


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
