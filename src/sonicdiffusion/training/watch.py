"""Early warnings of a training that learns nothing, said once."""

import warnings

import numpy as np
import torch
from numpy.typing import NDArray

from sonicdiffusion.models.audio_adapter import AudioAdapter
from sonicdiffusion.training.loop import LoopSettings, Turn

_SAME = 1e-3  # share of the tokens' size below which they differ too little
_SHUT = 1e-4  # opening of a gate that lets nothing through


class _Watch:
    """Looks once, when a tenth of the steps are done."""

    def __init__(self, settings: LoopSettings) -> None:
        self._at = max(settings.warmup_steps, settings.num_steps // 10)

    def _is_time(self, turn: Turn) -> bool:
        return turn.step == self._at and turn.share == 0


class TokenWatch(_Watch):
    """Warns if the projector says the same of every sound."""

    def look(self, turn: Turn, tokens: torch.Tensor, classes: NDArray[np.integer]) -> None:
        """Look at the audio tokens (batch, tokens, width) of sounds of several classes."""
        if not self._is_time(turn) or len(np.unique(classes)) < 2:
            return
        spread = float(tokens.std(dim=0).mean() / tokens.abs().mean().clamp(min=1e-12))
        if spread < _SAME:
            warnings.warn(
                f"After {turn.step} steps the audio tokens of different sounds are the same (they differ by "
                f"{spread:.1e} of their size). Lower the learning rate, or raise contrast_weight.",
                stacklevel=2,
            )


class GateWatch(_Watch):
    """Warns if the audio layers stay shut.

    Args:
        settings: of the run.
        adapter: in training.
    """

    def __init__(self, settings: LoopSettings, adapter: AudioAdapter) -> None:
        super().__init__(settings)
        self._adapter = adapter

    def look(self, turn: Turn) -> None:
        """Look at the gates."""
        if not self._is_time(turn):
            return
        openings = [float(branch.gate.detach().tanh().abs().max()) for branch in self._adapter.branches.values()]
        if max(openings) < _SHUT:
            warnings.warn(
                f"After {turn.step} steps all gates of the audio layers are as good as shut (at most "
                f"{max(openings):.1e}). Raise the learning rate, or start them open by text_gate.",
                stacklevel=2,
            )
