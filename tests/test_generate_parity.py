"""Guidance, sampling and the whole pipeline: as published, repeatable, and off when it is off."""

import shutil
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from diffusers.schedulers.scheduling_euler_ancestral_discrete import EulerAncestralDiscreteScheduler
from parity_rule import largest_difference, load_case, normal_input
from PIL import Image
from safetensors.torch import load_file, save_file
from small_models import install_parity_adapter, parity_unet, published_scheduler
from torch import Tensor

from sonicdiffusion.diffusion.guidance import Guidance
from sonicdiffusion.diffusion.sampling import initial_noise, sample
from sonicdiffusion.errors import ConfigError, MissingFileError, ModelError
from sonicdiffusion.hub import resolve
from sonicdiffusion.pipelines.conditioning import Conditioning
from sonicdiffusion.pipelines.denoiser import Denoiser
from sonicdiffusion.pipelines.encoded_prompt import EncodedPrompt
from sonicdiffusion.pipelines.generate import GenerationPipeline
from sonicdiffusion.values import Waveform


def noise_clip(seconds: float = 1.5) -> Waveform:
    random = np.random.default_rng(0)
    return Waveform(random.normal(scale=0.1, size=int(8000 * seconds)).astype(np.float32), 8000)


def difference(one: list[Image.Image], other: list[Image.Image]) -> int:
    """Return the largest difference of two lists of pictures, in steps of 1/255."""
    pairs = zip(one, other, strict=True)
    return max(int(np.abs(np.asarray(a, int) - np.asarray(b, int)).max()) for a, b in pairs)


def test_ten_guided_steps_give_the_published_latents() -> None:
    case = load_case("generate")
    unet = parity_unet()
    adapter = install_parity_adapter(unet)
    text_tokens, negative_tokens = (normal_input(name, (1, 77, 768)) for name in ("text", "negative_text"))
    scale = float(case["guidance_scale"])
    sound = EncodedPrompt(adapter, case["audio_tokens"], case["null_tokens"], strength=1.0)
    denoise = Denoiser(unet, Conditioning(text_tokens, negative_tokens, (sound,)), Guidance(scale, scale))
    steps = list(sample(published_scheduler(), normal_input("start", (1, 4, 8, 8)), denoise, num_steps=10))
    assert [step.timestep for step in steps] == case["timesteps"].tolist()
    assert [step.index for step in steps] == list(range(10))
    assert largest_difference(steps[-1].latents, case["latents"]) < 2e-3


@pytest.mark.parametrize(
    ("text", "audio", "branches"),
    [
        (5.0, 5.0, ("null", "audio")),
        (5.0, 3.0, ("null", "text", "audio")),
        (1.0, 3.0, ("text", "audio")),
        (1.0, 1.0, ("audio",)),
        (5.0, 0.0, ("null", "text")),
        (1.0, 0.0, ("text",)),
        (0.0, 0.0, ("null",)),
    ],
)
def test_guidance_evaluates_only_what_it_needs_and_mixes_as_defined(
    text: float, audio: float, branches: tuple[str, ...]
) -> None:
    guidance = Guidance(text, audio)
    assert guidance.branches == branches
    null, with_text, with_audio = torch.randn(3, 2, 4, generator=torch.Generator().manual_seed(0))
    expected = null + text * (with_text - null) + audio * (with_audio - with_text)
    every = {"null": null, "text": with_text, "audio": with_audio}
    batch = torch.cat([every[branch] for branch in branches])
    assert largest_difference(guidance.combine_batch(batch), expected) < 1e-5


@pytest.mark.parametrize("wrong", [-1.0, float("nan"), float("inf")])
def test_guidance_that_is_no_strength_is_refused(wrong: float) -> None:
    with pytest.raises(ConfigError, match="audio_guidance"):
        Guidance(1.0, wrong)


def test_noise_depends_on_its_seed_alone() -> None:
    together, _ = initial_noise((4, 2, 2), [5, 6, 7])
    alone, _ = initial_noise((4, 2, 2), [6])
    assert torch.equal(together[1:2], alone)
    assert largest_difference(together[0], together[1]) > 0.1


