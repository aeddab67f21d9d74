"""The published SonicDiffusion checkpoints become our adapter file.

They are pickles, which may hold code. They are read here alone, as tensors and nothing else, and refused otherwise.
"""

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor

from sonicdiffusion.errors import MissingFileError, ModelError
from sonicdiffusion.models.adapter_file import AdapterConfig, EncoderName, write_adapter
from sonicdiffusion.models.audio_adapter import AudioAdapter
from sonicdiffusion.models.audio_encoder import ClapAudioEncoder, ClapAudioEncoderConfig
from sonicdiffusion.models.audio_projector import AudioProjector, AudioProjectorConfig
from sonicdiffusion.models.folders import new_folder, read_tensors
from sonicdiffusion.models.published_names import rename_adapter, rename_encoder, rename_projector

ENCODER_FOLDER = "audio_encoder"
_WRAPPINGS = ("model", "state_dict")
_CLAP_AUDIO = "audio_encoder."


def convert_published(projector: Path, adapter: Path, clap: Path | None, out: Path) -> AdapterConfig:
    """Write published checkpoints for Stable Diffusion 1.x as an adapter folder; it appears whole or not at all.

    Args:
        projector: checkpoint of the audio projector.
        adapter: checkpoint of the audio adapters of the UNet.
        clap: checkpoint of MS-CLAP 2022, whose audio half is put into the folder; None leaves it out.
        out: the folder to write; must not exist or be empty.

    Returns:
        What the adapter relies on.

    Raises:
        MissingFileError: if a file is not there.
        ModelError: if a file is no checkpoint of this kind, holds code, lacks a tensor or holds a foreign one, or the
            folder is in use.
    """
    encoder_config = ClapAudioEncoderConfig()
    with torch.device("meta"):
        unet = UNet2DConditionModel(cross_attention_dim=768, attention_head_dim=8, sample_size=64)
        sites = AudioAdapter.install(unet)
        wanted_projector = AudioProjector(AudioProjectorConfig()).state_dict()
    config = AdapterConfig(
        encoder=EncoderName(encoder_config.name, encoder_config.version),
        sample_rate=encoder_config.log_mel.sample_rate,
        window_seconds=encoder_config.window_seconds,
        crop_policy="loudest",
        base_family="stable-diffusion-1",
        sites=sites.sites,
        num_steps=50,
    )
    with new_folder(out) as folder:
        tensors = _checked(rename_projector(read_published(projector)), wanted_projector, projector)
        branches = _checked(rename_adapter(read_published(adapter)), sites.state_dict(), adapter)
        write_adapter(folder, config, tensors, branches)
        if clap is not None:
            _encoder(encoder_config, clap).save(folder / ENCODER_FOLDER)
    return config


def read_published(path: Path) -> dict[str, Tensor]:
    """Read a checkpoint of tensors, safetensors or pickle, without running anything that it holds.

    Raises:
        MissingFileError: if there is no such file.
        ModelError: if it is damaged, or holds anything but tensors.
    """
    if not path.is_file():
        raise MissingFileError(f"There is no file {path}. Download the published checkpoint first.")
    if path.suffix == ".safetensors":
        return read_tensors(path)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Detected pickle protocol")  # what cannot be read is refused below
            state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as problem:
        raise ModelError(
            f"{path} is refused: it is damaged, or it holds more than tensors, such as code. "
            "Get it again from where it was published."
        ) from problem
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as problem:
        raise ModelError(f"{path} is damaged or cut short. Download it again.") from problem
    for key in _WRAPPINGS:
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state = state[key]
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ModelError(f"{path} holds no list of named tensors. Check that this is the right checkpoint file.")
    return dict(state)


def _encoder(config: ClapAudioEncoderConfig, path: Path) -> ClapAudioEncoder:
    published = {name: value for name, value in read_published(path).items() if name.startswith(_CLAP_AUDIO)}
    encoder = ClapAudioEncoder(config)
    # The counters of the normalisations take no part in computing.
    wanted = {name: value for name, value in encoder.state_dict().items() if not name.endswith("num_batches_tracked")}
    named = {k: v for k, v in rename_encoder(published).items() if not k.endswith("num_batches_tracked")}
    encoder.load_state_dict(_checked(named, wanted, path), strict=False)
    return encoder.eval()


def _checked(given: dict[str, Tensor], wanted: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Return tensors that are exactly those wanted.

    Raises:
        ModelError: if one is missing, foreign or of another shape.
    """
    missing, foreign = sorted(wanted.keys() - given.keys()), sorted(given.keys() - wanted.keys())
    if missing or foreign:
        which = f"lacks {missing[0]!r}" if missing else f"holds {foreign[0]!r}, which is foreign"
        raise ModelError(
            f"{path} {which} ({len(missing)} tensors missing, {len(foreign)} foreign). "
            "Check that this is the right checkpoint file, and whole."
        )
    for name, value in given.items():
        if value.shape != wanted[name].shape:
            raise ModelError(
                f"{path}: {name!r} has shape {tuple(value.shape)}, but Stable Diffusion 1.x needs "
                f"{tuple(wanted[name].shape)}. Check that this is the right checkpoint file."
            )
    return given
