"""The bench on which a model is measured: fixed scenes, pictures made at default settings, a judge.

Pictures are kept in the cache folder under a key of everything they depend on, so that an interrupted evaluation
goes on where it was, and a second one judges the same pictures at once. Several processes given the same command share
the work: who makes a file holds its lock, the others make the next, and what a dead process held is free again.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from sonicdiffusion._version import __version__
from sonicdiffusion.data.shards import cache_folder
from sonicdiffusion.errors import ModelError
from sonicdiffusion.evaluation.exhibits import Exhibits
from sonicdiffusion.evaluation.judge import Judge
from sonicdiffusion.evaluation.seeds import EDITED, HEARD, SEEN
from sonicdiffusion.pipelines.audio_prompt import AudioPrompt
from sonicdiffusion.pipelines.generate import GenerationPipeline
from sonicdiffusion.soundscapes.captions import describe_place
from sonicdiffusion.soundscapes.picture.paint import paint
from sonicdiffusion.soundscapes.scene import EVENTS, PLACES, Scene, sample_scene
from sonicdiffusion.soundscapes.sound.synthesis import synthesise
from sonicdiffusion.values import Waveform

Pictures = NDArray[np.uint8]

CHUNK = 20
"""Pictures kept in one file."""


@dataclass(frozen=True)
class Bench:
    """What is measured, by whom and how much of it.

    Args:
        pipeline: the model, used at its default settings.
        judge: tells what pictures show.
        num_pictures: pictures of the main measurements; the others take a fixed share of it.
        is_fresh: whether kept pictures are made again.
        on_progress: called with what is being done, pictures done and pictures in all.
        exhibits: takes what measurements have to show.
    """

    pipeline: GenerationPipeline
    judge: Judge
    num_pictures: int = 500
    is_fresh: bool = False
    on_progress: Callable[[str, int, int], None] | None = None
    exhibits: Exhibits = field(default_factory=Exhibits)
    _fingerprint: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.pipeline.components.hearing is None:
            raise ModelError(f"The model {self.pipeline.components.name!r} has no audio adapter to measure.")

    @property
    def fingerprint(self) -> str:
        """The digest of all weights and default settings: of what is measured, wherever it lies."""
        if not self._fingerprint:
            self._fingerprint.append(model_fingerprint(self.pipeline))
        return self._fingerprint[0]

    def generate(
        self,
        doing: str,
        sounds: Sequence[Waveform],
        prompts: Sequence[str] | None = None,
        *,
        first_seed: int = HEARD.start,
        audio_strength: float = 1.0,
        masks: NDArray[np.float32] | None = None,
    ) -> Pictures:
        """Make a picture of each sound, with consecutive seeds.

        Args:
            doing: what the progress is called.
            sounds: recordings.
            prompts: one for each sound; none at all if left out.
            first_seed: of the first picture.
            audio_strength: factor of the audio branch.
            masks: where each sound acts, (sounds, height, width); everywhere if left out.

        Returns:
            Pictures, shape (sounds, height, width, 3).
        """
        texts = [""] * len(sounds) if prompts is None else list(prompts)

        def chunk(start: int, is_waiting: bool) -> Pictures | None:
            part = slice(start, start + CHUNK)
            mask = None if masks is None else masks[part]
            return self._chunk(list(sounds[part]), texts[part], first_seed + start, audio_strength, mask, is_waiting)

        chunks: dict[int, Pictures | None] = dict.fromkeys(range(0, len(sounds), CHUNK))
        for is_waiting in (False, True):  # first what nobody else is at, then what others have made meanwhile
            for start in [start for start, made in chunks.items() if made is None]:
                self.report(doing, start, len(sounds))
                chunks[start] = chunk(start, is_waiting)
        self.report(doing, len(sounds), len(sounds))
        return np.concatenate([made for made in chunks.values() if made is not None])

    def reconstruct(self, pictures: Pictures) -> Pictures:
        """Send pictures through the model's autoencoder and back."""
        parts: list[Pictures] = []
        for start in range(0, len(pictures), CHUNK):
            latents = self.pipeline.components.encode_pictures(pictures[start : start + CHUNK])
            parts += [np.asarray(image) for image in self.pipeline.components.decode_latents(latents)]
        return np.stack(parts)

    def _chunk(
        self,
        sounds: list[Waveform],
        prompts: list[str],
        seed: int,
        audio_strength: float,
        mask: NDArray[np.float32] | None,
        is_waiting: bool,
    ) -> Pictures | None:
        heard = [hashlib.sha256(s.samples.tobytes() + str(s.sample_rate).encode()).hexdigest() for s in sounds]
        where = [] if mask is None else [hashlib.sha256(mask.tobytes()).hexdigest()]
        request = json.dumps([heard, prompts, seed, audio_strength, *where]).encode()

        def make() -> Pictures:
            prompt = AudioPrompt(sounds, mask=mask)
            result = self.pipeline(prompt, prompts, seed=seed, audio_strength=audio_strength, batch_size=CHUNK)
            return np.stack([np.asarray(image) for image in result.images])

        return self._kept(request, make, is_waiting)

    def keep(self, request: bytes, make: Callable[[], Pictures]) -> Pictures:
        """Return what an earlier run has made for a request to this model, or make it and keep it."""
        pictures = self._kept(request, make, is_waiting=True)
        assert pictures is not None  # who waits gets them
        return pictures

    def _kept(self, request: bytes, make: Callable[[], Pictures], is_waiting: bool) -> Pictures | None:
        """Return the same, or None if another process is at it and this one does not wait."""
        path = cache_folder() / "evaluation" / self.fingerprint[:16] / f"{hashlib.sha256(request).hexdigest()[:32]}.npy"
        if path.exists() and not self.is_fresh:
            return np.load(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_suffix(".lock"), timeout=-1 if is_waiting else 0)
        try:
            with lock:
                if path.exists() and not self.is_fresh:  # another process has made it meanwhile
                    return np.load(path)
                pictures = make()
                scratch = path.with_name(f".{path.stem}.{os.getpid()}.npy")
                np.save(scratch, pictures)
                scratch.replace(path)
        except Timeout:
            return None
        return pictures

    def report(self, doing: str, done: int, total: int) -> None:
        """Tell whoever wants to know how far it is."""
        if self.on_progress is not None:
            self.on_progress(doing, done, total)