# diffusers turns tensors into arrays in a way that numpy 2 will not allow for ever.
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")
@pytest.mark.parametrize("kind", [DPMSolverMultistepScheduler, EulerAncestralDiscreteScheduler])
def test_other_schedulers_remove_the_noise_of_a_known_picture(kind: type) -> None:
    # For a data set of one picture the exact prediction is known: the noise that leads back to it.
    picture = torch.linspace(-1, 1, 16).reshape(1, 1, 4, 4)
    scheduler = kind.from_config(published_scheduler().config)
    alphas = scheduler.alphas_cumprod

    def denoise(latents: Tensor, timestep: Tensor, _done: float) -> Tensor:
        alpha = alphas[round(float(timestep))]
        if scheduler.init_noise_sigma > 1:  # this scheduler scales its input by 1 / sqrt(sigma^2 + 1)
            sigma = ((1 - alpha) / alpha).sqrt()
            return (latents * (sigma**2 + 1).sqrt() - picture) / sigma
        return (latents - alpha.sqrt() * picture) / (1 - alpha).sqrt()

    noise, generators = initial_noise((1, 4, 4), [0])
    last = list(sample(scheduler, noise, denoise, 20, generators))[-1]
    assert largest_difference(last.latents, picture) < 0.1


def test_sampling_needs_a_step() -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        next(sample(published_scheduler(), torch.zeros(1, 1, 2, 2), lambda latents, *_: latents, 0))


def test_seeds_are_independent_of_batch_size(pipeline: GenerationPipeline) -> None:
    three = pipeline(noise_clip(), "rain", seed=3, num_images=3).images
    one_by_one = pipeline(noise_clip(), "rain", seed=3, num_images=3, batch_size=1).images
    alone = pipeline(noise_clip(), "rain", seed=4).images
    assert difference(three, one_by_one) <= 1
    assert difference(three[1:2], alone) <= 1
    assert difference(three[:1], three[1:2]) > 5


def test_generation_twice_gives_the_same_pictures(pipeline: GenerationPipeline) -> None:
    torch.manual_seed(0)
    state = torch.random.get_rng_state()
    first = pipeline(noise_clip(), "rain").images
    assert torch.equal(torch.random.get_rng_state(), state)
    assert difference(pipeline(noise_clip(), "rain").images, first) == 0


def test_zero_strength_makes_the_pictures_of_the_base_model(pipeline: GenerationPipeline) -> None:
    off = pipeline(noise_clip(), "rain", audio_strength=0).images
    heard = pipeline(noise_clip(), "rain").images
    without = pipeline(None, "rain").images
    assert pipeline.components.hearing is not None
    pipeline.components.hearing.adapter.remove()
    assert difference(off, pipeline(None, "rain").images) == 0
    assert difference(off, without) == 0
    assert difference(off, heard) > 0


def test_sound_text_and_both_guidances_decide(pipeline: GenerationPipeline) -> None:
    one = pipeline(noise_clip(), "rain").images
    tone = Waveform(0.3 * np.sin(np.arange(8000) * 0.7).astype(np.float32), 8000)
    for other in (
        pipeline(tone, "rain"),
        pipeline(noise_clip(), "fire"),
        pipeline(noise_clip(), "rain", negative_prompt="fire"),
        pipeline(noise_clip(), "rain", text_guidance=8.0),
        pipeline(noise_clip(), "rain", audio_guidance=8.0),
    ):
        assert difference(other.images, one) > 0


