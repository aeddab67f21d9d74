"""What a model must be better than, on the same trials and in the same run."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sonicdiffusion.diffusion.guidance import Guidance
from sonicdiffusion.diffusion.sampling import initial_noise, sample
from sonicdiffusion.evaluation.bench import CHUNK, Bench, Pictures, heard_scenes, pictures_of, sounds_of
from sonicdiffusion.evaluation.contest import Numbers, compared, judged, trials_of, warnings_of
from sonicdiffusion.evaluation.seeds import TRAINING
from sonicdiffusion.evaluation.trials import Contender, Trial
from sonicdiffusion.pipelines.conditioning import Conditioning
from sonicdiffusion.pipelines.denoiser import Denoiser
from sonicdiffusion.pipelines.generate import GenerationPipeline
from sonicdiffusion.soundscapes.captions import name_sound
from sonicdiffusion.soundscapes.scene import WORLD_VERSION, Event, Scene, sample_scene

_TRAINING_SHARE = 5  # scenes to choose the nearest from, for each trial


def baselines(bench: Bench) -> Numbers:
    """The model and what it must be better than: text alone, no sound, others' sounds, tokens as text, a look-up."""
    scenes = heard_scenes(bench.num_pictures)
    numbers = contest(bench, scenes, contenders_of(bench.pipeline))
    return {**numbers, "warnings": warnings_of(numbers, "model", "shuffled_sounds")}


def contest(bench: Bench, scenes: Sequence[Scene], contenders: Mapping[str, Contender]) -> Numbers:
    """Ask contenders for a picture of each scene's sound in its place, and compare them with the first."""
    trials = trials_of(scenes)
    found = {name: judged(bench, scenes, contender(bench, trials)) for name, contender in contenders.items()}
    return compared(bench.judge, scenes, found)


def contenders_of(pipeline: GenerationPipeline) -> dict[str, Contender]:
    """Return the model and all baselines that it has the parts for, by name, the model first."""
    parts = pipeline.components
    found: dict[str, Contender] = {
        "model": model,
        "class_name_as_text": partial(text_only, words=lambda name: name.replace("_", " ")),
        "caption_as_text": partial(text_only, words=_caption),
        "strength_0": partial(model, audio_strength=0.0),
        "shuffled_sounds": shuffled_sounds,
    }
    if parts.require_hearing().null_tokens().shape == parts.encode_text([""]).shape:
        found["projector_tokens_as_text"] = projector_tokens
    return {**found, "nearest_training_picture": nearest_training_picture}


def model(bench: Bench, trials: Sequence[Trial], audio_strength: float = 1.0) -> Pictures:
    """Answer with the model at its default settings; the trials' seeds follow each other."""
    return bench.generate(
        "the model" if audio_strength else "strength 0",
        [trial.sound for trial in trials],
        [trial.prompt for trial in trials],
        first_seed=trials[0].seed,
        audio_strength=audio_strength,
    )


def shuffled_sounds(bench: Bench, trials: Sequence[Trial]) -> Pictures:
    """Answer with the model, from the sound of the next trial, which is of another class."""
    sounds = [trial.sound for trial in trials]
    prompts = [trial.prompt for trial in trials]
    return bench.generate("shuffled sounds", [*sounds[1:], sounds[0]], prompts, first_seed=trials[0].seed)


def text_only(bench: Bench, trials: Sequence[Trial], words: Callable[[str], str]) -> Pictures:
    """Answer without sound, from a prompt that names its class beside what the trial's prompt says.

    Args:
        bench: has the model.
        trials: what is asked.
        words: from a class to the words for it.
    """

    def make(some: Sequence[Trial]) -> Pictures:
        prompts = [_with(trial.prompt, words(trial.class_name)) for trial in some]
        result = bench.pipeline(None, prompts, seed=some[0].seed, batch_size=CHUNK)
        return np.stack([np.asarray(image) for image in result.images])

    said = {trial.class_name: words(trial.class_name) for trial in trials}
    return kept(bench, "text alone", trials, make, said)


