"""Limits on what one recording may cost to decode."""

import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sonicdiffusion.errors import AudioError
from sonicdiffusion.values import Waveform

# Beyond this no export of real sound goes: 16-bit integers written as floats reach 32768, 24-bit ones 8.4e6.
_MAX_AMPLITUDE = 1e7


@dataclass(frozen=True)
class DecodeLimits:
    """What one recording may cost; nothing that its header claims can exceed this.

    Time is looked at between blocks, so a single call into a decoder is not interrupted.

    Args:
        max_seconds: longest recording accepted.
        min_seconds: shortest recording accepted; a damaged file is used if this much can be decoded.
        max_samples: most mono samples kept, 4 bytes each; binds where a high rate makes `max_seconds` large.
        max_channels: most channels accepted.
        min_sample_rate: lowest sample rate accepted, in hertz.
        max_sample_rate: highest sample rate accepted, in hertz.
        max_bytes: largest file, or most bytes read from a stream; a stream is held in memory.
        max_decode_seconds: longest wall time spent decoding.
    """

    max_seconds: float = 600.0
    min_seconds: float = 0.02
    max_samples: int = 64_000_000
    max_channels: int = 64
    min_sample_rate: int = 1_000
    max_sample_rate: int = 768_000
    max_bytes: int = 512 * 1024 * 1024
    max_decode_seconds: float = 60.0

    def check_bytes(self, name: str, num_bytes: int) -> None:
        """Refuse a file that is empty or too large."""
        if num_bytes == 0:
            raise AudioError(f"{name} is empty (0 bytes). Pass a file that holds sound.")
        if num_bytes > self.max_bytes:
            raise AudioError(
                f"{name} is larger than the limit of {self.max_bytes:,} bytes. "
                "Cut out or compress the part you need, or raise max_bytes."
            )

    def check_stream(self, name: str, sample_rate: int, num_channels: int) -> None:
        """Refuse a sample rate or a number of channels out of bounds, before anything is decoded."""
        if not self.min_sample_rate <= sample_rate <= self.max_sample_rate:
            raise AudioError(
                f"{name} claims a sample rate of {sample_rate} Hz; expected {self.min_sample_rate} to "
                f"{self.max_sample_rate} Hz. Its header is probably damaged: export it again."
            )
        if not 1 <= num_channels <= self.max_channels:
            raise AudioError(
                f"{name} claims {num_channels} channels; expected 1 to {self.max_channels}. "
                "Mix it down to mono or stereo first."
            )


@dataclass
class BoundedSamples:
    """Mono samples of one recording, gathered block by block and checked as they come.

    Args:
        name: what the errors call the recording.
        limits: what it may cost.
        sample_rate: in hertz, already checked.
        claimed_seconds: the length by its header, used only to word an error; None if unknown.
    """

    name: str
    limits: DecodeLimits
    sample_rate: int
    claimed_seconds: float | None = None
    _blocks: list[NDArray[np.float32]] = field(default_factory=list)
    _num_samples: int = 0
    _started: float = field(default_factory=time.monotonic)

    @property
    def is_enough(self) -> bool:
        """Whether at least `min_seconds` have arrived."""
        return self._num_samples > 0 and self._num_samples >= self.limits.min_seconds * self.sample_rate

    @property
    def num_samples(self) -> int:
        """How many samples have arrived."""
        return self._num_samples

    def set_stream(self, sample_rate: int, num_channels: int) -> None:
        """Check what a decoded frame says; the first may correct the header.

        AAC with spectral band replication can decode to twice the rate that its header names.

        Raises:
            AudioError: if the frame is out of bounds, or the rate changes after the first samples.
        """
        self.limits.check_stream(self.name, sample_rate, num_channels)
        if self._num_samples and sample_rate != self.sample_rate:
            raise AudioError(
                f"{self.name} changes its sample rate on the way, from {self.sample_rate} to {sample_rate} "
                "Hz. Convert it to WAV first."
            )
        self.sample_rate = sample_rate

    def add(self, block: NDArray[np.float32]) -> None:
        """Append one block.

        Args:
            block: shape (samples, channels); its mean over the channels is kept.

        Raises:
            AudioError: if the block is not finite or absurdly loud, or if it passes a limit.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused below
            mono = block.mean(axis=1, dtype=np.float32) if block.shape[1] > 1 else block[:, 0].copy()
        peak = float(np.abs(mono).max(initial=0.0))  # NaN and infinity come through
        if not np.isfinite(peak):
            raise AudioError(f"{self.name} contains NaN or infinite samples. Export it again and retry.")
        if peak > _MAX_AMPLITUDE:
            raise AudioError(
                f"{self.name} reaches an amplitude of {peak:.3g}; expected about 1. "
                "Its sample format is probably mislabelled: export it again."
            )
        self._blocks.append(mono)
        self._num_samples += mono.size
        self._check_length()
        self.check_time()

    def check_time(self) -> None:
        """Refuse a recording that takes too long to decode."""
        if time.monotonic() - self._started > self.limits.max_decode_seconds:
            raise AudioError(
                f"{self.name} is not decoded after {self.limits.max_decode_seconds:g} seconds, the limit. "
                "Convert it to WAV or FLAC, or raise max_decode_seconds."
            )

    def finish(self) -> Waveform:
        """Return everything gathered.

        Raises:
            AudioError: if less than `min_seconds` arrived.
        """
        if not self.is_enough:
            raise AudioError(
                f"{self.name} holds {self._num_samples / self.sample_rate:.3f} seconds of sound that can be "
                f"decoded; expected at least {self.limits.min_seconds:g}. Pass a longer or intact recording."
            )
        return Waveform(np.concatenate(self._blocks), self.sample_rate)

    def _check_length(self) -> None:
        limits = self.limits
        if self._num_samples > limits.max_seconds * self.sample_rate:
            claimed = self.claimed_seconds or 0.0
            length = f"{claimed:.0f}" if claimed > limits.max_seconds else f"more than {limits.max_seconds:g}"
            raise AudioError(
                f"{self.name} is {length} seconds long; the limit is {limits.max_seconds:g} seconds. "
                "Cut out the part you need, or, in Python, raise DecodeLimits.max_seconds."
            )
        if self._num_samples > limits.max_samples:
            raise AudioError(
                f"{self.name} has more than {limits.max_samples:,} samples a channel, the limit, at "
                f"{self.sample_rate} Hz. Cut it, lower its sample rate, or raise max_samples."
            )
