"""What may be passed as a sound, and how guidance follows it: equal forms, equal pictures."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stock_pipelines import build_pipeline, draw

from sonicdiffusion import AudioPrompt, GenerationPipeline, Waveform, load_audio_adapter
from sonicdiffusion.diffusion.guidance import Guidance
from sonicdiffusion.errors import AudioError, ConfigError
from sonicdiffusion.pipelines.audio_prompt import mask_tensor

RATE = 8000
SAMPLES = (0.1 * np.sin(np.arange(12_000) * 0.3)).astype(np.float32)
LEFT = np.zeros((16, 16), np.float32)
LEFT[:, :8] = 1.0


def embedding(seed: int) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.randn(1, 32, generator=torch.Generator().manual_seed(seed)))


def paint(pipeline: GenerationPipeline, audio: Any, prompt: str | list[str] = "rain", **settings: Any) -> np.ndarray:
    """Return the latents of a call, which tell more than pictures, (pictures, channels, height, width)."""
    found: list[torch.Tensor] = []
    pipeline(audio, prompt, seed=3, on_step=lambda step: found.append(step.latents), batch_size=8, **settings)
    return found[-1].numpy()


def largest(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).max())


@pytest.mark.parametrize(
    "form",
    [
        (SAMPLES, RATE),
        (SAMPLES.tolist(), np.int64(RATE)),
        (torch.from_numpy(SAMPLES), RATE),
        (np.stack([SAMPLES, SAMPLES], axis=1), RATE),
        (np.stack([SAMPLES, SAMPLES]), float(RATE)),
        (np.round(SAMPLES * 2**31).astype(np.int32), RATE),
        {"array": SAMPLES, "sampling_rate": RATE, "path": None},
        [(SAMPLES, RATE)],
        AudioPrompt((SAMPLES, RATE)),
        [AudioPrompt((SAMPLES, RATE))],
    ],
    ids=[
        "array",
        "list",
        "tensor",
        "channels last",
        "channels first",
        "int32",
        "datasets",
        "a list",
        "prompt",
        "prompts",
    ],
)
def test_forms_of_one_recording_give_one_picture(form: Any, pipeline: GenerationPipeline) -> None:
    assert largest(paint(pipeline, form), paint(pipeline, Waveform(SAMPLES, RATE))) < 1e-4


def test_unsigned_samples_lie_around_their_middle() -> None:
    eight = AudioPrompt((np.array([128, 192, 64], np.uint8), RATE)).sounds[0]
    assert eight.samples.tolist() == [0.0, 0.5, -0.5]


@pytest.mark.parametrize(
    "wrong",
    [
        (np.zeros((2, 3, 4)), RATE),
        (np.zeros(0), RATE),
        (SAMPLES, 0),
        (SAMPLES, 8000.5),
        (SAMPLES, float("nan")),
        (["a"], RATE),
        ([0, 12_000, -12_000], RATE),
    ],
)
def test_samples_that_are_no_recording_are_refused(wrong: Any, pipeline: GenerationPipeline) -> None:
    with pytest.raises(AudioError, match=r"[Ss]ample"):
        pipeline(wrong)


def test_tokens_and_embeddings_made_before_give_the_same_picture(pipeline: GenerationPipeline) -> None:
    hearing = pipeline.components.hearing
    assert hearing is not None
    tokens = hearing.hear((SAMPLES, RATE))
    expected = paint(pipeline, (SAMPLES, RATE))
    assert largest(paint(pipeline, tokens), expected) == 0
    assert largest(paint(pipeline, pipeline.embed_sound((SAMPLES, RATE))), expected) == 0
    with pytest.raises(ConfigError, match="Audio tokens for this adapter have shape"):
        pipeline(tokens[:, :2])


# Every setting of a prompt is tested in stock pipelines; here, that ours reads it the same way.
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"strength": 0.4},
        {"strength": {"mid": 1.0, "up": 0.5}},
        {"mask": LEFT},
        {"start": 0.3},
        {"end": 0.6},
        {"negative": embedding(1)},
    ],
    ids=str,
)
def test_a_prompt_acts_as_in_a_stock_pipeline(settings: Any, pipeline: GenerationPipeline, model: Path) -> None:
    stock = build_pipeline("text-to-image")
    parts = GenerationPipeline.from_pretrained(model, device="cpu").components
    assert parts.hearing is not None
    parts.hearing.adapter.remove()
    for part in ("unet", "vae", "text_encoder", "tokenizer", "scheduler"):
        setattr(stock, part, getattr(parts, part))
    load_audio_adapter(stock, model)
    prompt = AudioPrompt(embedding(0), **settings)
    noise = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))
    call = {"guidance_scale": 3.0, "num_inference_steps": 4, "eta": 0.0, "output_type": "latent"}
    theirs = draw(stock, "text-to-image", audio=prompt, audio_guidance=2.0, latents=noise, **call)
    ours = paint(pipeline, prompt, text_guidance=3.0, audio_guidance=2.0)
    assert largest(ours, np.asarray(theirs)) < 1e-3
    if settings:
        assert largest(ours, paint(pipeline, embedding(0), text_guidance=3.0, audio_guidance=2.0)) > 1e-4


def test_prompts_act_together_and_lists_pair_up(pipeline: GenerationPipeline) -> None:
    two = [AudioPrompt(embedding(0), mask=LEFT), AudioPrompt([embedding(1), embedding(2)], strength=[0.5, 1.0])]
    both = paint(pipeline, two, ["rain", "fire"], num_images=2)
    assert both.shape[0] == 4
    again = paint(pipeline, [two[0], AudioPrompt(embedding(1), strength=0.5)], "rain", num_images=2)
    assert largest(both[:2], again) < 1e-4
    with pytest.raises(ConfigError, match="2 and 3 sounds"):
        pipeline([AudioPrompt([embedding(0)] * 2), AudioPrompt([embedding(0)] * 3)])
    with pytest.raises(ConfigError, match="2 strengths for 3 pictures"):
        pipeline(AudioPrompt(embedding(0), strength=[1.0, 0.5]), ["a", "b", "c"])
    with pytest.raises(ConfigError, match="adapter 'materials'"):
        pipeline(AudioPrompt(embedding(0), adapter="materials"))
    with pytest.raises(ConfigError, match="AudioPrompts alone or none"):
        pipeline([AudioPrompt(embedding(0)), embedding(1)])  # type: ignore[list-item]


def test_prompts_that_say_nonsense_are_refused() -> None:
    for strength in ([], "a", None, {"mid": float("nan")}, [[1.0]]):
        with pytest.raises(ConfigError, match="audio_strength"):
            AudioPrompt(embedding(0), strength=strength)  # type: ignore[arg-type]
    for mask in ("mask.png", LEFT[None, None], np.full((4, 4), 255, np.uint8)):
        with pytest.raises(ConfigError, match="A mask"):
            mask_tensor(mask)  # type: ignore[arg-type]
    assert torch.equal(mask_tensor(LEFT[:, ::-1]), torch.from_numpy(1 - LEFT)[None])
    assert AudioPrompt(embedding(0), strength=np.array([1.0, 0.5])).facts["strength"] == [1.0, 0.5]  # type: ignore[arg-type]


def test_settings_tell_what_a_prompt_says(pipeline: GenerationPipeline) -> None:
    prompt = AudioPrompt(embedding(0), {"mid": 0.5}, LEFT, end=0.5, negative=(SAMPLES, RATE))
    told = pipeline([prompt, AudioPrompt("storm.wav", strength=0)], audio_strength=0.0, num_steps=1).settings["audio"]
    assert told == [
        {
            "sound": "an embedding",
            "strength": {"mid": 0.5},
            "mask": "1 x 16 x 16",
            "range": [0.0, 0.5],
            "negative": "1.50 seconds at 8000 Hz",
        },
        {"sound": "storm.wav", "strength": 0.0},
    ]


def test_outside_its_interval_guidance_costs_one_prediction(pipeline: GenerationPipeline) -> None:
    rows: list[int] = []
    pipeline.components.unet.register_forward_pre_hook(lambda _unet, args: rows.append(len(args[0])))
    settings = {"text_guidance": 3.0, "audio_guidance": 2.0, "num_steps": 4}
    whole = paint(pipeline, embedding(0), **settings)
    assert rows == [3, 3, 3, 3]
    rows.clear()
    middle = paint(pipeline, embedding(0), guidance_interval=(0.25, 0.75), **settings)
    assert rows == [1, 3, 3, 1]
    rows.clear()
    silent = paint(pipeline, AudioPrompt(embedding(0), start=0.5), guidance_interval=(0.0, 0.75), **settings)
    assert rows == [2, 2, 3, 1]
    plain = paint(pipeline, embedding(0), text_guidance=1.0, audio_guidance=1.0, num_steps=4)
    assert min(largest(middle, whole), largest(middle, plain), largest(silent, middle)) > 1e-4
    for wrong in ((0.5, 0.5), (-0.1, 1.0), (0.0, 1.5)):
        with pytest.raises(ConfigError, match="guidance interval"):
            pipeline(embedding(0), guidance_interval=wrong)


def test_rescaled_guidance_has_the_spread_of_the_plain_prediction(pipeline: GenerationPipeline) -> None:
    random = torch.Generator().manual_seed(0)
    null, text, audio = torch.randn(3, 2, 4, 8, 8, generator=random)
    every: Any = {"null": null, "text": text, "audio": audio}
    full = Guidance(6.0, 4.0, rescale=1.0).combine(every)
    raw = Guidance(6.0, 4.0).combine(every)
    assert torch.allclose(full.std(dim=(1, 2, 3)), audio.std(dim=(1, 2, 3)), rtol=1e-4)
    half = Guidance(6.0, 4.0, rescale=0.5).combine(every)
    assert torch.allclose(half, (full + raw) / 2, atol=1e-4)
    assert torch.equal(Guidance(1.0, 1.0, rescale=1.0).combine(every), audio)
    assert largest(paint(pipeline, embedding(0), guidance_rescale=0.7), paint(pipeline, embedding(0))) > 1e-3
    with pytest.raises(ConfigError, match="guidance_rescale"):
        pipeline(embedding(0), guidance_rescale=1.5)
