"""Which sound goes with which prompt, when several of either are given."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from sonicdiffusion.errors import ConfigError
from sonicdiffusion.values import Waveform

Sound = str | Path | Waveform | Tensor | Mapping
"""A recording's path or samples, an embedding (1, width), or a mapping from such to their weights in a mixture."""


def pair_up(
    audio: Sound | Sequence[Sound] | None, prompt: str | Sequence[str], num_images: int
) -> list[tuple[Sound | None, str]]:
    """Return the sound and the prompt of every picture."""
    many_sounds = isinstance(audio, Sequence) and not isinstance(audio, str | bytes)
    sounds: list[Any] = list(audio) if many_sounds else [audio]  # type: ignore[arg-type]
    for sound in sounds:
        if not isinstance(sound, Sound) and (many_sounds or sound is not None):
            raise ConfigError(
                f"A sound is a path, a Waveform, an embedding or a mapping of those to weights; got {sound!r:.80}."
            )
    prompts = [prompt] if isinstance(prompt, str) else list(prompt)
    if not sounds or not prompts or (1 not in (len(sounds), len(prompts)) and len(sounds) != len(prompts)):
        raise ConfigError(f"Got {len(sounds)} sounds and {len(prompts)} prompts. Pass equally many, or one of either.")
    count = max(len(sounds), len(prompts))
    pairs = zip(sounds * (count // len(sounds)), prompts * (count // len(prompts)), strict=True)
    return [pair for pair in pairs for _ in range(num_images)]


def name_sounds(audio: Sound | Sequence[Sound] | None) -> str | list[str]:
    """Return what can be told of sounds in plain words."""
    if isinstance(audio, Sequence) and not isinstance(audio, str):
        return [str(name_sounds(sound)) for sound in audio]
    if isinstance(audio, Mapping):
        return " + ".join(f"{weight:g} {name_sounds(sound)}" for sound, weight in audio.items())
    if isinstance(audio, Waveform):
        return f"{audio.duration_seconds:.2f} seconds at {audio.sample_rate} Hz"
    return str(audio) if isinstance(audio, str | Path) else type(audio).__name__
