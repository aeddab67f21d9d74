"""Giving a stock diffusers UNet ears, and taking them away again.

A transformer block changes its class to one that listens (`sonicdiffusion.models.hearing_block`), keeps its own modules
and weight names, and gets its class back on removal. Sounds travel as arguments (`sonicdiffusion.models.heard_sound`).
Without them the UNet computes exactly what it did before.

Source: Biner et al. 2024, "SonicDiffusion", arXiv 2405.00878, for the sites; the way of installing is ours.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from diffusers.models import attention
from torch import Tensor, nn

from sonicdiffusion.errors import ModelError
from sonicdiffusion.models.gated_attention import GatedAudioAttention
from sonicdiffusion.models.heard_sound import DEFAULT_ADAPTER, PreparedAudioTokens
from sonicdiffusion.models.hearing_block import BRANCHES, BasicTransformerBlock

STATE_PREFIX = "audio_adapter."


class AudioAdapter:
    """The audio branches of one UNet: where they sit, their weights, and their removal.

    The branches are children of the UNet, so they follow it to a device, into half precision or into
    offloading. A UNet may have several adapters, each with a name.

    Args:
        unet: the UNet that holds them.
        sites: module paths of the blocks that listen.
        name: by which sounds choose it.
    """

    def __init__(self, unet: nn.Module, sites: Iterable[str], name: str = DEFAULT_ADAPTER) -> None:
        self.unet = unet
        self.sites = tuple(sites)
        self.name = name

    @classmethod
    def install(
        cls,
        unet: nn.Module,
        sites: Iterable[str] | None = None,
        token_width: int | None = None,
        name: str = DEFAULT_ADAPTER,
    ) -> "AudioAdapter":
        """Add fresh audio branches to a UNet, in place; untrained, they change nothing.

        Args:
            unet: a diffusers `UNet2DConditionModel`.
            sites: module paths of transformer blocks; by default `default_sites(unet)`.
            token_width: width of the audio tokens; by default that of the UNet's text tokens.
            name: by which sounds choose this adapter among several; letters, digits, "-" and "_".

        Raises:
            ModelError: if the UNet has an adapter of this name already, is of another kind, or lacks a site.
        """
        blocks = _transformer_blocks(unet)
        chosen = tuple(default_sites(unet) if sites is None else sites)
        _check(blocks, chosen, name)
        for path, block in blocks.items():
            _set_class(block, BasicTransformerBlock)
            block.audio_site = path
        config: Any = unet.config
        width = config.cross_attention_dim if token_width is None else token_width
        for path in chosen:
            block = blocks[path]
            branch = GatedAudioAttention(block.dim, width, block.attn1.heads)
            like = _weight(block)
            if not hasattr(block, BRANCHES):
                block.add_module(BRANCHES, nn.ModuleDict())
            getattr(block, BRANCHES)[name] = branch.to(device=like.device, dtype=like.dtype)
        return cls(unet, chosen, name)

    @classmethod
    def of(cls, unet: nn.Module, name: str = DEFAULT_ADAPTER) -> "AudioAdapter":
        """Return an adapter that a UNet already has, for example that of a copy.

        Raises:
            ModelError: if it has none of this name.
        """
        sites = [path for path, block in _transformer_blocks(unet).items() if name in getattr(block, BRANCHES, {})]
        if not sites:
            raise ModelError(
                f"This UNet has no audio adapter named {name!r}; it has {', '.join(adapter_names(unet)) or 'none'}. "
                "Install one with AudioAdapter.install(unet)."
            )
        return cls(unet, sites, name)

    @property
    def branches(self) -> dict[str, GatedAudioAttention]:
        """The audio layers by module path of their block."""
        return {path: getattr(self.unet.get_submodule(path), BRANCHES)[self.name] for path in self.sites}

    def copy_text_attention(self, gate: float) -> None:
        """Start every branch as a copy of its block's text cross-attention, with `gate` as the gates' value.

        Raises:
            ModelError: if a block has no text cross-attention, or audio and text tokens differ in width.
        """
        for path, branch in self.branches.items():
            block: Any = self.unet.get_submodule(path)
            if block.attn2 is None or block.attn2.to_k.in_features != branch.token_width:
                raise ModelError(
                    f"{path} has no text cross-attention for tokens of width {branch.token_width} to copy. "
                    "Let its audio branch start as nothing instead."
                )
            branch.copy_from(block.norm2, block.attn2, gate)

    def remove(self) -> None:
        """Take these branches out of the UNet; when none are left, its blocks get their own class back."""
        for path, block in _transformer_blocks(self.unet).items():
            if path in self.sites:
                del getattr(block, BRANCHES)[self.name]
                if not getattr(block, BRANCHES):
                    delattr(block, BRANCHES)
        if not adapter_names(self.unet):
            _restore_classes(self.unet)

    @contextmanager
    def removed(self) -> Iterator[nn.Module]:
        """Lend out the bare base model, without any adapter, for example to save it, then put all back as it was."""
        blocks = _transformer_blocks(self.unet)
        branches = {path: getattr(block, BRANCHES) for path, block in blocks.items() if hasattr(block, BRANCHES)}
        for path in branches:
            delattr(blocks[path], BRANCHES)
        _restore_classes(self.unet)
        try:
            yield self.unet
        finally:
            for path, block in blocks.items():
                _set_class(block, BasicTransformerBlock)
                block.audio_site = path
                if path in branches:
                    block.add_module(BRANCHES, branches[path])

    def prepare(self, audio_tokens: Tensor) -> PreparedAudioTokens:
        """Compute the keys and values of audio tokens (batch, tokens, token width) for every site, once."""
        return PreparedAudioTokens({path: branch.prepare(audio_tokens) for path, branch in self.branches.items()})

    def parameters(self) -> Iterator[nn.Parameter]:
        """Yield the weights of the audio branches alone."""
        for branch in self.branches.values():
            yield from branch.parameters()

    def state_dict(self) -> dict[str, Tensor]:
        """Return the weights as `audio_adapter.<unet module path>.<name>`."""
        return {
            f"{STATE_PREFIX}{path}.{name}": value
            for path, branch in self.branches.items()
            for name, value in branch.state_dict().items()
        }

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Copy weights named as in `state_dict` into the branches.

        Raises:
            ModelError: if a tensor is missing, has another shape or is not known.
        """
        own = self.state_dict()
        missing, unknown = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
        if missing or unknown:
            problem = f"lack {missing[0]!r}" if missing else f"hold {unknown[0]!r}, which this UNet has no place for"
            raise ModelError(
                f"The adapter weights {problem} ({len(missing)} missing, {len(unknown)} unknown). "
                "Use an adapter trained for this base model family."
            )
        for name, value in own.items():
            if value.shape != state[name].shape:
                raise ModelError(
                    f"The adapter's {name!r} has shape {tuple(state[name].shape)}, but this UNet needs "
                    f"{tuple(value.shape)}. Use an adapter trained for this base model family."
                )
        with torch.no_grad():
            for name, value in own.items():
                value.copy_(state[name])


