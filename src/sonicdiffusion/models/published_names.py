"""What our tensors are called in the published checkpoints.

Names that a checkpoint should not hold raise, so a wrong file is noticed.
"""

import re
from collections.abc import Mapping

from torch import Tensor

from sonicdiffusion.errors import ModelError
from sonicdiffusion.models.audio_adapter import STATE_PREFIX

_PROJECTOR_LAYERS = {
    "audio_emb_projection.0": "spread",
    "audio_emb_projection.2": "mix_1",
    "audio_emb_projection.4": "norm_1",
    "audio_emb_projection.5": "mix_2",
    "audio_emb_projection.7": "norm_2",
    "audio_emb_projection.8": "upsample",
    "audio_emb_projection.10": "norm_3",
    "audio_emb_projection.12": "downsample",
    "to_out_adapter.0": "out",
}
_PROJECTOR_ATTENTION = {"to_q_adapter": "query", "to_k_adapter": "key", "to_v_adapter": "value"}
_PROJECTOR_MLP = {"0": "hidden", "2": "widen"}
_ADAPTER_LEAVES = {
    "gate_adapter": "gate",
    "norm_adapter.weight": "norm.weight",
    "norm_adapter.bias": "norm.bias",
    "attn_adapter.to_q.weight": "query.weight",
    "attn_adapter.to_k.weight": "key.weight",
    "attn_adapter.to_v.weight": "value.weight",
    "attn_adapter.to_out.0.weight": "out.weight",
    "attn_adapter.to_out.0.bias": "out.bias",
}
_ENCODER_LAYERS = {
    "base.bn0": "mel_norm",
    "base.fc1": "hidden",
    "projection.linear1": "project",
    "projection.linear2": "refine",
    "projection.layer_norm": "out_norm",
}
# Fixed matrices of the published front end, which we compute, and its classifier, which makes no embedding.
_ENCODER_UNUSED = ("base.spectrogram_extractor.", "base.logmel_extractor.", "base.fc_audioset.")


def projector_name(published: str) -> str:
    """Return our name of a tensor of the published audio projector.

    Raises:
        ModelError: if the name is not one of that checkpoint.
    """
    layer, _, leaf = published.rpartition(".")
    if layer in _PROJECTOR_LAYERS:
        return f"{_PROJECTOR_LAYERS[layer]}.{leaf}"
    if match := re.fullmatch(r"cross_attention\.(\d+)\.(to_[qkv]_adapter)", layer):
        return f"blocks.{match[1]}.{_PROJECTOR_ATTENTION[match[2]]}.{leaf}"
    if match := re.fullmatch(r"between_attention\.(\d+)\.([02])", layer):
        return f"blocks.{match[1]}.{_PROJECTOR_MLP[match[2]]}.{leaf}"
    raise _foreign(published, "audio projector")


def adapter_name(published: str) -> str:
    """Return our name of a tensor of the published audio adapter, `audio_adapter.<unet module path>.<name>`.

    Raises:
        ModelError: if the name is not one of that checkpoint.
    """
    for theirs, ours in _ADAPTER_LEAVES.items():
        if published.endswith(f".{theirs}"):
            return f"{STATE_PREFIX}{published.removesuffix(theirs)}{ours}"
    raise _foreign(published, "audio adapter")


def encoder_name(published: str) -> str | None:
    """Return our name of a tensor of the audio half of MS-CLAP 2022, or None if we have no use for it.

    Raises:
        ModelError: if the name is not one of that checkpoint.
    """
    name = published.removeprefix("audio_encoder.")
    if name.startswith(_ENCODER_UNUSED):
        return None
    layer, _, leaf = name.rpartition(".")
    if layer in _ENCODER_LAYERS:
        return f"{_ENCODER_LAYERS[layer]}.{leaf}"
    if match := re.fullmatch(r"base\.conv_block(\d+)\.(conv|bn)([12])", layer):
        kind = {"conv": "convolution", "bn": "norm"}[match[2]]
        return f"blocks.{int(match[1]) - 1}.{kind}_{match[3]}.{leaf}"
    raise _foreign(published, "MS-CLAP 2022 audio encoder")


def rename_projector(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the tensors of a published audio projector for `AudioProjector.load_state_dict`."""
    return {projector_name(name): value for name, value in published.items()}


def rename_adapter(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the tensors of a published audio adapter for `AudioAdapter.load_state_dict`."""
    return {adapter_name(name): value for name, value in published.items()}


def rename_encoder(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the audio half of an MS-CLAP 2022 checkpoint for `ClapAudioEncoder.load_state_dict`."""
    named = {encoder_name(name): value for name, value in published.items()}
    return {name: value for name, value in named.items() if name is not None}


def _foreign(name: str, kind: str) -> ModelError:
    return ModelError(f"{name!r} is no tensor of the published {kind}. Check that this is the right checkpoint file.")
