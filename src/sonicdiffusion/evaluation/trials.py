"""What is asked of a model, and who answers: trials, and contenders that make a picture for each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sonicdiffusion.evaluation.bench import Bench, Pictures
from sonicdiffusion.values import Waveform


@dataclass(frozen=True, eq=False)
class Trial:
    """One picture to be made.

    Args:
        name: names the trial in reports, the same wherever it is asked; two reports are compared by it.
        sound: what is heard.
        class_name: what the sound is of.
        seed: chooses the noise.
        prompt: the text beside the sound.
    """

    name: str
    sound: Waveform
    class_name: str
    seed: int
    prompt: str = ""


Contender = Callable[[Bench, Sequence[Trial]], Pictures]
"""From a bench and trials to pictures, (trials, height, width, 3)."""
