"""Change of sample rate."""

import soxr

from sonicdiffusion.errors import AudioError
from sonicdiffusion.values import Waveform


def resample(waveform: Waveform, sample_rate: int) -> Waveform:
    """Convert a waveform to another sample rate with a band-limited filter.

    Args:
        waveform: any recording.
        sample_rate: the wanted rate in hertz.

    Returns:
        The same sound at `sample_rate`; the very same object if it has that rate already.

    Raises:
        AudioError: if the rate is not positive, or the clip is too short to leave one sample at it.

    Source: libsoxr, quality "VHQ" (28 bits), linear phase.
    """
    if sample_rate <= 0:
        raise AudioError(f"The sample rate must be positive, got {sample_rate} Hz.")
    if sample_rate == waveform.sample_rate:
        return waveform
    samples = soxr.resample(waveform.samples, waveform.sample_rate, sample_rate, quality="VHQ")
    return Waveform(samples, sample_rate)
