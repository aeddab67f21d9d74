"""Loss curves of a run, for TensorBoard where it is installed."""

from importlib.util import find_spec
from pathlib import Path


class Tracker:
    """Write named numbers for each step to the run's folder.

    Args:
        folder: the run's folder; the curves go to `curves` in it. Without TensorBoard nothing is written.
        every: steps between two points of a curve.
    """

    def __init__(self, folder: Path, every: int = 10) -> None:
        self._every, self._writer = every, None
        if find_spec("tensorboard"):
            from torch.utils.tensorboard.writer import SummaryWriter

            self._writer = SummaryWriter(str(folder / "curves"))

    def log(self, step: int, numbers: dict[str, float]) -> None:
        """Add one point to each curve."""
        if self._writer is not None and step % self._every == 0:
            for name, value in numbers.items():
                self._writer.add_scalar(name, value, step)
