"""The one file that makes an image model hear: projector and adapter weights, beside the facts they rely on.

A folder holds `adapter.safetensors` (`audio_projector.*`, `audio_adapter.<unet module path>.*`) and
`config.json`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from sonicdiffusion.audio.window import CROP_POLICIES
from sonicdiffusion.config import from_dict
from sonicdiffusion.errors import ConfigError, ModelError
from sonicdiffusion.models.audio_adapter import STATE_PREFIX, AudioAdapter
from sonicdiffusion.models.audio_projector import AudioProjector, AudioProjectorConfig
from sonicdiffusion.models.encoder_facts import EncoderFacts
from sonicdiffusion.models.folders import read_settings, read_tensors, write_settings, write_tensors
from sonicdiffusion.models.heard_sound import DEFAULT_ADAPTER

FORMAT_VERSION = 1
SETTINGS_FILE = "config.json"
WEIGHTS_FILE = "adapter.safetensors"
PROJECTOR_PREFIX = "audio_projector."
TEXT_WIDTHS = {"stable-diffusion-1": 768, "stable-diffusion-2": 1024, "stable-diffusion-xl": 2048}
"""The width of text tokens in each family of image models; in any other it is that of the audio tokens."""


@dataclass(frozen=True)
class EncoderName:
    """Which audio encoder an adapter was trained on.

    Args:
        name: of the encoder.
        version: of its weights.
    """

    name: str
    version: str


@dataclass(frozen=True)
class AdapterConfig:
    """Everything that must agree before an adapter can be used.

    Args:
        encoder: the audio encoder it was trained on.
        sample_rate: of that encoder, in hertz.
        window_seconds: length of the clips that the encoder hears.
        crop_policy: how a clip becomes windows, as in `sonicdiffusion.audio.window`.
        base_family: the image models it fits, for example "stable-diffusion-1" or "mini".
        sites: UNet module paths of the blocks that listen.
        projector: shape of the audio projector.
        text_guidance: default for generation.
        audio_guidance: default for generation.
        num_steps: default for generation.
        format_version: of the file.

    Raises:
        ConfigError: if there is no site, or a default of generation is out of range.
    """

    encoder: EncoderName
    sample_rate: int
    window_seconds: float
    crop_policy: str
    base_family: str
    sites: tuple[str, ...]
    projector: AudioProjectorConfig = field(default_factory=AudioProjectorConfig)
    text_guidance: float = 5.0
    audio_guidance: float = 5.0
    num_steps: int = 25
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        object.__setattr__(self, "sites", tuple(self.sites))
        if not self.sites:
            raise ConfigError("An adapter needs at least one site. Use default_sites(unet).")
        if self.crop_policy not in CROP_POLICIES:
            raise ConfigError(f"crop_policy is {self.crop_policy!r}; known are {', '.join(CROP_POLICIES)}.")
        if self.num_steps < 1 or min(self.text_guidance, self.audio_guidance) < 0:
            raise ConfigError("num_steps starts at 1, and text_guidance and audio_guidance at 0.")

    @property
    def num_tokens(self) -> int:
        """Audio tokens per clip."""
        return self.projector.num_tokens

    @property
    def token_width(self) -> int:
        """Width of an audio token."""
        return self.projector.token_width


def save_adapter(folder: Path, config: AdapterConfig, projector: AudioProjector, adapter: AudioAdapter) -> None:
    """Write a projector and an adapter to a folder, weights first, each file whole or not at all.

    Args:
        folder: made if it is missing.
        config: what the weights rely on.
        projector: with the shape that the config names.
        adapter: with the sites that the config names.

    Raises:
        ModelError: if the config does not describe these weights.
    """
    if projector.config != config.projector:
        raise ModelError("The config describes another projector than the one to save. Build it from projector.config.")
    if set(adapter.sites) != set(config.sites):
        raise ModelError("The config names other sites than the adapter has. Build it from adapter.sites.")
    write_adapter(folder, config, projector.state_dict(), adapter.state_dict())


def write_adapter(
    folder: Path, config: AdapterConfig, projector: Mapping[str, Tensor], adapter: Mapping[str, Tensor]
) -> None:
    """Write the weights of a projector and an adapter, named as in their state dicts, with what they rely on."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {f"{PROJECTOR_PREFIX}{name}": value for name, value in projector.items()}
    write_tensors(folder / WEIGHTS_FILE, {**weights, **adapter})
    facts = asdict(config) | {"num_tokens": config.num_tokens, "token_width": config.token_width}
    write_settings(folder / SETTINGS_FILE, facts)


