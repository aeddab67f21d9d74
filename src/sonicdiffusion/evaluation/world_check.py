"""The thumbnail test: events must be things in the picture, not tints that 8 x 8 pixels give away.

Run it by `python -m sonicdiffusion.evaluation.world_check`.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sonicdiffusion.evaluation.linear import LinearClassifier
from sonicdiffusion.evaluation.seeds import WORLD_CHECK
from sonicdiffusion.metrics.intervals import share_right
from sonicdiffusion.soundscapes.picture.paint import paint
from sonicdiffusion.soundscapes.scene import EVENTS, sample_scene

THUMBNAIL = 8
_PENALTIES = (0.1, 0.03, 0.01, 0.003, 0.001)


def thumbnail(seed: int) -> NDArray[np.float32]:
    """Return a scene with the event number `seed % 12` as 8 x 8 colours in [0, 1], shape (192,)."""
    image = paint(sample_scene(seed, event=EVENTS[seed % len(EVENTS)]), size=128).image
    small = cv2.resize(image, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
    return (small.astype(np.float32) / 255.0).ravel()


def check_world(num_training: int = 6000, num_held_out: int = 1500, workers: int | None = None) -> dict[str, Any]:
    """Measure how well thumbnails tell the event.

    The classifier gets every help: its penalty is the one that does best on the held-out scenes themselves.

    Args:
        num_training: scenes to learn from.
        num_held_out: scenes to measure on.
        workers: worker processes; one for each processor unless given, none besides this one if 1.

    Returns:
        Plain values: `accuracy` with its interval, and `recall` by event. Chance is 1 in 12.
    """
    seeds = range(WORLD_CHECK.start, WORLD_CHECK.start + num_training + num_held_out)
    if workers == 1:
        features = np.stack([thumbnail(seed) for seed in seeds])
    else:
        with ProcessPoolExecutor(workers) as pool:
            features = np.stack(list(pool.map(thumbnail, seeds, chunksize=50)))
    classes = np.array([seed % len(EVENTS) for seed in seeds])
    truth = classes[num_training:]
    found = max(
        (
            LinearClassifier(features[:num_training], classes[:num_training], len(EVENTS), penalty).predict(
                features[num_training:]
            )
            for penalty in _PENALTIES
        ),
        key=lambda one: float((one == truth).mean()),
    )
    recall = {name: float((found[truth == index] == index).mean()) for index, name in enumerate(EVENTS)}
    return {"accuracy": asdict(share_right(found == truth)), "recall": recall}


def main() -> None:
    """Run the thumbnail test and say what came out."""
    result = check_world()
    accuracy = result["accuracy"]
    lines = [f"{name:22s} {share:.2f}" for name, share in sorted(result["recall"].items(), key=lambda item: -item[1])]
    lines.append(
        f"accuracy {accuracy['value']:.3f} ({accuracy['low']:.3f} to {accuracy['high']:.3f}); below 0.6 is good"
    )
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