def model_fingerprint(pipeline: GenerationPipeline) -> str:
    """Return the SHA-256 of all weights and default settings of a model."""
    parts, digest = pipeline.components, hashlib.sha256(__version__.encode())
    networks = [parts.unet, parts.vae, parts.text_encoder]
    if parts.hearing is not None:
        digest.update(repr(parts.hearing.config).encode())
        networks += [parts.hearing.encoder, parts.hearing.projector, parts.hearing.adapter]
    digest.update(json.dumps(dict(parts.scheduler.config), default=str, sort_keys=True).encode())
    for network in networks:
        for name, value in sorted(network.state_dict().items()):
            digest.update(name.encode())
            digest.update(value.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def heard_scenes(count: int, first: int = 0) -> list[Scene]:
    """Return held-out scenes with one event each, whose sounds a model is given; events and places in turn."""
    return _scenes(HEARD.start + first, count)


def seen_scenes(count: int, first: int = 0) -> list[Scene]:
    """Return other held-out scenes of the same kind, whose true pictures are compared with."""
    return _scenes(SEEN.start + first, count)


def edited_scenes(count: int) -> list[Scene]:
    """Return held-out scenes whose pictures without their event are edited by their sounds."""
    return _scenes(EDITED.start, count)


def _scenes(start: int, count: int) -> list[Scene]:
    return [
        sample_scene(start + i, event=EVENTS[i % len(EVENTS)], place=PLACES[(i // len(EVENTS) + i) % len(PLACES)])
        for i in range(count)
    ]


def trial_names(scenes: Iterable[Scene]) -> list[str]:
    """Return the name by which each scene's trial is known in every report."""
    return [f"scene {scene.seed}" for scene in scenes]


def sounds_of(scenes: Iterable[Scene]) -> list[Waveform]:
    """Return the recording of each scene."""
    return [_sound(scene) for scene in scenes]


def pictures_of(scenes: Iterable[Scene]) -> Pictures:
    """Return the true picture of each scene."""
    return np.stack([_picture(scene) for scene in scenes])


# Several measurements share their scenes; a clip takes 0.3 MB.
@lru_cache(maxsize=512)
def _sound(scene: Scene) -> Waveform:
    return synthesise(scene)


@lru_cache(maxsize=1024)
def _picture(scene: Scene) -> Pictures:
    return paint(scene).image


def place_prompts(scenes: Iterable[Scene], *, held_out: bool = False) -> list[str]:
    """Return a phrase for each scene's place, in training's words or in others."""
    return [describe_place(scene.place, scene.random("prompt"), held_out=held_out) for scene in scenes]
