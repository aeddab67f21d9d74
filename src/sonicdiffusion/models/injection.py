"""Keeping a picture's layout: features of its own denoising replace those of the edited one.

Self-attention queries and keys say which places belong together, residual features what lies where. They are read and
replaced by hooks on stock modules, found by their paths, and leave no trace.

Source: Tumanyan et al. 2023, "Plug-and-Play Diffusion Features", arXiv 2211.12572, section 4.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from sonicdiffusion.errors import ModelError

Features = dict[str, Tensor]
"""By module path what the module gave for the source, (1, ...)."""


@dataclass(frozen=True)
class InjectionSites:
    """Where features are read and replaced, as UNet module paths.

    Args:
        attention: query and key layers of self-attention.
        residual: last convolutions of residual blocks.
    """

    attention: tuple[str, ...]
    residual: tuple[str, ...]

    @classmethod
    def of(cls, unet: nn.Module) -> "InjectionSites":
        """Find the published sites in a UNet, or what stands for them in another topology.

        Published for Stable Diffusion 1.x: self-attention of the up path but for its first layer, and the residual
        blocks beside the rest of the first block with attention. The rule finds exactly those there, and the
        corresponding ones in Stable Diffusion 2.x, XL and mini.

        Raises:
            ModelError: if the UNet has no self-attention in its up path.
        """
        names = dict(unet.named_modules())
        layers = [name for name in names if re.fullmatch(r"up_blocks\.\d+\.attentions\.\d+", name)]
        if not layers:
            raise ModelError("This UNet has no attention in its up path, so a picture's layout cannot be kept in it.")
        first = layers[0].rsplit(".attentions.", 1)[0]
        attention = [
            f"{name}.{part}"
            for name in names
            if name.endswith(".attn1") and any(name.startswith(f"{layer}.") for layer in layers[1:])
            for part in ("to_q", "to_k")
        ]
        residual = [name for name in names if re.fullmatch(rf"{re.escape(first)}\.resnets\.(?!0\.)\d+\.conv2", name)]
        return cls(tuple(attention), tuple(residual))


@dataclass
class Injection:
    """Hooks on a UNet, that read features or put them in place of the UNet's own.

    Args:
        unet: a diffusers `UNet2DConditionModel`.
        sites: where.
    """

    unet: nn.Module
    sites: InjectionSites
    _given: Mapping[str, Tensor] = field(default_factory=dict)

    @contextmanager
    def reading(self, paths: tuple[str, ...]) -> Iterator[Features]:
        """Read what modules give, as long as the context lasts; the first row of the last call is kept."""
        found: Features = {}

        def read(path: str) -> Callable[..., None]:
            def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
                found[path] = output[:1].detach().clone()

            return hook

        handles = [self.unet.get_submodule(path).register_forward_hook(read(path)) for path in paths]
        try:
            yield found
        finally:
            for handle in handles:
                handle.remove()

    @contextmanager
    def replacing(self) -> Iterator[None]:
        """Replace features by those of `use`, as long as the context lasts."""

        def replace(path: str) -> Callable[..., Tensor | None]:
            def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor | None:
                given = self._given.get(path)
                return None if given is None else given.to(output).expand_as(output)

            return hook

        paths = (*self.sites.attention, *self.sites.residual)
        handles = [self.unet.get_submodule(path).register_forward_hook(replace(path)) for path in paths]
        try:
            yield
        finally:
            self._given = {}
            for handle in handles:
                handle.remove()

    def use(self, features: Mapping[str, Tensor]) -> None:
        """Say which features replace the UNet's own from now on; paths that are not named keep their own."""
        self._given = features
