"""Films that follow a sound.

    pipeline = AnimationPipeline.from_pretrained("mini")
    pipeline("storm.wav", "storm.mp4", prompt="a mountain village")

At every key moment a ladder of pictures is sampled from one noise, from strength 0 to 1. A frame is read between the
rungs by how much the sound does at that instant, and between key moments by time, in latents. So a clap is seen in its
own frame although key moments are seconds apart.
"""

import hashlib
import json
import math
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn.functional import normalize

from sonicdiffusion._version import __version__
from sonicdiffusion.audio.course import HOP_SECONDS, activity, loudness_db, onsets
from sonicdiffusion.audio.decode import decode
from sonicdiffusion.diffusion.guidance import Guidance
from sonicdiffusion.diffusion.sampling import initial_noise, sample
from sonicdiffusion.diffusion.walk import on_circle
from sonicdiffusion.errors import AudioError, ConfigError
from sonicdiffusion.pipelines.audio_prompt import AudioPrompt
from sonicdiffusion.pipelines.conditioning import Request
from sonicdiffusion.pipelines.denoiser import Denoiser
from sonicdiffusion.pipelines.film import check_film, write_film
from sonicdiffusion.pipelines.load import PretrainedPipeline
from sonicdiffusion.values import Waveform

RUNGS = (0.0, 0.3, 0.6, 1.0)
_DECODED = 8  # frames at once
_LEAST_SECONDS = 0.5


@dataclass(frozen=True)
class FilmStyle:
    """How pictures answer to a sound.

    Args:
        attack_seconds: time in which the effect follows a rise of loudness.
        release_seconds: time in which it follows a fall.
        kick_decay_seconds: time in which the effect of an onset fades.
        kick_db: rise of an onset that brings the effect to its full strength at once.
        radius: angle in radians by which the noise wanders about its home.
        turns_per_second: how fast it wanders.
    """

    attack_seconds: float
    release_seconds: float
    kick_decay_seconds: float
    kick_db: float
    radius: float
    turns_per_second: float


STYLES = {
    "soundscape": FilmStyle(0.6, 1.5, 0.7, 12.0, 0.2, 0.05),
    "music": FilmStyle(0.05, 0.25, 0.25, 8.0, 0.45, 0.15),
}
"""The presets by name."""


def effect_over_time(waveform: Waveform, style: FilmStyle, frame_rate: int, is_loop: bool = False) -> NDArray:
    """Return how much the sound does in each frame, from 0 to 1, shape (frames,).

    In a loop, the last second goes over to the beginning.
    """
    active = activity(loudness_db(waveform))
    followed = np.empty_like(active)
    level = 0.0
    for index, target in enumerate(active):
        seconds = style.attack_seconds if target > level else style.release_seconds
        level += (target - level) * (1.0 - math.exp(-HOP_SECONDS / seconds))
        followed[index] = level
    moments = np.arange(len(active)) * HOP_SECONDS
    for time, rise in zip(*onsets(waveform), strict=True):
        since = moments - time
        loud = active[(since > -0.02) & (since < 0.1)].max(initial=0.0)  # what is faint does not flash
        kick = min(1.0, rise / style.kick_db) * loud * np.exp(-np.maximum(since, 0.0) / style.kick_decay_seconds)
        followed = np.maximum(followed, np.where(since >= -0.02, kick, 0.0))
    frames = np.arange(math.ceil(waveform.duration_seconds * frame_rate)) / frame_rate
    effect = np.interp(frames + 0.5 / frame_rate, moments, followed)
    if is_loop:
        share = np.clip((frames - (waveform.duration_seconds - 1.0)), 0.0, 1.0)
        effect = (1.0 - share) * effect + share * effect[0]
    return effect


