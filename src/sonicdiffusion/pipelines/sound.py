"""What is taken for a sound, and what it is called."""

from collections.abc import Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from sonicdiffusion.audio.arrays import from_array
from sonicdiffusion.errors import ConfigError
from sonicdiffusion.values import Waveform

Sound = str | Path | Waveform | Tensor | tuple | Mapping
"""A recording: its path, a `Waveform`, (samples, sample rate), or {"array": samples, "sampling_rate": rate} as the
library `datasets` has it. Or its embedding (1, width), or its audio tokens (1, tokens, width). Or a mapping from such,
tokens excepted, to their weights in a mixture."""


def as_sound(given: Any) -> str | Path | Waveform | Tensor | Mapping:
    """Return a sound as it is, or samples with their rate as a `Waveform`.

    Raises:
        AudioError: if samples cannot be a recording.
        ConfigError: if it is no sound.
    """
    if _has_rate(given):
        return from_array(*given)
    if isinstance(given, Mapping) and {"array", "sampling_rate"} <= given.keys():
        return from_array(given["array"], given["sampling_rate"])
    if isinstance(given, str | Path | Waveform | Tensor | Mapping):
        return given
    raise ConfigError(
        f"A sound is a path, a Waveform, (samples, sample rate), an embedding, audio tokens, or a mapping of those to "
        f"weights; got {given!r:.80}."
    )


def list_of_sounds(audio: Any) -> list[Any]:
    """Return sounds as a list, one sound being a list of one; samples with their rate become a `Waveform`.

    Raises:
        AudioError: if samples cannot be a recording.
        ConfigError: if something is no sound, or there is none.
    """
    many = isinstance(audio, Sequence) and not isinstance(audio, str | bytes) and not _has_rate(audio)
    sounds = [as_sound(one) for one in (audio if many else [audio])]
    if not sounds:
        raise ConfigError("The list of sounds is empty. Pass one sound, or one for each prompt.")
    return sounds


def name_sound(sound: Any) -> str:
    """Return what can be told of a sound in plain words."""
    if isinstance(sound, Mapping):
        return " + ".join(f"{weight:g} {name_sound(part)}" for part, weight in sound.items())
    if isinstance(sound, Waveform):
        return f"{sound.duration_seconds:.2f} seconds at {sound.sample_rate} Hz"
    if isinstance(sound, Tensor):
        return "an embedding" if sound.ndim == 2 else "audio tokens"
    return "no sound" if sound is None else str(sound)


def _has_rate(given: Any) -> bool:
    """Return whether it is a pair of samples and their rate, and not two sounds."""
    is_pair = isinstance(given, tuple) and len(given) == 2
    return is_pair and isinstance(given[0], np.ndarray | Tensor | list) and isinstance(given[1], Real | np.integer)