def read_adapter_config(folder: Path) -> AdapterConfig:
    """Read what an adapter relies on.

    Raises:
        MissingFileError: if the folder holds no adapter.
        ModelError: if it was written by another version, or its settings are wrong.
    """
    path = folder / SETTINGS_FILE
    facts = read_settings(path)
    if facts.get("format_version") != FORMAT_VERSION:
        raise ModelError(
            f"{path} has format version {facts.get('format_version')!r}; this version of sonicdiffusion "
            f"reads {FORMAT_VERSION}. Install a sonicdiffusion that matches, or convert the adapter again."
        )
    num_tokens, token_width = facts.pop("num_tokens", None), facts.pop("token_width", None)
    try:
        config = from_dict(facts, AdapterConfig, source=str(path))
    except ConfigError as problem:
        raise ModelError(str(problem)) from problem
    if (num_tokens, token_width) != (config.num_tokens, config.token_width):
        raise ModelError(
            f"{path} says {num_tokens} tokens of width {token_width}, but its projector makes "
            f"{config.num_tokens} of {config.token_width}. Copy the folder again."
        )
    return config


def load_adapter(
    folder: Path,
    unet: nn.Module,
    encoder: EncoderFacts | None = None,
    name: str = DEFAULT_ADAPTER,
) -> tuple[AdapterConfig, AudioProjector, AudioAdapter]:
    """Read an adapter folder and install the adapter into a UNet; on any error the UNet stays as it was.

    Args:
        folder: as written by `save_adapter`.
        unet: a diffusers `UNet2DConditionModel`.
        encoder: the audio encoder that will be used; None leaves that check to the caller.
        name: of the adapter among several in one UNet.

    Returns:
        The config, the projector in evaluation mode, and the installed adapter.

    Raises:
        MissingFileError: if a file is missing.
        ModelError: if a file is damaged, or config, weights, UNet and encoder do not fit each other.
    """
    config = read_adapter_config(folder)
    if encoder is not None:
        check_encoder(config, encoder)
    _check_family(config, unet)
    weights = read_tensors(folder / WEIGHTS_FILE)
    foreign = sorted(name for name in weights if not name.startswith((PROJECTOR_PREFIX, STATE_PREFIX)))
    if foreign:
        raise ModelError(
            f"{folder / WEIGHTS_FILE} holds {foreign[0]!r}, which is no part of an adapter. "
            "Give a folder that this package has written; published checkpoints come in by `sonicdiffusion convert`."
        )
    projector = _build_projector(config, weights)
    adapter = AudioAdapter.install(unet, config.sites, config.token_width, name)
    try:
        adapter.load_state_dict({name: value for name, value in weights.items() if name.startswith(STATE_PREFIX)})
    except ModelError:
        adapter.remove()
        raise
    return config, projector, adapter


def check_encoder(config: AdapterConfig, encoder: EncoderFacts) -> None:
    """Refuse an audio encoder that the adapter was not trained on.

    Raises:
        ModelError: if name, version, sample rate, window or width differ.
    """
    pairs = {
        "encoder": (config.encoder.name, encoder.name),
        "encoder version": (config.encoder.version, encoder.version),
        "sample rate": (config.sample_rate, encoder.sample_rate),
        "window in seconds": (config.window_seconds, encoder.window_seconds),
        "embedding width": (config.projector.embedding_width, encoder.embedding_width),
    }
    for what, (wanted, given) in pairs.items():
        if wanted != given:
            raise ModelError(
                f"The adapter was trained with {what} {wanted!r}, but the audio encoder has {given!r}. "
                f"Load the encoder {config.encoder.name!r}, version {config.encoder.version!r}."
            )


def _check_family(config: AdapterConfig, unet: Any) -> None:
    """Refuse a UNet of another family, which is known by the width of its text tokens."""
    width = unet.config.cross_attention_dim
    wanted = TEXT_WIDTHS.get(config.base_family, config.token_width)
    if width != wanted:
        raise ModelError(
            f"The adapter was trained for {config.base_family!r}, whose text tokens are {wanted} wide; those of this "
            f"UNet are {width} wide. Use a base model of that family."
        )


def _build_projector(config: AdapterConfig, weights: Mapping[str, Tensor]) -> AudioProjector:
    projector = AudioProjector(config.projector).eval()
    state = {
        name.removeprefix(PROJECTOR_PREFIX): value
        for name, value in weights.items()
        if name.startswith(PROJECTOR_PREFIX)
    }
    wanted = projector.state_dict()
    for name in sorted(wanted.keys() | state.keys()):
        here, there = wanted.get(name), state.get(name)
        if here is None or there is None or here.shape != there.shape:
            shape = "is missing" if there is None else f"has shape {tuple(there.shape)}"
            need = "has no place" if here is None else f"should be {tuple(here.shape)}"
            raise ModelError(
                f"The projector weight {name!r} {shape} and {need} by the adapter's config. Copy the folder again."
            )
    projector.load_state_dict(state)
    return projector
