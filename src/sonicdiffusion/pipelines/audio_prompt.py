"""A sound as it is passed to a pipeline, and how it acts on the pictures."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from sonicdiffusion.errors import ConfigError
from sonicdiffusion.pipelines.pairing import Sound

Mask = Image.Image | np.ndarray | Tensor
BlockStrength = float | Sequence[float] | Mapping[str, float | Sequence[float]]


@dataclass(frozen=True, eq=False)
class AudioPrompt:
    """A sound, and how strongly, where and when it acts.

    Args:
        sound: what `Hearing.embed` takes: a path, a `Waveform`, an embedding (1, width), or a mixture as a mapping to
            weights; or a list of them, one for each prompt.
        strength: factor of the audio branch, 0 off and 1 as trained. A list gives each prompt its own. A mapping gives
            blocks their own, {"mid": 1.0, "up": {"block_1": [0.0, 0.5, 1.0]}}; parts that it does not name are off.
        mask: where in the picture it acts: a picture in grey, or an array (height, width) or (prompts, height, width)
            in [0, 1], in the shape of the picture.
        start: share of the sampling steps after which it begins, in [0, 1].
        end: share of the sampling steps after which it ends, in [0, 1].
        negative: a sound to steer away from; by default no sound at all.
        adapter: name of the adapter that hears it; may be left out where there is one.

    Raises:
        ConfigError: if a number is out of range.
    """

    sound: Sound | Sequence[Sound]
    strength: float | Sequence[float] | Mapping[str, BlockStrength | Mapping[str, BlockStrength]] = 1.0
    mask: Mask | None = None
    start: float = 0.0
    end: float = 1.0
    negative: Sound | None = None
    adapter: str | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.start < self.end <= 1.0:
            raise ConfigError(
                f"The sound begins at {self.start} and ends at {self.end}; both are shares of the sampling, 0 to 1, "
                "and it must begin before it ends."
            )
        numbers = () if isinstance(self.strength, Mapping) else np.atleast_1d(np.asarray(self.strength, float))
        if not all(math.isfinite(number) for number in numbers):
            raise ConfigError(f"audio_strength is {self.strength}; it must be a number, 0 for off and 1 as trained.")

    @property
    def sounds(self) -> list[Any]:
        """The sounds, one or one for each prompt."""
        many = isinstance(self.sound, Sequence) and not isinstance(self.sound, str)
        return list(self.sound) if many else [self.sound]  # type: ignore[arg-type]


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


def mask_tensor(mask: Mask) -> Tensor:
    """Return a mask as float32 numbers (1 or prompts, height, width) in [0, 1].

    Raises:
        ConfigError: if it has another shape or other numbers.
    """
    if isinstance(mask, Image.Image):
        mask = np.asarray(mask.convert("L"), np.float32) / 255
    values = torch.as_tensor(mask, dtype=torch.float32)
    values = values[None] if values.ndim == 2 else values
    if values.ndim != 3 or not values.numel() or not (values.min() >= 0 and values.max() <= 1):
        raise ConfigError(
            f"A mask has shape (height, width) or (prompts, height, width) and numbers from 0 to 1; got shape "
            f"{tuple(values.shape)}."
        )
    return values


def _place(site: str) -> tuple[str, str]:
    """Return part and block of a UNet module path: ("up", "block_1"), or ("mid", "block_0")."""
    first, second = site.split(".")[:2]
    return first.partition("_")[0], f"block_{second if second.isdigit() else 0}"
