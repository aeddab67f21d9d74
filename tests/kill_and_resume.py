"""Train in child processes that are killed at random moments, until one gets through; run by a test.

The parent imports everything once and forks, so that a life costs no more than its steps.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

import torch
from small_training import small_recipe

from sonicdiffusion.data.prepared import PreparedData
from sonicdiffusion.training.adapter import AdapterTraining


def live(data: Path, model: Path, folder: Path) -> None:
    training = AdapterTraining(PreparedData(data), small_recipe(model, stage2=STAGE2), folder)
    list(training.stage1())
    list(training.stage2())


def await_write(folder: Path) -> None:
    """Return when a checkpoint is being written, or after a second."""
    until = time.monotonic() + 1.0
    while time.monotonic() < until and not any(folder.glob("*/.writing-*/checkpoint.pt")):
        pass


def main(data: Path, model: Path, folder: Path, num_kills: int, seed: int) -> None:
    """Kill as often as asked, then let it finish; write how many of the kills fell into a write."""
    rng = random.Random(seed)
    kills = in_a_write = 0
    while True:
        child = os.fork()
        if not child:
            live(data, model, folder)
            os._exit(0)
        if kills < num_kills:
            time.sleep(rng.uniform(0.05, 0.6))
            if kills % 2:  # every other time as soon as a checkpoint is being written
                await_write(folder)
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            break
        kills += 1
        in_a_write += bool(list(folder.glob("*/.writing-*")))
    sys.stdout.write(f"{kills} {in_a_write} {os.waitstatus_to_exitcode(status)}\n")


if __name__ == "__main__":
    from dataclasses import replace

    torch.set_num_threads(1)
    model = Path(sys.argv[2])
    base = small_recipe(model).stage2
    STAGE2 = replace(base, loop=replace(base.loop, num_steps=60, accumulation=2))
    main(Path(sys.argv[1]), model, Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
