"""Stock diffusers pipelines with ears: nothing changes without sound, something with it, and all goes back."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion_img2img import StableDiffusionImg2ImgPipeline
from small_models import tiny_unet
from stock_pipelines import KINDS, build_pipeline, draw, tiny_adapter

from sonicdiffusion import AudioPrompt, GenerationPipeline, Waveform, load_audio_adapter, unload_audio_adapter
from sonicdiffusion.errors import ConfigError, ModelError
from sonicdiffusion.hub import bundled_model
from sonicdiffusion.pipelines.hearing import interpolate, mix

BLOCKS = {"mid": 1.0, "up": {"block_0": [1.0, 0.0], "block_1": 0.5}}


def clip(seed: int = 0, seconds: float = 1.5) -> Waveform:
    random = np.random.default_rng(seed)
    tone = np.sin(np.arange(int(8000 * seconds)) * (0.1 + 0.3 * seed)).astype(np.float32)
    return Waveform(0.1 * tone + random.normal(scale=0.02, size=tone.size).astype(np.float32), 8000)


def embedding(seed: int) -> torch.Tensor:
    """Return an embedding; those of two seeds differ more than an untrained encoder makes two clips differ."""
    return torch.nn.functional.normalize(torch.randn(1, 32, generator=torch.Generator().manual_seed(seed)))


@pytest.fixture(scope="module")
def adapters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("adapters")
    return {
        "SD": tiny_adapter(folder / "sd"),
        "other": tiny_adapter(folder / "other", seed=1),
        "XL": tiny_adapter(folder / "xl", "XL text-to-image"),
    }


@pytest.fixture
def pipe(adapters: dict[str, Path]) -> Any:
    pipeline = build_pipeline("text-to-image")
    load_audio_adapter(pipeline, adapters["SD"])
    return pipeline


def sketch(pipeline: Any, **changes: Any) -> np.ndarray:
    return draw(pipeline, "text-to-image", **changes)


def largest(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).max())


@pytest.mark.parametrize("kind", KINDS)
def test_every_pipeline_hears_and_forgets(kind: str, adapters: dict[str, Path]) -> None:
    pipeline = build_pipeline(kind)
    own_class, names = type(pipeline), list(pipeline.unet.state_dict())
    before = draw(pipeline, kind)
    load_audio_adapter(pipeline, adapters[kind.split()[0] if kind.startswith("XL") else "SD"])
    assert isinstance(pipeline, own_class)
    assert np.array_equal(draw(pipeline, kind), before)
    assert np.array_equal(draw(pipeline, kind, audio=clip(), audio_strength=0.0), before)
    heard = draw(pipeline, kind, audio=clip())
    assert largest(heard, before) > 1e-3
    apart = draw(pipeline, kind, audio=clip(), audio_guidance=1.5)
    assert min(largest(apart, heard), largest(apart, before)) > 1e-4
    unload_audio_adapter(pipeline)
    assert type(pipeline) is own_class
    assert not hasattr(pipeline, "audio_adapters")
    assert list(pipeline.unet.state_dict()) == names
    assert np.array_equal(draw(pipeline, kind), before)


@pytest.mark.parametrize(("text", "audio"), [(4.0, 4.0), (4.0, 2.0), (1.0, 3.0), (1.0, 1.0)])
def test_the_stock_pipeline_paints_what_ours_does(text: float, audio: float) -> None:
    stock: Any = StableDiffusionPipeline.from_pretrained(bundled_model())
    stock.set_progress_bar_config(disable=True)
    load_audio_adapter(stock, "mini")
    ours = GenerationPipeline.from_pretrained("mini", device="cpu")
    latents = torch.randn(1, 12, 16, 16, generator=torch.Generator().manual_seed(3))
    settings = {"num_inference_steps": 3, "guidance_scale": text, "output_type": "latent"}
    theirs = stock("a village", audio=clip(), audio_guidance=audio, latents=latents.clone(), eta=0.0, **settings).images
    found: list[torch.Tensor] = []
    ours(
        clip(), "a village", text_guidance=text, audio_guidance=audio, num_steps=3, seed=3,
        on_step=lambda step: found.append(step.latents),
    )  # fmt: skip
    assert largest(theirs.numpy(), found[-1].numpy()) < 2e-3


def test_each_prompt_has_its_sound_and_each_picture_its_strength(pipe: Any) -> None:
    settings = {"prompt": ["rain", "fire"], "num_images_per_prompt": 2}
    noise = torch.randn(4, 4, 8, 8, generator=torch.Generator().manual_seed(2))
    both = sketch(pipe, audio=[embedding(0), embedding(1)], latents=noise, **settings)
    for row, sound in ((0, embedding(0)), (1, embedding(0)), (2, embedding(1)), (3, embedding(1))):
        alone = sketch(pipe, prompt=settings["prompt"][row // 2], audio=sound, latents=noise[row : row + 1])
        assert largest(alone[0], both[row]) < 1e-4
    silent = sketch(pipe, latents=noise, **settings)
    half = sketch(pipe, audio=AudioPrompt(embedding(0), strength=[0.0, 1.0]), latents=noise, **settings)
    assert largest(half[:2], silent[:2]) < 1e-5
    assert largest(half[2:], silent[2:]) > 1e-3
    with pytest.raises(ConfigError, match="3 sounds for 4 pictures"):
        sketch(pipe, audio=[embedding(0)] * 3, latents=noise, **settings)


def test_strength_by_block(pipe: Any) -> None:
    full, silent = sketch(pipe, audio=clip()), sketch(pipe)
    everywhere = sketch(pipe, audio=AudioPrompt(clip(), strength={"mid": 1.0, "up": 1.0}))
    assert largest(everywhere, full) < 1e-5
    some = sketch(pipe, audio=AudioPrompt(clip(), strength=BLOCKS))
    assert min(largest(some, full), largest(some, silent)) > 1e-4
    for wrong in ({"down": 1.0}, {"up": {"block_7": 1.0}}, {"up": {"block_0": [1.0]}}):
        with pytest.raises(ConfigError, match="audio_strength"):
            sketch(pipe, audio=AudioPrompt(clip(), strength=wrong))


def test_a_sound_may_act_during_a_range_of_steps(pipe: Any) -> None:
    silent, heard = sketch(pipe), sketch(pipe, audio=clip())
    parts = [
        sketch(pipe, audio=AudioPrompt(clip(), start=start, end=end))
        for start, end in ((0.0, 0.34), (0.34, 1.0), (0.0, 1.0))
    ]
    assert largest(parts[2], heard) == 0
    assert min(largest(one, other) for one in parts[:2] for other in (silent, heard)) > 5e-6
    with pytest.raises(ConfigError, match="begin before"):
        AudioPrompt(clip(), start=0.5, end=0.5)


def test_two_sounds_act_in_two_places(pipe: Any) -> None:
    left = np.zeros((16, 16), np.float32)
    left[:, :8] = 1
    one = AudioPrompt(embedding(0), mask=left)
    other = AudioPrompt(embedding(1), mask=1 - left)
    both = sketch(pipe, audio=[one, other])
    assert largest(sketch(pipe, audio=[other, one]), both) < 1e-5
    assert min(largest(both, sketch(pipe, audio=part)) for part in (one, other, embedding(0))) > 1e-4
    everywhere = AudioPrompt(embedding(0), mask=np.ones((16, 16)))
    assert largest(sketch(pipe, audio=everywhere), sketch(pipe, audio=embedding(0))) < 1e-5
    for wrong in (np.ones(4), 3 * left, np.full((2, 2), np.nan)):
        with pytest.raises(ConfigError, match="mask"):
            sketch(pipe, audio=AudioPrompt(clip(), mask=wrong))


def test_a_negative_sound_is_steered_away_from(pipe: Any) -> None:
    heard = sketch(pipe, audio=embedding(0))
    away = sketch(pipe, audio=AudioPrompt(embedding(0), negative=embedding(1)))
    assert largest(away, heard) > 1e-4


def test_several_adapters_each_with_its_sound(pipe: Any, adapters: dict[str, Path]) -> None:
    silent, alone = sketch(pipe), sketch(pipe, audio=clip())
    load_audio_adapter(pipe, adapters["other"], name="materials")
    with pytest.raises(ConfigError, match="materials"):
        sketch(pipe, audio=clip())
    first = AudioPrompt(clip(), adapter="default")
    second = AudioPrompt(clip(1), 0.5, adapter="materials")
    assert largest(sketch(pipe, audio=first), alone) == 0
    assert min(largest(sketch(pipe, audio=[first, second]), one) for one in (silent, alone)) > 1e-4
    with pytest.raises(ModelError, match="already"):
        load_audio_adapter(pipe, adapters["other"], name="materials")
    unload_audio_adapter(pipe, "materials")
    assert largest(sketch(pipe, audio=clip()), alone) == 0
    with pytest.raises(ModelError, match="materials"):
        unload_audio_adapter(pipe, "materials")
    unload_audio_adapter(pipe)
    assert largest(sketch(pipe), silent) == 0


def test_a_pipeline_made_of_another_shares_its_ears(pipe: Any) -> None:
    other = StableDiffusionImg2ImgPipeline.from_pipe(pipe)
    other.set_progress_bar_config(disable=True)
    silent = draw(other, "image-to-image")
    load_audio_adapter(other, pipe)
    assert largest(draw(other, "image-to-image", audio=clip()), silent) > 1e-3
    with pytest.raises(ModelError, match="different UNets"):
        load_audio_adapter(build_pipeline("text-to-image"), pipe)


def test_a_saved_pipeline_holds_no_audio_weights(pipe: Any, tmp_path: Path) -> None:
    heard = sketch(pipe, audio=clip())
    pipe.save_pretrained(tmp_path / "saved")
    assert largest(sketch(pipe, audio=clip()), heard) == 0
    again = StableDiffusionPipeline.from_pretrained(tmp_path / "saved")
    again.set_progress_bar_config(disable=True)
    assert not any("audio" in name for name in again.unet.state_dict())
    assert np.array_equal(sketch(again), sketch(pipe))


def test_what_has_no_unet_cannot_be_given_ears(adapters: dict[str, Path]) -> None:
    with pytest.raises(ModelError, match="cannot be given ears"):
        load_audio_adapter(object(), adapters["SD"])
    pipeline = build_pipeline("text-to-image")
    pipeline.unet = tiny_unet(cross_attention_dim=32)
    names, kind = list(pipeline.unet.state_dict()), type(pipeline)
    with pytest.raises(ModelError, match="are 32 wide"):
        load_audio_adapter(pipeline, adapters["SD"])
    assert (list(pipeline.unet.state_dict()), type(pipeline)) == (names, kind)


def test_mixtures_and_paths_between_embeddings() -> None:
    one, other = torch.eye(4)[:1], torch.eye(4)[1:2]
    assert torch.allclose(mix([(one, 1.0), (other, 1.0)]), torch.tensor([[0.5**0.5, 0.5**0.5, 0, 0]]))
    assert torch.allclose(interpolate(one, other, 0.0), one, atol=1e-6)
    assert torch.allclose(interpolate(one, other, 1.0), other, atol=1e-6)
    third = interpolate(one, other, 1 / 3)
    assert third[0, 0] == pytest.approx(np.cos(np.pi / 6), abs=1e-6)
    assert torch.allclose(interpolate(one, one, 0.4), one)
    with pytest.raises(ConfigError, match="more than 0"):
        mix([(one, 1.0), (other, -1.0)])


def test_a_mixture_is_a_mapping_to_weights(pipe: Any) -> None:
    rain, fire = embedding(0), embedding(1)
    mixed = sketch(pipe, audio={rain: 3.0, fire: 1.0})
    assert largest(sketch(pipe, audio={rain: 1.0}), sketch(pipe, audio=rain)) < 1e-6
    assert min(largest(mixed, sketch(pipe, audio=one)) for one in (rain, fire)) > 1e-5
