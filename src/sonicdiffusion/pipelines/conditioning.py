"""What pictures are made from: sounds and texts, as tokens, one row for each picture."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sonicdiffusion.audio.window import CropPolicy
from sonicdiffusion.errors import ConfigError
from sonicdiffusion.pipelines.audio_prompt import AudioPrompt, as_prompts
from sonicdiffusion.pipelines.components import Components
from sonicdiffusion.pipelines.encoded_prompt import EncodedPrompt


@dataclass(frozen=True, eq=False)
class Conditioning:
    """What a batch of pictures is made from; a first axis of 1 serves every picture.

    Args:
        text_tokens: of the prompt, (1 or images, tokens, channels).
        negative_tokens: of the negative prompt, (1 or images, tokens, channels).
        sounds: all of them act together.
    """

    text_tokens: Tensor
    negative_tokens: Tensor
    sounds: tuple[EncodedPrompt, ...] = ()

    def rows(self, start: int, stop: int) -> "Conditioning":
        """Return the conditioning of the pictures `start` to `stop - 1`."""
        text, negative = (
            tokens if len(tokens) == 1 else tokens[start:stop] for tokens in (self.text_tokens, self.negative_tokens)
        )
        return Conditioning(text, negative, tuple(sound.rows(start, stop) for sound in self.sounds))


@dataclass(frozen=True, eq=False)
class Request:
    """Sounds and prompts as a user passes them, paired up.

    Args:
        sounds: all of them act together, each with one sound for all pictures or one for each prompt.
        texts: the prompt of every picture.
        negative_prompt: what no picture shows.
        audio_strength: factor of all that is heard; 0 is exactly the image model without sound.
    """

    sounds: tuple[AudioPrompt, ...]
    texts: tuple[str, ...]
    negative_prompt: str = ""
    audio_strength: float = 1.0

    @classmethod
    def of(
        cls, audio: Any, prompt: str | Sequence[str], negative_prompt: str, audio_strength: float, num_images: int = 1
    ) -> "Request":
        """Pair sounds up with prompts, and give each pair a number of pictures.

        Raises:
            AudioError: if samples cannot be a recording.
            ConfigError: if the counts do not go together, or a setting is out of range.
        """
        if not math.isfinite(audio_strength):
            raise ConfigError(f"audio_strength is {audio_strength}; it must be a number, 0 for off and 1 as trained.")
        if num_images < 1:
            raise ConfigError(f"num_images starts at 1; got {num_images}.")
        sounds, prompts = as_prompts(audio), [prompt] if isinstance(prompt, str) else list(prompt)
        counts = {len(prompts), *(len(sound.sounds) for sound in sounds)} - {1}
        if not prompts or len(counts) > 1:
            numbers = " and ".join(str(len(sound.sounds)) for sound in sounds)
            raise ConfigError(
                f"Got {numbers or 'no'} sounds and {len(prompts)} prompts. Pass equally many, or one of either."
            )
        prompts *= max(counts, default=1) // len(prompts)
        texts = tuple(text for text in prompts for _ in range(num_images))
        return cls(tuple(sounds), texts, negative_prompt, audio_strength)

    @property
    def is_heard(self) -> bool:
        """Whether there is any sound, with a strength other than 0."""
        return bool(self.sounds) and self.audio_strength != 0

    @property
    def facts(self) -> dict[str, Any]:
        """What can be told of it, as plain values: of a plain sound its name, of several or of settings a list."""
        told = [facts["sound"] if list(facts) == ["sound"] else facts for facts in (one.facts for one in self.sounds)]
        texts = list(self.texts)
        return {
            "audio": (told[0] if len(told) == 1 else told) if told else None,
            "prompt": texts[0] if len(set(texts)) == 1 else texts,
            "negative_prompt": self.negative_prompt,
            "audio_strength": self.audio_strength,
        }

    @torch.no_grad()
    def encode(self, parts: Components, crop_policy: CropPolicy | None = None) -> Conditioning:
        """Turn it into tokens, with a row for each picture; equal texts and sounds are encoded once.

        Args:
            parts: the networks.
            crop_policy: which part of a long recording is heard; by default the adapter's.

        Raises:
            AudioError: if a recording cannot be used.
            ConfigError: if a sound asks for an adapter that is not there, or counts do not go together.
            ModelError: if there is sound but the model has no adapter.
        """
        known = list(dict.fromkeys([self.negative_prompt, *self.texts]))
        encoded = parts.encode_text(known)
        heard = []
        for sound in self.sounds if self.is_heard else ():
            hearing = parts.require_hearing()
            if sound.adapter not in (None, hearing.adapter.name):
                raise ConfigError(
                    f"The sound asks for the adapter {sound.adapter!r}, and this model has one alone. Leave it out, or "
                    "load several into a diffusers pipeline with load_audio_adapter(pipe, ..., name=...)."
                )
            prompt = EncodedPrompt.encode(sound, hearing, self.audio_strength, encoded, crop_policy)
            heard.append(prompt.spread(len(self.texts)))
        return Conditioning(encoded[[known.index(text) for text in self.texts]], encoded[:1], tuple(heard))