def default_sites(unet: nn.Module) -> tuple[str, ...]:
    """Return the published sites: the middle block and the up path, the first layer of each transformer.

    Stable Diffusion 1.x and 2.x have one layer to a transformer; in XL all of them would be 361 M parameters.
    """
    return tuple(
        path
        for path in _transformer_blocks(unet)
        if path.startswith(("mid_block.", "up_blocks.")) and path.endswith(".transformer_blocks.0")
    )


def all_sites(unet: nn.Module) -> tuple[str, ...]:
    """Return the module paths of all transformer blocks, those of the down path too."""
    return tuple(_transformer_blocks(unet))


def _transformer_blocks(unet: nn.Module) -> dict[str, Any]:
    """Return every transformer block of a UNet by module path, in the order of computation's definition."""
    return {
        path: module for path, module in unet.named_modules() if isinstance(module, attention.BasicTransformerBlock)
    }


def adapter_names(unet: nn.Module) -> tuple[str, ...]:
    """Return the names of a UNet's audio adapters, sorted."""
    blocks = _transformer_blocks(unet).values()
    return tuple(sorted({name for block in blocks for name in getattr(block, BRANCHES, {})}))


def _set_class(block: Any, kind: type[nn.Module]) -> None:
    block.__class__ = kind


def _restore_classes(unet: nn.Module) -> None:
    for block in _transformer_blocks(unet).values():
        if type(block) is BasicTransformerBlock:
            del block.audio_site
            _set_class(block, attention.BasicTransformerBlock)


def _weight(block: Any) -> Tensor:
    """Return a weight whose device and precision a new branch takes over; LoRA may have wrapped the layer."""
    query = block.attn1.to_q
    return getattr(query, "base_layer", query).weight


def _check(blocks: Mapping[str, Any], sites: tuple[str, ...], name: str) -> None:
    """Refuse to install where the branch would not work."""
    if not name.replace("-", "").replace("_", "").isalnum():
        raise ModelError(f"An adapter cannot be called {name!r}. Use letters, digits, '-' and '_'.")
    if any(name in getattr(block, BRANCHES, {}) for block in blocks.values()):
        raise ModelError(f"This UNet has an audio adapter {name!r} already. Remove it first, or choose another name.")
    for path, block in blocks.items():
        is_plain = type(block) in (attention.BasicTransformerBlock, BasicTransformerBlock)
        if not is_plain or block.norm_type != "layer_norm" or block.pos_embed:
            raise ModelError(
                f"{path} is a {type(block).__name__} with {block.norm_type!r} normalisation; audio needs "
                "the plain transformer blocks of Stable Diffusion 1.x, 2.x or XL."
            )
        if hasattr(block, "fuser"):
            raise ModelError(f"{path} is a GLIGEN block, which takes no audio. Use the base model without GLIGEN.")
    unknown = [path for path in sites if path not in blocks]
    if unknown or not sites:
        named = repr(unknown[0]) if unknown else "An empty list"
        known = ", ".join(blocks) or "none"
        raise ModelError(f"{named} is no place for audio in this UNet. Its transformer blocks are: {known}.")
