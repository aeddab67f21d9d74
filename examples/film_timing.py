"""Is a clap of thunder seen when it is heard? `python examples/film_timing.py [CLIPS]`, about 15 seconds a clip."""

import sys
import time
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np

from sonicdiffusion import Waveform
from sonicdiffusion.evaluation.judge import Judge
from sonicdiffusion.pipelines.animate import AnimationPipeline
from sonicdiffusion.soundscapes.scene import EVENTS
from sonicdiffusion.soundscapes.sound.events import event_clip

FIRST_SEED, RATE, SECONDS, FRAMES = 2_000_200_000, 16_000, 6, 12

pipeline, judge = AnimationPipeline.from_pretrained("mini", device="cpu"), Judge.load()
right, ratios, began, made = [], [], time.perf_counter(), 0
for number in range(int(sys.argv[1]) if len(sys.argv) > 1 else 12):
    rng = np.random.default_rng(FIRST_SEED + number)
    at = float(rng.uniform(1.0, 4.0))
    thunder = event_clip("thunder", 0.8, rng, 5.0, RATE).samples
    first = int(np.argmax(np.abs(thunder) > 0.3))  # the clap itself
    samples = rng.normal(0, 0.002, SECONDS * RATE)
    tail = thunder[first : first + samples.size - round(at * RATE)]
    samples[round(at * RATE) :][: tail.size] += 0.7 * tail
    with TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        pipeline(Waveform(samples, RATE), path, "a village at night", seed=number, key_rate=0.5, frame_rate=FRAMES)
        with av.open(str(path)) as film:
            pictures = np.stack([frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)])
    made += len(pictures)
    verdict = judge.look(pictures)
    seen = verdict.events[:, EVENTS.index("thunder")] > 0.5
    times = np.arange(len(pictures)) / FRAMES
    before, within = seen[times < at - 1 / FRAMES], seen[(times >= at - 1 / FRAMES) & (times <= at + 0.25)]
    right.append(within.any() and not before.any())
    embeddings = verdict.embeddings
    order = rng.permutation(len(pictures))
    neighbours = np.mean([np.linalg.norm(embeddings[a] - embeddings[b]) for a, b in pairwise(range(len(order)))])
    shuffled = np.mean([np.linalg.norm(embeddings[a] - embeddings[b]) for a, b in pairwise(order)])
    ratios.append(neighbours / shuffled)
    print(f"clip {number}: clap at {at:.2f}, seen first at {times[seen][0] if seen.any() else 'no time'}")
print(f"seen within 0.25 seconds and not before: {sum(right)} of {len(right)}")
print(f"distance of neighbouring frames against shuffled ones: {np.mean(ratios):.2f}")
print(f"{made / (time.perf_counter() - began):.1f} frames a second, judging included")
