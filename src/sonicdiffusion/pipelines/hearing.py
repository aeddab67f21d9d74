"""What turns a recording into audio tokens for one adapter: encoder, projector, and the adapter itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from sonicdiffusion.audio.decode import decode
from sonicdiffusion.audio.window import CropPolicy
from sonicdiffusion.errors import ConfigError, MissingFileError
from sonicdiffusion.hub import resolve
from sonicdiffusion.models.adapter_file import AdapterConfig, load_adapter
from sonicdiffusion.models.audio_adapter import AudioAdapter
from sonicdiffusion.models.audio_projector import AudioProjector
from sonicdiffusion.models.encoders import ENCODER_FOLDER, embed, load_encoder
from sonicdiffusion.models.heard_sound import DEFAULT_ADAPTER
from sonicdiffusion.pipelines.sound import Sound, as_sound
from sonicdiffusion.values import Waveform

ADAPTER_FOLDER = "audio_adapter"


@dataclass(eq=False)
class Hearing:
    """The parts that turn sound into audio tokens, with the adapter that lets the UNet take them in.

    Args:
        config: facts of the adapter.
        encoder: an `AudioEncoder`, samples to embedding, in float32.
        projector: embedding to tokens, in float32.
        adapter: installed in the UNet.
    """

    config: AdapterConfig
    encoder: Any
    projector: AudioProjector
    adapter: AudioAdapter

    @torch.no_grad()
    def embed(self, sound: Sound, crop_policy: CropPolicy | None = None) -> Tensor:
        """Return the embedding (1, width) of a sound, on the encoder's device.

        Args:
            sound: a path, a `Waveform`, samples with their rate, an embedding (1, width), which is returned as it is,
                or a mapping from such to their weights, whose embeddings are mixed.
            crop_policy: which part of a long recording is heard; by default the adapter's. Windows are averaged.

        Raises:
            AudioError: if the recording cannot be used.
            ConfigError: if an embedding has another width, or weights sum to nothing.
        """
        device, given = self.projector.out.weight.device, as_sound(sound)
        if isinstance(given, Tensor):
            width = self.config.projector.embedding_width
            if given.shape != (1, width):
                raise ConfigError(
                    f"An audio embedding for this adapter has shape (1, {width}); got {tuple(given.shape)}. "
                    "Make it with the adapter's own encoder."
                )
            return given.to(device, torch.float32)
        if isinstance(given, Mapping):
            return mix([(self.embed(part, crop_policy), weight) for part, weight in given.items()])
        waveform = given if isinstance(given, Waveform) else decode(given)
        policy: Any = crop_policy or self.config.crop_policy
        return embed(self.encoder, waveform, policy, device)

    @torch.no_grad()
    def hear(self, sound: Sound, crop_policy: CropPolicy | None = None) -> Tensor:
        """Return the audio tokens (1, tokens, token width) of what `embed` takes, or of tokens themselves.

        Raises:
            AudioError: if the recording cannot be used.
            ConfigError: if an embedding or tokens have another shape, or weights sum to nothing.
        """
        if not isinstance(sound, Tensor) or sound.ndim != 3:
            return self.tokens(self.embed(sound, crop_policy))
        wanted = tuple(self.null_tokens().shape)
        if tuple(sound.shape) != wanted:
            raise ConfigError(f"Audio tokens for this adapter have shape {wanted}; got {tuple(sound.shape)}.")
        return sound.to(self.projector.out.weight)

    @torch.no_grad()
    def tokens(self, embedding: Tensor) -> Tensor:
        """Return audio tokens (batch, tokens, token width) of embeddings (batch, width)."""
        return self.projector(embedding.to(self.projector.out.weight))

    @torch.no_grad()
    def null_tokens(self) -> Tensor:
        """Return the tokens of no sound, (1, tokens, token width)."""
        return self.projector.null_tokens()

    def to(self, device: torch.device) -> None:
        """Move encoder and projector to a device; the adapter goes with its UNet."""
        for network in (self.encoder, self.projector):
            network.to(device)


def mix(parts: list[tuple[Tensor, float]]) -> Tensor:
    """Return the mixture of embeddings (1, width) by their weights, as long as they are on average.

    Raises:
        ConfigError: if there is none, or they cancel each other out.
    """
    total = sum(weight for _, weight in parts)
    if not parts or not total > 0:
        raise ConfigError("A mixture needs sounds whose weights sum to more than 0.")
    mixed = torch.stack([embedding * (weight / total) for embedding, weight in parts]).sum(dim=0)
    length = sum(float(embedding.norm()) * abs(weight) for embedding, weight in parts) / sum(
        abs(weight) for _, weight in parts
    )
    return normalize(mixed, dim=-1) * length


def interpolate(start: Tensor, end: Tensor, share: float) -> Tensor:
    """Return the embedding (1, width) that lies a share of the way from one to another, on the arc between them.

    Args:
        start: at 0, shape (1, width).
        end: at 1, shape (1, width).
        share: how far, usually 0 to 1.

    Source: Shoemake 1985, "Animating Rotation with Quaternion Curves", section 3.3.
    """
    first, last = normalize(start, dim=-1), normalize(end, dim=-1)
    length = (1 - share) * start.norm() + share * end.norm()
    angle = torch.arccos((first * last).sum().clamp(-1.0, 1.0))
    if angle < 1e-4:
        return normalize((1 - share) * first + share * last, dim=-1) * length
    weights = torch.sin((1 - share) * angle), torch.sin(share * angle)
    return (weights[0] * first + weights[1] * last) / torch.sin(angle) * length


def load_hearing(
    adapter: str | Path, unet: nn.Module, encoder: str | Path | None = None, name: str = DEFAULT_ADAPTER
) -> Hearing:
    """Load an audio adapter with its encoder and projector, and install it into a UNet.

    Args:
        adapter: a folder or hub id of an adapter, or of a whole model that has one.
        unet: a diffusers `UNet2DConditionModel`; on any error it stays as it was.
        encoder: folder of the audio encoder; by default the folder "audio_encoder" in the adapter or beside it.
        name: by which sounds choose this adapter among several.

    Raises:
        MissingFileError: if something is not there.
        ModelError: if parts are damaged or do not fit each other.
    """
    place = resolve(adapter)
    if (place / ADAPTER_FOLDER).is_dir():  # a whole model was named as the adapter
        place = place / ADAPTER_FOLDER
    candidates = (place / ENCODER_FOLDER, place.parent / ENCODER_FOLDER)
    found = next((one for one in candidates if one.is_dir()), None) if encoder is None else resolve(encoder)
    if found is None:
        raise MissingFileError(
            f"The adapter {str(place)!r} has no audio encoder. Put the encoder's folder into it as "
            f"'{ENCODER_FOLDER}', or name another with encoder=..."
        )
    heard = load_encoder(found)
    config, projector, installed = load_adapter(place, unet, heard.facts, name)
    for network in (heard, projector, *installed.branches.values()):
        network.eval().requires_grad_(False)
    return Hearing(config, heard, projector, installed)
