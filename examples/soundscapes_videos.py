"""Videos of Soundscapes in folders by class, a data set to train on: soundscapes_videos.py FOLDER COUNT."""

import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from sonicdiffusion import paint, sample_scene, synthesise
from sonicdiffusion.soundscapes.scene import EVENTS

SECONDS, FRAMES_A_SECOND, SAMPLE_RATE = 5.0, 4, 32000
FIRST_SEED = 37_000_000  # scenes that nothing else uses


def write_video(path: Path, picture: np.ndarray, samples: np.ndarray) -> None:
    """Write a still picture (height, width, 3) with its sound (samples,) as H.264 and AAC."""
    with av.open(path, "w") as container:
        video = container.add_stream("libx264", FRAMES_A_SECOND, options={"crf": "12"})
        video.width, video.height, video.pix_fmt = picture.shape[1], picture.shape[0], "yuv420p"
        audio = container.add_stream("aac", SAMPLE_RATE, layout="mono", bit_rate=128_000)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        for index in range(round(SECONDS * FRAMES_A_SECOND)):
            frame.pts, frame.time_base = index, Fraction(1, FRAMES_A_SECOND)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        sound = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        sound.sample_rate = SAMPLE_RATE
        container.mux(audio.encode(sound))
        container.mux(audio.encode())


folder = Path(sys.argv[1])
for index in range(int(sys.argv[2])):
    event = EVENTS[index % len(EVENTS)]
    scene = sample_scene(FIRST_SEED + index, event=event)
    path = folder / event / f"{event}-{index:05d}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    sound = synthesise(scene, duration_seconds=SECONDS, sample_rate=SAMPLE_RATE)
    write_video(path, paint(scene).image, sound.samples)