def test_a_file_its_waveform_and_its_embedding_give_one_picture(pipeline: GenerationPipeline, tmp_path: Path) -> None:
    clip = noise_clip()
    whole = np.round(clip.samples * 32767).astype("<i2")
    decoded = (whole / 32768).astype(np.float32)
    with wave.open(str(tmp_path / "clip.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(whole.tobytes())
    from_file = pipeline(tmp_path / "clip.wav")
    embedding = pipeline.embed_sound(tmp_path / "clip.wav")
    assert embedding.shape == (1, 32)
    assert difference(from_file.images, pipeline(embedding).images) == 0
    assert difference(from_file.images, pipeline(Waveform(decoded, 8000)).images) <= 1
    assert from_file.settings["audio"] == str(tmp_path / "clip.wav")


def test_settings_and_defaults_come_with_the_pictures(pipeline: GenerationPipeline) -> None:
    seen = []
    result = pipeline(noise_clip(), "rain", seed=9, num_images=2, height=32, width=16, on_step=seen.append)
    assert [image.size for image in result.images] == [(16, 32)] * 2
    wanted = {"seeds": [9, 10], "text_guidance": 3.0, "audio_guidance": 2.0, "num_steps": 4, "height": 32}
    assert wanted.items() <= result.settings.items()
    assert [step.index for step in seen] == [0, 1, 2, 3]


def test_an_adapter_from_elsewhere_is_used(model: Path, tmp_path: Path, pipeline: GenerationPipeline) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for part in ("tokenizer", "text_encoder", "vae", "unet", "scheduler"):
        (bare / part).symlink_to(model / part)
    with pytest.raises(ModelError, match="cannot hear"):
        GenerationPipeline.from_pretrained(bare, device="cpu")(noise_clip())
    for place in (model, model / "audio_adapter"):
        joined = GenerationPipeline.from_pretrained(bare, adapter=place, device="cpu")
        assert difference(joined(noise_clip()).images, pipeline(noise_clip()).images) == 0


def test_wrong_requests_teach(pipeline: GenerationPipeline, model: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="multiples of 4"):
        pipeline(noise_clip(), height=31)
    with pytest.raises(ConfigError, match="num_images starts at 1"):
        pipeline(noise_clip(), num_images=0)
    with pytest.raises(MissingFileError, match="no folder 'tokenizer'"):
        GenerationPipeline.from_pretrained(tmp_path)
    with pytest.raises(MissingFileError, match="hub id"):
        resolve("no such model")
    with pytest.raises(MissingFileError, match="is a file"):
        resolve(model / "unet" / "config.json")
    with pytest.warns(UserWarning, match="the rest is ignored"):
        pipeline.components.encode_text(["a very long prompt indeed"])


def test_a_hub_id_without_a_network_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    for name in ("nobody/no-such-model", "nobody/no-such-model@v1", "nobody/no-such-model@refs/pr/1"):
        with pytest.raises(ModelError, match="Check the spelling and the connection"):
            resolve(name)


def test_numbers_of_steps_that_rounding_spoils_are_refused() -> None:
    scheduler = published_scheduler()
    scheduler.register_to_config(timestep_spacing="trailing")
    noise = torch.zeros(1, 1, 2, 2)
    for count in range(1, 1001):
        try:
            next(iter(sample(scheduler, noise, lambda latents, *_: latents, count)))
        except ConfigError:
            continue
        assert len(scheduler.timesteps) == count
        assert scheduler.timesteps.min() >= 0
    for count in (61, 1001):
        with pytest.raises(ConfigError, match=str(count)):
            next(iter(sample(scheduler, noise, lambda latents, *_: latents, count)))


def test_what_is_no_sound_is_refused(pipeline: GenerationPipeline) -> None:
    for wrong in ([noise_clip(), None], b"bytes", [3]):
        with pytest.raises(ConfigError, match="A sound is a path"):
            pipeline(wrong)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"shape \(1, 32\)"):
        pipeline(torch.zeros(3, 32))


def test_settings_name_the_weights_and_the_machine(pipeline: GenerationPipeline, model: Path) -> None:
    settings = pipeline(noise_clip(), num_steps=1).settings
    assert (settings["device"], settings["dtype"]) == ("cpu", "float32")
    assert settings["fingerprint"] == GenerationPipeline.from_pretrained(model, device="cpu").components.fingerprint
    assert settings["audio"] == "1.50 seconds at 8000 Hz"
    with torch.no_grad():
        pipeline.components.unet.conv_in.weight.add_(1.0)
    del pipeline.components.fingerprint
    assert pipeline.components.fingerprint != settings["fingerprint"]


def _drop_a_tensor(path: Path) -> None:
    weights = load_file(path)
    weights.pop(sorted(weights)[0])
    save_file(weights, path, metadata={"format": "pt"})


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _pickle_instead(path: Path) -> None:
    name = "pytorch_model.bin" if path.name == "model.safetensors" else "diffusion_pytorch_model.bin"
    torch.save(load_file(path), path.with_name(name))
    path.unlink()


@pytest.mark.parametrize("damage", [_drop_a_tensor, _truncate, _pickle_instead])
@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_a_damaged_or_unsafe_model_is_refused(
    part: str, damage: Callable[[Path], None], model: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(model, tmp_path / "model"))
    damage(next((copy / part).glob("*.safetensors")))
    with pytest.raises(ModelError, match=r"[Cc]opy or download"):
        GenerationPipeline.from_pretrained(copy, device="cpu")


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("tokenizer/tokenizer.json", "{}", "cannot be loaded"),
        ("vae/config.json", '{"_class_name": "Other"}', r"^The autoencoder is a 'Other'"),
        ("scheduler/scheduler_config.json", '{"_class_name": "DDIMScheduler", "beta_start": "x"}', "cannot be loaded"),
    ],
)
def test_a_wrong_file_of_a_model_gets_one_sentence(
    file: str, content: str, sentence: str, model: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(model, tmp_path / "model"))
    (copy / file).write_text(content)
    with pytest.raises(ModelError, match=sentence):
        GenerationPipeline.from_pretrained(copy, device="cpu")
