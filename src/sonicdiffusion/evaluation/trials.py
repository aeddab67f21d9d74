"""What is asked of a model, and who answers: trials, and contenders that make a picture for each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sonicdiffusion.errors import ConfigError
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


def answer_of_model(bench: Bench, trials: Sequence[Trial]) -> Pictures:
    """Return the model's own pictures, at its default settings.

    Raises:
        ConfigError: if the seeds of the trials are not consecutive.
    """
    seeds = [trial.seed for trial in trials]
    if seeds != list(range(seeds[0], seeds[0] + len(seeds))):
        raise ConfigError("Trials are answered in order of their seeds, without gaps. Sort them.")
    sounds, prompts = [trial.sound for trial in trials], [trial.prompt for trial in trials]
    return bench.generate("pictures of the data set", sounds, prompts, first_seed=seeds[0])
