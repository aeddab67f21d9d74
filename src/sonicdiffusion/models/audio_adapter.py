"""Giving a stock diffusers UNet ears, and taking them away again.

The audio branch belongs to the transformer block, between text cross-attention and feed-forward, where no
diffusers hook reaches. So a block changes its class to a subclass that knows the branch, keeps its own
modules and weight names, and gets its class back on removal. Audio tokens travel as arguments, so gradient
checkpointing sees them too:

    unet(latents, timestep, encoder_hidden_states=text_tokens,
         cross_attention_kwargs={"audio_tokens": audio_tokens, "audio_strength": 1.0})

Without the key `audio_tokens` the UNet computes exactly what it did before.

Source: Biner et al. 2024, "SonicDiffusion", arXiv 2405.00878, for the sites; the way of installing is ours.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.models import attention
from torch import Tensor, nn

from sonicdiffusion.errors import ModelError
from sonicdiffusion.models.gated_attention import GatedAudioAttention, KeysValues

TOKENS_KEY = "audio_tokens"
STRENGTH_KEY = "audio_strength"
STATE_PREFIX = "audio_adapter."
BRANCH = "audio_attention"  # the name of the new child of a transformer block


@dataclass(frozen=True, eq=False)
class PreparedAudioTokens:
    """Keys and values of the same audio tokens for every site, to be kept over all sampling steps.

    Args:
        sites: what each site reads, by UNet module path.
    """

    sites: Mapping[str, KeysValues]


Strength = float | Tensor | Mapping[str, float | Tensor]


# Named like its parent: regional compilation and device placement look blocks up by the name of their class.
class BasicTransformerBlock(attention.BasicTransformerBlock):
    """A transformer block that takes the audio out of its arguments, and listens if it has a branch."""

    audio_site: str

    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        timestep: Tensor | None = None,
        cross_attention_kwargs: dict[str, Any] | None = None,
        class_labels: Tensor | None = None,
        added_cond_kwargs: dict[str, Tensor] | None = None,
    ) -> Tensor:
        """Compute the block on (batch, positions, channels), with audio where it is given."""
        others = dict(cross_attention_kwargs or {})
        audio = others.pop(TOKENS_KEY, None)
        strength = _strength_at(self.audio_site, others.pop(STRENGTH_KEY, 1.0))
        branch: GatedAudioAttention | None = getattr(self, BRANCH, None)
        if branch is None or audio is None or (not isinstance(strength, Tensor) and strength == 0):
            return super().forward(
                hidden_states,
                attention_mask=attention_mask,
                encoder_hidden_states=encoder_hidden_states,
                encoder_attention_mask=encoder_attention_mask,
                timestep=timestep,  # type: ignore[arg-type]
                cross_attention_kwargs=others,
                class_labels=class_labels,  # type: ignore[arg-type]
                added_cond_kwargs=added_cond_kwargs,
            )
        own_context = encoder_hidden_states if self.only_cross_attention else None
        hidden_states = hidden_states + self.attn1(
            self.norm1(hidden_states),
            encoder_hidden_states=own_context,
            attention_mask=attention_mask,
            **others,
        )
        if self.attn2 is not None:
            hidden_states = hidden_states + self.attn2(
                self.norm2(hidden_states),  # pyright: ignore[reportOptionalCall] (there if attn2 is)
                encoder_hidden_states=encoder_hidden_states,
                attention_mask=encoder_attention_mask,
                **others,
            )
        if isinstance(audio, PreparedAudioTokens):
            audio = audio.sites[self.audio_site]
        hidden_states = branch(hidden_states, audio, strength)
        return hidden_states + self._feed_forward(self.norm3(hidden_states))  # pyright: ignore[reportOptionalCall]

    def _feed_forward(self, states: Tensor) -> Tensor:
        if self._chunk_size is None:
            return self.ff(states)
        return torch.cat([self.ff(part) for part in states.split(self._chunk_size, self._chunk_dim)], self._chunk_dim)


class AudioAdapter:
    """The audio branches of one UNet: where they sit, their weights, and their removal.

    The branches are children of the UNet, so they follow it to a device, into half precision or into
    offloading.

    Args:
        unet: the UNet that holds them.
        sites: module paths of the blocks that listen.
    """

    def __init__(self, unet: nn.Module, sites: Iterable[str]) -> None:
        self.unet = unet
        self.sites = tuple(sites)

    @classmethod
    def install(
        cls, unet: nn.Module, sites: Iterable[str] | None = None, token_width: int | None = None
    ) -> "AudioAdapter":
        """Add fresh audio branches to a UNet, in place; untrained, they change nothing.

        Args:
            unet: a diffusers `UNet2DConditionModel`.
            sites: module paths of transformer blocks; by default `default_sites(unet)`.
            token_width: width of the audio tokens; by default that of the UNet's text tokens.

        Raises:
            ModelError: if the UNet has an adapter already, is of another kind, or lacks a site.
        """
        blocks = _transformer_blocks(unet)
        chosen = tuple(default_sites(unet) if sites is None else sites)
        _check(blocks, chosen)
        for path, block in blocks.items():
            _set_class(block, BasicTransformerBlock)
            block.audio_site = path
        config: Any = unet.config
        width = config.cross_attention_dim if token_width is None else token_width
        for path in chosen:
            block = blocks[path]
            branch = GatedAudioAttention(block.dim, width, block.attn1.heads)
            like = block.attn1.to_q.weight
            block.add_module(BRANCH, branch.to(device=like.device, dtype=like.dtype))
        return cls(unet, chosen)

    @classmethod
    def of(cls, unet: nn.Module) -> "AudioAdapter":
        """Return the adapter that a UNet already has, for example that of a copy.

        Raises:
            ModelError: if it has none.
        """
        sites = [path for path, block in _transformer_blocks(unet).items() if hasattr(block, BRANCH)]
        if not sites:
            raise ModelError("This UNet has no audio adapter. Install one with AudioAdapter.install(unet).")
        return cls(unet, sites)

    @property
    def branches(self) -> dict[str, GatedAudioAttention]:
        """The audio layers by module path of their block."""
        return {path: getattr(self.unet.get_submodule(path), BRANCH) for path in self.sites}

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
        """Take the branches out of the UNet and give its blocks their own class back."""
        for path, block in _transformer_blocks(self.unet).items():
            if path in self.sites:
                delattr(block, BRANCH)
            if type(block) is BasicTransformerBlock:
                del block.audio_site
                _set_class(block, attention.BasicTransformerBlock)

    @contextmanager
    def removed(self) -> Iterator[nn.Module]:
        """Lend out the bare base model, for example to save it, then put the same branches back."""
        branches = self.branches
        self.remove()
        try:
            yield self.unet
        finally:
            for path, block in _transformer_blocks(self.unet).items():
                _set_class(block, BasicTransformerBlock)
                block.audio_site = path
                if path in branches:
                    block.add_module(BRANCH, branches[path])

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


def _transformer_blocks(unet: nn.Module) -> dict[str, Any]:
    """Return every transformer block of a UNet by module path, in the order of computation's definition."""
    return {
        path: module for path, module in unet.named_modules() if isinstance(module, attention.BasicTransformerBlock)
    }


def _set_class(block: Any, kind: type[nn.Module]) -> None:
    block.__class__ = kind


def _check(blocks: Mapping[str, Any], sites: tuple[str, ...]) -> None:
    """Refuse to install where the branch would not work."""
    if any(hasattr(block, BRANCH) for block in blocks.values()):
        raise ModelError("This UNet has an audio adapter already. Remove it first, or use AudioAdapter.of(unet).")
    for path, block in blocks.items():
        if type(block) is not attention.BasicTransformerBlock or block.norm_type != "layer_norm" or block.pos_embed:
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


def _strength_at(site: str, strength: Strength) -> float | Tensor:
    """Return the strength for one site, ready to broadcast to (batch, positions, channels).

    Sites that a mapping does not name are off.
    """
    if isinstance(strength, Mapping):
        strength = strength.get(site, 0.0)
    if isinstance(strength, Tensor) and strength.ndim == 1:
        return strength[:, None, None]  # one number for each row of the batch
    return strength
