"""Measure the memory that `sonicdiffusion prepare` takes for small and large sources of made-up pairs.

python examples/prepare_memory.py 300 3000 30000
python examples/prepare_memory.py 128 512 --size 512 --seconds 10
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import soundfile

from sonicdiffusion.data.prepare import prepare
from sonicdiffusion.data.prepared import PreparedData
from sonicdiffusion.data.settings import PrepareSettings

RATE = 48_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("counts", type=int, nargs="+", help="numbers of pairs")
    parser.add_argument("--size", type=int, default=32, help="side of the pictures, in pixels")
    parser.add_argument("--seconds", type=float, default=0.2, help="length of the sounds")
    parser.add_argument("--source", type=Path, help="measure this source, in this process")
    options = parser.parse_args()
    if options.source is not None:
        measure(options.source)
        return
    print("clips    MB of the program    MB of its largest worker    clips a second")
    for count in options.counts:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "source"
            write_source(source, count, options.size, options.seconds)
            # A process of its own, since a peak cannot be set back.
            subprocess.run([sys.executable, __file__, str(count), "--source", str(source)], check=True)


def write_source(folder: Path, count: int, size: int, seconds: float) -> None:
    """Write pairs of noise, no two of them alike, in ten classes."""
    rng = np.random.default_rng(0)
    for index in range(count):
        place = folder / f"class {index % 10}"
        place.mkdir(parents=True, exist_ok=True)
        picture = cv2.resize(rng.integers(0, 256, (16, 16, 3), np.uint8), (size, size), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(place / f"{index}.png"), picture)
        soundfile.write(place / f"{index}.wav", rng.normal(0, 0.1, round(seconds * RATE)), RATE)


def measure(source: Path) -> None:
    """Prepare a source with one worker and print a row."""
    started = time.monotonic()
    target = source.with_name("made")
    for _ in prepare(source, target, PrepareSettings(), workers=1):
        pass
    count, seconds = len(PreparedData(target)), time.monotonic() - started
    scale = 1024 if sys.platform == "linux" else 1  # kilobytes there, bytes on macOS
    own, worker = (
        resource.getrusage(who).ru_maxrss * scale / 1e6 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    print(f"{count:6d} {own:15.1f} {worker:25.1f} {count / seconds:20.0f}", flush=True)


if __name__ == "__main__":
    main()
