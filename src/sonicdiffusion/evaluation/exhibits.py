"""The best, the median and the worst pictures of a measurement, kept with their sounds for the report's page."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import soundfile
from numpy.typing import NDArray
from PIL import Image

from sonicdiffusion.audio.resample import resample
from sonicdiffusion.values import Waveform

_PER_RANK = 3
_MP3_RATE = 32_000
_MP3_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, _MP3_RATE, 44_100, 48_000)
_LONGEST_SECONDS = 20.0


@dataclass(frozen=True)
class Exhibit:
    """One picture to look at.

    Args:
        trial: its name, as in the records.
        picture: PNG.
        score: by which it was ranked, larger being better.
        asked: what it should show.
        seen: what was found in it.
        seed: of its noise.
        prompt: the text beside the sound.
        sound: MP3, empty where the recording must stay private.
    """

    trial: str
    picture: bytes
    score: float
    asked: str
    seen: str
    seed: int
    prompt: str = ""
    sound: bytes = b""


@dataclass(frozen=True)
class Exhibits:
    """What measurements have to show, by measurement and rank; no more than nine pictures of each are kept."""

    shown: dict[str, dict[str, list[Exhibit]]] = field(default_factory=dict)

    def collect(
        self, measurement: str, scores: Sequence[float] | NDArray[np.floating], show: Callable[[int], Exhibit]
    ) -> None:
        """Keep the best, median and worst of a measurement.

        Args:
            measurement: its name in the report, keys joined by dots.
            scores: one a trial, larger being better; of equal ones the earlier trial counts as better.
            show: makes the exhibit of the trial with this number; called for those alone that are kept.
        """
        order = np.argsort(-np.asarray(scores), kind="stable").tolist()
        count = min(_PER_RANK, len(order) // 3)
        middle = (len(order) - count) // 2
        ranks = {
            "best": order[:count],
            "median": order[middle : middle + count],
            "worst": order[len(order) - count :][::-1],
        }
        if count:
            self.shown[measurement] = {rank: [show(index) for index in numbers] for rank, numbers in ranks.items()}


def png(picture: NDArray[np.uint8]) -> bytes:
    """Return a picture (height, width, 3) as PNG, the same bytes each time."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def mp3(sound: Waveform) -> bytes:
    """Return the first twenty seconds of a sound as MP3, which every browser plays; the same bytes each time.

    Rates that MP3 does not have become 32 kHz.
    """
    rate = sound.sample_rate if sound.sample_rate in _MP3_RATES else _MP3_RATE
    start = Waveform(sound.samples[: int(_LONGEST_SECONDS * sound.sample_rate)], sound.sample_rate)
    stream = io.BytesIO()
    soundfile.write(stream, np.clip(resample(start, rate).samples, -1.0, 1.0), rate, format="MP3")
    return stream.getvalue()
