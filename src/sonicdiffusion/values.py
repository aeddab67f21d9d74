"""The values that pass between the parts: frozen, with their units."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sonicdiffusion.errors import AudioError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Waveform:
    """A mono recording together with its sample rate.

    Args:
        samples: float32 amplitudes, shape (samples,), nominally in [-1, 1]; made read-only.
        sample_rate: samples a second, in hertz.

    Raises:
        AudioError: if the samples are not one-dimensional, are empty or not finite, or the rate is not positive.
    """

    samples: "NDArray[np.float32]"
    sample_rate: int

    def __post_init__(self) -> None:
        samples = np.array(self.samples, dtype=np.float32)
        if samples.ndim != 1:
            raise AudioError(
                f"A waveform is mono, shape (samples,); got shape {samples.shape}. Average the channels first."
            )
        if samples.size == 0:
            raise AudioError("The recording is empty. Pass a clip that holds sound.")
        if not np.isfinite(samples).all():
            raise AudioError("The recording contains NaN or infinite samples. Export it again and retry.")
        if self.sample_rate <= 0:
            raise AudioError(f"The sample rate must be positive, got {self.sample_rate} Hz.")
        samples.flags.writeable = False
        object.__setattr__(self, "samples", samples)
        object.__setattr__(self, "sample_rate", int(self.sample_rate))

    @property
    def duration_seconds(self) -> float:
        """The length of the clip in seconds."""
        return self.samples.size / self.sample_rate
