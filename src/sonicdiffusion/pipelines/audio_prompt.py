"""A sound as it is passed to a pipeline, and how it acts on the pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from sonicdiffusion.errors import ConfigError, MissingFileError
from sonicdiffusion.pipelines.sound import Sound, as_sound, list_of_sounds, name_sound

Mask = Image.Image | np.ndarray | Tensor
BlockStrength = float | Sequence[float] | Mapping[str, float | Sequence[float]]


@dataclass(frozen=True, eq=False)
class AudioPrompt:
    """A sound, and how strongly, where and when it acts.

    Args:
        sound: a path, a `Waveform`, samples with their rate, an embedding (1, width), audio tokens (1, tokens, width),
            or a mixture as a mapping to weights; or a list of them, one for each prompt. None, with a negative sound,
            takes that sound out of the picture.
        strength: factor of the audio branch, 0 off and 1 as trained. A list gives each prompt its own. A mapping gives
            blocks their own, {"mid": 1.0, "up": {"block_1": [0.0, 0.5, 1.0]}}; parts that it does not name are off.
        mask: where in the picture it acts: a picture in grey, or an array (height, width) or (prompts, height, width)
            in [0, 1], in the shape of the picture.
        start: share of the sampling steps after which it begins, in [0, 1].
        end: share of the sampling steps after which it ends, in [0, 1].
        negative: a sound to steer away from; by default no sound at all.
        adapter: name of the adapter that hears it; may be left out where there is one.

    Attributes:
        sounds: the sounds as a list, one or one for each prompt; None for no sound.

    Raises:
        AudioError: if samples cannot be a recording.
        ConfigError: if a number is out of range, or something is no sound.
    """

    sound: Sound | Sequence[Sound] | None
    strength: float | Sequence[float] | Mapping[str, BlockStrength | Mapping[str, BlockStrength]] = 1.0
    mask: Mask | None = None
    start: float = 0.0
    end: float = 1.0
    negative: Sound | None = None
    adapter: str | None = None
    sounds: list[Any] = field(init=False)

    def __post_init__(self) -> None:
        if not 0.0 <= self.start < self.end <= 1.0:
            raise ConfigError(
                f"The sound begins at {self.start} and ends at {self.end}; both are shares of the sampling, 0 to 1, "
                "and it must begin before it ends."
            )
        if not _are_finite(self.strength):
            raise ConfigError(
                f"audio_strength is {self.strength!r}; it is a number, 0 for off and 1 as trained, a list with one for "
                "each prompt, or a mapping by blocks."
            )
        if self.sound is None and self.negative is None:
            raise ConfigError("An AudioPrompt needs a sound, or a negative one to steer away from.")
        object.__setattr__(self, "sounds", [None] if self.sound is None else list_of_sounds(self.sound))
        if self.negative is not None:
            object.__setattr__(self, "negative", as_sound(self.negative))

    @property
    def facts(self) -> dict[str, Any]:
        """What can be told of it in plain values; settings that are at their defaults are left out."""
        names = [name_sound(sound) for sound in self.sounds]
        told: dict[str, Any] = {"sound": names[0] if len(names) == 1 else names}
        if isinstance(self.strength, Mapping) or np.any(np.asarray(self.strength) != 1.0):
            told["strength"] = _plain(self.strength)
        if self.mask is not None:
            told["mask"] = " x ".join(str(length) for length in mask_tensor(self.mask).shape)
        if (self.start, self.end) != (0.0, 1.0):
            told["range"] = [self.start, self.end]
        if self.negative is not None:
            told["negative"] = name_sound(self.negative)
        return told


def as_prompts(audio: Any) -> list[AudioPrompt]:
    """Return what a pipeline is told to hear as prompts that act together.

    Args:
        audio: None for nothing, an `AudioPrompt`, a list of those, a sound for all pictures, or a list of sounds, one
            for each prompt.

    Raises:
        AudioError: if samples cannot be a recording.
        ConfigError: if something is no sound, or a list holds both kinds.
    """
    if audio is None or isinstance(audio, AudioPrompt):
        return [] if audio is None else [audio]
    if isinstance(audio, Sequence) and any(isinstance(one, AudioPrompt) for one in audio):
        if not all(isinstance(one, AudioPrompt) for one in audio):
            raise ConfigError("A list of sounds holds AudioPrompts alone or none. Wrap each sound: AudioPrompt(sound).")
        return list(audio)  # type: ignore[arg-type]
    return [AudioPrompt(audio)]


def strength_by_site(strength: Mapping[str, Any], sites: Sequence[str]) -> dict[str, float]:
    """Return the strength of every site from a mapping by blocks.

    Args:
        strength: numbers under "down", "mid" and "up"; or under those mappings from "block_<number>" to a number, or
            to a list with one for each of the block's sites.
        sites: UNet module paths such as "up_blocks.1.attentions.2.transformer_blocks.0".

    Returns:
        A number for each site; 0 for those not named.

    Raises:
        ConfigError: if a part is named that has no site, or a list has another length than the block has sites.
    """
    known = sorted({_place(site)[0] for site in sites})
    result = dict.fromkeys(sites, 0.0)
    for part, value in strength.items():
        if part not in known:
            raise ConfigError(f"audio_strength names {part!r}; the adapter listens in {', '.join(known)}.")
        blocks = value if isinstance(value, Mapping) else {None: value}
        for block, numbers in blocks.items():
            inside = [site for site in sites if _place(site)[0] == part and block in (None, _place(site)[1])]
            each = list(numbers) if isinstance(numbers, Sequence) else [numbers] * len(inside)
            if not inside or len(each) != len(inside):
                have = sorted({_place(site)[1] for site in sites if _place(site)[0] == part})
                raise ConfigError(
                    f"audio_strength gives {part!r} {block!r} {len(each)} numbers for {len(inside)} sites. "
                    f"Known are {', '.join(have)}; give one number, or one for each site."
                )
            result.update(zip(inside, (float(number) for number in each), strict=True))
    return result


def read_mask(path: Path) -> Image.Image:
    """Read a mask from a picture file, in grey.

    Raises:
        ConfigError: if it is no picture.
        MissingFileError: if it is not there.
    """
    if not path.is_file():
        raise MissingFileError(f"There is no mask {str(path)!r}. Name a picture that is white where the sound acts.")
    try:
        with Image.open(path) as picture:
            return picture.convert("L")
    except (OSError, ValueError, Image.DecompressionBombError) as problem:
        raise ConfigError(f"The mask {str(path)!r} is no readable picture ({problem}). Save it as a PNG.") from problem


def mask_tensor(mask: Mask) -> Tensor:
    """Return a mask as float32 numbers (1 or prompts, height, width) in [0, 1].

    Raises:
        ConfigError: if it has another shape or other numbers.
    """
    if isinstance(mask, Image.Image):
        mask = np.asarray(mask.convert("L"), np.float32) / 255
    if not isinstance(mask, np.ndarray | Tensor):
        raise ConfigError(f"A mask is a picture or an array, not {mask!r:.80}. Open a file with PIL.Image.open.")
    values = torch.as_tensor(mask.copy() if isinstance(mask, np.ndarray) else mask, dtype=torch.float32).cpu()
    values = values[None] if values.ndim == 2 else values
    if values.ndim != 3 or not values.numel() or not (values.min() >= 0 and values.max() <= 1):
        found = f", numbers from {values.min():g} to {values.max():g}" if values.numel() else ""
        raise ConfigError(
            f"A mask has shape (height, width) or (prompts, height, width) and numbers from 0 to 1; got shape "
            f"{tuple(values.shape)}{found}."
        )
    return values


def _are_finite(strength: Any) -> bool:
    """Return whether a strength holds numbers, at least one, and all of them finite."""
    if isinstance(strength, Mapping):
        return all(_are_finite(value) for value in strength.values())
    try:
        numbers = np.atleast_1d(np.asarray(strength, float))
    except (TypeError, ValueError):
        return False
    return numbers.ndim == 1 and numbers.size > 0 and bool(np.isfinite(numbers).all())


def _plain(strength: Any) -> Any:
    if isinstance(strength, Mapping):
        return {name: _plain(value) for name, value in strength.items()}
    return np.asarray(strength, float).tolist()


def _place(site: str) -> tuple[str, str]:
    """Return part and block of a UNet module path: ("up", "block_1"), or ("mid", "block_0")."""
    first, second = site.split(".")[:2]
    return first.partition("_")[0], f"block_{second if second.isdigit() else 0}"
