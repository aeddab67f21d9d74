"""How much memory an evaluation on a data set takes: the same for 1,000 pictures as for 50,000.

Run it as `python examples/evaluation_memory.py DATA [COUNT ...]` with a folder of `sonicdiffusion prepare`. Pictures
are noise, so that no time goes into making them; everything after that is as ever.
"""

import subprocess
import sys
import time
from collections.abc import Sequence

import numpy as np

from sonicdiffusion.data.prepared import PreparedData
from sonicdiffusion.evaluation.bench import Bench, Pictures
from sonicdiffusion.evaluation.cost import peak_memory_gigabytes
from sonicdiffusion.evaluation.dataset import measure_on_data
from sonicdiffusion.evaluation.extractors.choice import choose_extractors
from sonicdiffusion.evaluation.judge import Judge
from sonicdiffusion.evaluation.protocol import make_protocol
from sonicdiffusion.evaluation.trials import Trial
from sonicdiffusion.pipelines.generate import GenerationPipeline


def noise(_bench: Bench, trials: Sequence[Trial]) -> Pictures:
    """Answer with noise."""
    return np.random.default_rng(trials[0].seed).integers(0, 256, (len(trials), 128, 128, 3), np.uint8)


def measure(folder: str, count: int) -> None:
    """Evaluate `count` pictures and print time and memory."""
    data = PreparedData(folder)
    protocol = make_protocol(data, clips_per_class=5)
    protocol = make_protocol(data, clips_per_class=5, seeds_per_clip=round(count / len(protocol.clips)))
    bench = Bench(GenerationPipeline.from_pretrained("mini", device="cpu"), Judge.load())
    before, started = peak_memory_gigabytes(), time.perf_counter()
    found = measure_on_data(bench, data, protocol, choose_extractors(bench.judge), noise)
    took, peak = time.perf_counter() - started, peak_memory_gigabytes()
    print(f"{found['pictures']} pictures: {took:.0f} s, {before:.2f} GB when loaded, {peak:.2f} GB at the peak")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        measure(sys.argv[1], int(sys.argv[2]))
    else:  # each in a process of its own, since a peak never goes down
        for number in sys.argv[2:] or ["1000", "50000"]:
            subprocess.run([sys.executable, __file__, sys.argv[1], number], check=True)