class AnimationPipeline(PretrainedPipeline):
    """Make films that follow a recording."""

    @torch.no_grad()
    def __call__(
        self,
        audio: str | Path | Waveform,
        out: str | Path,
        prompt: str = "",
        *,
        negative_prompt: str = "",
        style: str = "soundscape",
        frame_rate: int = 12,
        key_rate: float = 1.0,
        audio_strength: float = 1.0,
        text_guidance: float | None = None,
        audio_guidance: float | None = None,
        num_steps: int | None = None,
        seed: int = 0,
        loop: bool = False,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> dict[str, Any]:
        """Make a film and return its settings, which its comment holds as JSON.

        What is sampled is kept in a folder beside the film until that is finished, so that a stopped film goes on
        where it was, and comes out the same.

        Args:
            audio: a recording's path or samples.
            out: the film, .mp4 with the sound or .gif without.
            prompt: what else the pictures show.
            negative_prompt: what they do not show.
            style: one of `STYLES`.
            frame_rate: frames a second, 8 to 30.
            key_rate: moments a second at which pictures are sampled.
            audio_strength: strength at the loudest moments.
            text_guidance: how far to follow the text; by default what the adapter was tuned for.
            audio_guidance: how far to follow the sound; by default what the adapter was tuned for.
            num_steps: sampling steps; by default what the adapter was tuned for.
            seed: of the noise.
            loop: whether the last frame leads to the first.
            on_progress: called with key moments done and in all.

        Raises:
            AudioError: if the recording cannot be used, is silent or shorter than half a second.
            ConfigError: if a setting is out of range or the film cannot be written.
            ModelError: if the model has no adapter.
        """
        path = Path(out)
        check_film(path)
        if style not in STYLES:
            raise ConfigError(f"There is no style {style!r}. Known are: {', '.join(STYLES)}.")
        if not 8 <= frame_rate <= 30 or not 0.1 <= key_rate <= frame_rate:
            raise ConfigError(
                f"Got {frame_rate} frames and {key_rate} key moments a second; take 8 to 30 frames, and from 0.1 key "
                "moments to as many as frames."
            )
        waveform = audio if isinstance(audio, Waveform) else decode(audio)
        if waveform.duration_seconds < _LEAST_SECONDS or np.abs(waveform.samples).max() < 1e-5:
            raise AudioError(
                f"The sound lasts {waveform.duration_seconds:.2f} seconds and peaks at "
                f"{np.abs(waveform.samples).max():.5f}; a film needs {_LEAST_SECONDS} seconds that are not silent."
            )
        config = self.components.require_hearing().config
        settings = {
            "sonicdiffusion": __version__,
            "model": self.components.name,
            "fingerprint": self.components.fingerprint,
            "sound": hashlib.sha256(waveform.samples.tobytes()).hexdigest(),
            "prompt": prompt,
            "negative_prompt": negative_prompt,
            "style": asdict(STYLES[style]),
            "frame_rate": frame_rate,
            "key_rate": key_rate,
            "audio_strength": audio_strength,
            "text_guidance": config.text_guidance if text_guidance is None else text_guidance,
            "audio_guidance": config.audio_guidance if audio_guidance is None else audio_guidance,
            "num_steps": num_steps or config.num_steps,
            "seed": seed,
            "loop": loop,
        }
        comment = json.dumps(settings)
        digest = hashlib.sha256(comment.encode()).hexdigest()[:12]
        work = path.with_name(f".{path.stem}.{digest}.work")
        frames = self._frames(waveform, STYLES[style], settings, work, on_progress)
        write_film(frames, path, frame_rate, waveform, comment)
        shutil.rmtree(work)
        return settings

    def _frames(
        self, waveform: Waveform, style: FilmStyle, settings: dict[str, Any], work: Path, on_progress: Any
    ) -> Iterator[Image.Image]:
        """Yield the frames; of the ladders, no more than two are in memory."""
        effect = effect_over_time(waveform, style, settings["frame_rate"], settings["loop"])
        count = max(2, math.ceil(waveform.duration_seconds * settings["key_rate"]) + 1)
        position = np.arange(len(effect)) * (count - 1) / len(effect)  # in key moments
        ladder, waiting = Ladder(self, waveform, style, settings, work, count), []
        one, other, at = ladder[0], ladder[1], 0
        for where, level in zip(position, effect, strict=True):
            if int(where) > at:
                at, one, other = int(where), other, ladder[int(where) + 1]
                if on_progress is not None:
                    on_progress(at + 1, count)
            share = where - at
            waiting.append(_between((1 - share) * one + share * other, level))
            if len(waiting) == _DECODED:
                yield from self.components.make_safe(self.components.decode_latents(torch.stack(waiting)))[0]
                waiting.clear()
        if waiting:
            yield from self.components.make_safe(self.components.decode_latents(torch.stack(waiting)))[0]


class Ladder:
    """The pictures of each key moment at all strengths, as latents (rungs, channels, height, width).

    Args:
        pipeline: makes them.
        waveform: what is heard.
        style: how the noise wanders.
        settings: of the film.
        work: folder in which they are kept.
        count: key moments, the first at the beginning of the sound and the last at its end.
    """

    def __init__(
        self, pipeline: PretrainedPipeline, waveform: Waveform, style: FilmStyle, settings: dict, work: Path, count: int
    ) -> None:
        self.parts, self.waveform, self.style, self.settings = pipeline.components, waveform, style, settings
        self.work, self.count = work, count
        shape = self.parts.latent_shape()
        self._noises = torch.randn(3, *shape, generator=torch.Generator("cpu").manual_seed(settings["seed"]))
        turns = waveform.duration_seconds * style.turns_per_second
        self._turns = max(1, round(turns)) if settings["loop"] else turns
        self._embeddings = self._smooth_embeddings()

    def __getitem__(self, index: int) -> Tensor:
        if self.settings["loop"]:
            index %= self.count - 1  # the last moment is the first
        kept = self.work / f"{index:05d}.npy"
        if not kept.exists():
            self.work.mkdir(parents=True, exist_ok=True)
            scratch = kept.with_suffix(".part")
            with scratch.open("wb") as file:
                np.save(file, self._sampled(index).float().cpu().numpy())
            scratch.replace(kept)
        return torch.from_numpy(np.load(kept)).to(self.parts.device)

    def _sampled(self, index: int) -> Tensor:
        chosen, number = self.settings, len(RUNGS)
        sound = AudioPrompt([self._embeddings[index][None]] * number, strength=list(RUNGS))
        texts = [chosen["prompt"]] * number
        request = Request.of(sound, texts, chosen["negative_prompt"], chosen["audio_strength"])
        turn = index / (self.count - 1) * self._turns
        noise = on_circle(*self._noises, radius=self.style.radius, turn=turn).expand(number, -1, -1, -1)
        guidance = Guidance(chosen["text_guidance"], chosen["audio_guidance"])
        denoise = Denoiser(self.parts.unet, request.encode(self.parts), guidance, number)
        _, generators = initial_noise(noise.shape[1:], [chosen["seed"]] * number)
        steps = list(
            sample(self.parts.scheduler, noise.to(self.parts.device), denoise, chosen["num_steps"], generators)
        )
        return steps[-1].latents

    def _smooth_embeddings(self) -> Tensor:
        """Return what is heard around each key moment, (key moments, width); loud windows speak for faint ones."""
        hearing = self.parts.require_hearing()
        rate, seconds = self.waveform.sample_rate, hearing.config.window_seconds
        length, samples = round(seconds * rate), self.waveform.samples
        spare = max(0, samples.size - length)
        middles = np.linspace(0, samples.size, self.count)
        starts = np.clip(middles - length / 2, 0, spare).astype(int)
        clips = [samples[start : start + length] for start in starts]
        heard = torch.cat([hearing.embed(Waveform(clip, rate)) for clip in clips])
        energy = np.array([np.mean(np.square(clip, dtype=np.float64)) for clip in clips])
        apart = (middles[:, None] - middles[None]) / rate / (seconds / 4)
        weights = np.exp(-0.5 * apart**2) * energy[None] + 1e-12
        mixed = torch.from_numpy(weights / weights.sum(axis=1, keepdims=True)).to(heard) @ heard
        return normalize(mixed, dim=-1) * heard.norm(dim=-1).mean()


def _between(rungs: Tensor, level: float) -> Tensor:
    """Return the latents at a level from 0 to 1 between rungs (rungs, channels, height, width)."""
    upper = min(max(int(np.searchsorted(RUNGS, level)), 1), len(RUNGS) - 1)
    share = (level - RUNGS[upper - 1]) / (RUNGS[upper] - RUNGS[upper - 1])
    return torch.lerp(rungs[upper - 1], rungs[upper], float(share))