def projector_tokens(bench: Bench, trials: Sequence[Trial]) -> Pictures:
    """Answer from the adapter's audio tokens in the place of the text tokens, without audio layers or a prompt.

    They are those of the finished adapter, whose projector stage 2 has trained on after stage 1.
    """

    def make(some: Sequence[Trial]) -> Pictures:
        parts, hearing = bench.pipeline.components, bench.pipeline.components.require_hearing()
        tokens = torch.cat([hearing.hear(trial.sound) for trial in some])
        return draw(bench.pipeline, tokens, parts.encode_text([""]), [trial.seed for trial in some])

    return kept(bench, "projector tokens as text", trials, make)


def nearest_training_picture(bench: Bench, trials: Sequence[Trial]) -> Pictures:
    """Answer with the picture of the training scene whose sound the encoder finds most similar, whatever the prompt."""
    scenes = [sample_scene(TRAINING.start + number) for number in range(_TRAINING_SHARE * len(trials))]
    known: list[NDArray[np.float32]] = []

    def make(some: Sequence[Trial]) -> Pictures:
        if not known:
            known.append(_embeddings(bench, "sounds of training", scenes))
        heard = np.concatenate([bench.pipeline.embed_sound(trial.sound).cpu().numpy() for trial in some])
        return pictures_of([scenes[index] for index in (heard @ known[0].T).argmax(axis=1)])

    return kept(bench, "nearest training picture", trials, make, len(scenes))


@torch.no_grad()
def draw(pipeline: GenerationPipeline, text_tokens: Tensor, null_tokens: Tensor, seeds: Sequence[int]) -> Pictures:
    """Make pictures from tokens in the place of text, without audio layers, at the model's default settings.

    Args:
        pipeline: the model.
        text_tokens: (pictures, tokens, width).
        null_tokens: what guidance leads away from, (1, tokens, width).
        seeds: one for each picture.

    Returns:
        Pictures, (pictures, height, width, 3).
    """
    parts, config = pipeline.components, pipeline.components.require_hearing().config
    noise, generators = initial_noise(parts.latent_shape(None, None), seeds)
    noise = noise.to(pipeline.device)
    conditioning = Conditioning(text_tokens.to(parts.unet.dtype), null_tokens.to(parts.unet.dtype))
    denoise = Denoiser(parts.unet, conditioning, Guidance(text_guidance=config.text_guidance), len(noise))
    *_, last = sample(parts.scheduler, noise, denoise, config.num_steps, generators)
    images, _ = parts.make_safe(parts.decode_latents(last.latents))
    return np.stack([np.asarray(image) for image in images])


def kept(
    bench: Bench,
    doing: str,
    trials: Sequence[Trial],
    make: Callable[[Sequence[Trial]], Pictures],
    facts: Any = None,
) -> Pictures:
    """Make pictures a chunk of trials at a time, and keep them beside those of the model.

    Args:
        bench: where they are kept.
        doing: what it is called; part of the key.
        trials: what is asked.
        make: from some trials to their pictures.
        facts: what else the pictures depend on, plain values.
    """
    chunks = []
    for start in range(0, len(trials), CHUNK):
        bench.report(doing, start, len(trials))
        some = trials[start : start + CHUNK]
        asked = [
            (hashlib.sha256(trial.sound.samples.tobytes()).hexdigest(), trial.class_name, trial.prompt, trial.seed)
            for trial in some
        ]
        request = json.dumps([doing, WORLD_VERSION, asked, facts]).encode()
        chunks.append(bench.keep(request, lambda some=some: make(some)))
    bench.report(doing, len(trials), len(trials))
    return np.concatenate(chunks)


def _embeddings(bench: Bench, doing: str, scenes: Sequence[Scene]) -> NDArray[np.float32]:
    """Return the audio embedding of each scene as a vector of length 1, (scenes, width)."""
    rows = []
    for number, scene in enumerate(scenes):
        bench.report(doing, number, len(scenes))
        rows.append(bench.pipeline.embed_sound(sounds_of([scene])[0]).cpu().numpy()[0])
    bench.report(doing, len(scenes), len(scenes))
    found = np.stack(rows)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def _caption(name: str) -> str:
    """Return how the captions of training name an event of middling strength."""
    return name_sound(Scene(place="coast", time="day", events=(Event(name, 0.5),), seed=0))


def _with(prompt: str, words: str) -> str:
    return f"{prompt} with {words}" if prompt else words
