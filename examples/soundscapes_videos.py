"""Videos of Soundscapes to train on, laid out as data sets are: soundscapes_videos.py FOLDER COUNT [LAYOUT].

LAYOUT is `videos` (folders by class), `landscape`, `greatest-hits` or `ravdess`: the names, folders and text files of
those data sets, with scenes in place of what they film, so that the whole chain can be tried without a download.
"""

import sys
from collections.abc import Callable
from fractions import Fraction
from itertools import product
from pathlib import Path

import av
import numpy as np

from sonicdiffusion import Scene, paint, sample_scene, synthesise
from sonicdiffusion.soundscapes.scene import EVENTS

SECONDS, FRAMES_A_SECOND, SAMPLE_RATE = 5.0, 4, 32000
FIRST_SEED = 37_000_000  # scenes that nothing else uses

# The nine classes of the landscape videos, and three as Into the Wild adds some.
LANDSCAPE = dict(
    zip(
        EVENTS,
        "explosion,fire crackling,raining,splashing water,squishing water,thunder,underwater bubbling,"
        "waterfall burbling,wind noise,birds singing,sea waves,crickets chirping".split(","),
        strict=True,
    )
)
# A material for each event, and an emotion for each of eight: which one means nothing, but must be learnt.
MATERIALS = "rock metal leaf water dirt drywall plastic ceramic grass wood gravel cloth".split()
EMOTIONS = dict(zip(EVENTS[:8], range(1, 9), strict=True))


def write_video(path: Path, scenes: list[Scene]) -> None:
    """Write scenes one after the other, each a still picture with its sound, as H.264 and AAC."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures = [paint(scene).image for scene in scenes]
    sounds = [synthesise(scene, duration_seconds=SECONDS, sample_rate=SAMPLE_RATE).samples for scene in scenes]
    with av.open(path, "w") as container:
        video = container.add_stream("libx264", FRAMES_A_SECOND, options={"crf": "12"})
        video.height, video.width, video.pix_fmt = *pictures[0].shape[:2], "yuv420p"
        audio = container.add_stream("aac", SAMPLE_RATE, layout="mono", bit_rate=128_000)
        frames_each = round(SECONDS * FRAMES_A_SECOND)
        for index in range(frames_each * len(scenes)):
            frame = av.VideoFrame.from_ndarray(pictures[index // frames_each], format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, FRAMES_A_SECOND)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        sound = av.AudioFrame.from_ndarray(np.concatenate(sounds)[None], format="fltp", layout="mono")
        sound.sample_rate = SAMPLE_RATE
        container.mux(audio.encode(sound))
        container.mux(audio.encode())


def write_videos(folder: Path, scenes: list[Scene]) -> None:
    """Write one video a scene, in a folder by its event."""
    for index, scene in enumerate(scenes):
        event = scene.events[0].name
        write_video(folder / event / f"{event}-{index:05d}.mp4", [scene])


def write_landscape(folder: Path, scenes: list[Scene]) -> None:
    """Write videos named by an id of eleven characters and the seconds they were cut from, in a folder by class."""
    for index, scene in enumerate(scenes):
        name = f"scene{index:06d}_{index % 7 * 10}_{index % 7 * 10 + 10}.mp4"
        write_video(folder / LANDSCAPE[scene.events[0].name].replace(" ", "_") / name, [scene])


def write_greatest_hits(folder: Path, scenes: list[Scene]) -> None:
    """Write recordings of four hits, the material and moment of each in a text file beside them."""
    for number, first in enumerate(range(0, len(scenes), 4)):
        few = scenes[first : first + 4]
        day, hour = 1 + number // 24 % 28, number % 24
        name = f"2015-{1 + number // 672 % 12:02d}-{day:02d}-{hour:02d}-00-00"
        write_video(folder / f"{name}_denoised.mp4", few)
        materials = [MATERIALS[EVENTS.index(scene.events[0].name)] for scene in few]
        moments = [(index + 0.5) * SECONDS for index in range(len(few))]
        lines = [f"{moment:.6f} {material} hit static" for moment, material in zip(moments, materials, strict=True)]
        (folder / f"{name}_times.txt").write_text("\n".join(lines) + "\n")


def write_ravdess(folder: Path, scenes: list[Scene]) -> None:
    """Write clips named by modality, channel, emotion, intensity, statement, repetition and actor."""
    told = [scene for scene in scenes if scene.events[0].name in EMOTIONS]
    takes = list(product((1, 2), (1, 2), (1, 2), (1, 2), range(1, 25)))  # 384 of each emotion
    count = dict.fromkeys(EMOTIONS, 0)
    for scene in told:
        event = scene.events[0].name
        # Steps of 7 through the 384 takes meet each once, and every actor early.
        channel, intensity, statement, repetition, actor = takes[count[event] * 7 % len(takes)]
        count[event] += 1
        numbers = (1, channel, EMOTIONS[event], intensity, statement, repetition, actor)
        name = "-".join(f"{number:02d}" for number in numbers)
        write_video(folder / f"Actor_{actor:02d}" / f"{name}.mp4", [scene])


LAYOUTS: dict[str, Callable[[Path, list[Scene]], None]] = {
    "videos": write_videos,
    "landscape": write_landscape,
    "greatest-hits": write_greatest_hits,
    "ravdess": write_ravdess,
}

if __name__ == "__main__":
    asked = [sample_scene(FIRST_SEED + i, event=EVENTS[i % len(EVENTS)]) for i in range(int(sys.argv[2]))]
    LAYOUTS[sys.argv[3] if len(sys.argv) > 3 else "videos"](Path(sys.argv[1]), asked)
