"""Editing: as published, exact where it claims to be, and nothing changes where nothing may."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from diffusers.schedulers.scheduling_pndm import PNDMScheduler
from parity_rule import largest_difference, load_case, normal_input
from PIL import Image
from small_models import install_parity_adapter, parity_unet, published_scheduler
from typer.testing import CliRunner

from sonicdiffusion import AudioPrompt, paint, sample_scene, synthesise
from sonicdiffusion.cli.main import app
from sonicdiffusion.diffusion.guidance import Guidance
from sonicdiffusion.diffusion.inversion import NoiseLevels, invert_ddim, invert_ddpm
from sonicdiffusion.errors import ConfigError, ModelError, SonicDiffusionError
from sonicdiffusion.models.injection import Injection, InjectionSites
from sonicdiffusion.pipelines.conditioning import Conditioning
from sonicdiffusion.pipelines.denoiser import Denoiser
from sonicdiffusion.pipelines.edit import EditPipeline
from sonicdiffusion.pipelines.edit_method import METHODS
from sonicdiffusion.pipelines.encoded_prompt import EncodedPrompt
from sonicdiffusion.pipelines.picture_files import read_settings


@pytest.mark.parametrize(("features", "attention"), [(0.0, 0.0), (0.5, 0.3), (0.8, 0.8)])
@torch.no_grad()
def test_inversion_and_injection_give_the_published_edit(features: float, attention: float) -> None:
    # In double precision: between one thread and two, rounding in single alone moves the result by 0.005.
    case, given = load_case("edit"), load_case("generate")
    unet = parity_unet().double()
    adapter = install_parity_adapter(unet)
    levels = NoiseLevels.of(published_scheduler(), 10)
    levels = replace(levels, alpha_bar=levels.alpha_bar.double())
    empty, null, audio = (t.double() for t in (case["empty_text"], given["null_tokens"], given["audio_tokens"]))
    text, negative = (normal_input(name, (1, 77, 768)).double() for name in ("text", "negative_text"))
    bare = Denoiser(unet, Conditioning(empty, empty), Guidance(1.0, 0.0))
    trajectory = invert_ddim(levels, case["source"].double(), lambda x, level: bare(x, levels.timesteps[level]))
    assert largest_difference(trajectory.latents[:1], case["inverted"]) < 1e-4
    source = Denoiser(unet, Conditioning(empty, empty, (EncodedPrompt(adapter, null, null, 1.0),)), Guidance(1.0, 1.0))
    scale = float(given["guidance_scale"])
    heard = Conditioning(text, negative, (EncodedPrompt(adapter, audio, null, 1.0),))
    denoise = Denoiser(unet, heard, Guidance(scale, scale))
    injection = Injection(unet, InjectionSites.of(unet))
    latents = trajectory.latents[:1]
    for level, time in enumerate(levels.timesteps):
        paths = injection.sites.attention * (level < int(10 * attention))
        paths += injection.sites.residual * (level < int(10 * features))
        with injection.reading(paths) as found:
            source(trajectory.latents[level : level + 1], time)
        with injection.replacing():
            injection.use(found)
            latents = levels.step(denoise(latents, time), latents, level)
    assert largest_difference(latents, case[f"edited_features_{features}_attention_{attention}"]) < 2e-3
    assert not any(module._forward_hooks for module in unet.modules())


MINI = EditPipeline.from_pretrained("mini", device="cpu")
RAIN = synthesise(sample_scene(2_000_000_007, event="raining"))
FIRE = synthesise(sample_scene(2_000_000_003, event="fire_crackling"))
VILLAGE = paint(replace(sample_scene(2_000_000_005, place="village"), events=())).image


def far(one: Image.Image | np.ndarray, other: Image.Image | np.ndarray) -> float:
    """Return the mean difference of two pictures, in steps of 1/255."""
    return float(np.abs(np.asarray(one, float) - np.asarray(other, float)).mean())


@pytest.mark.parametrize("method", METHODS)
def test_every_method_edits_and_strength_decides_how_much(method: str) -> None:
    photo = MINI.prepare(VILLAGE, method=method, num_steps=6)
    weak, strong = (photo.edit(FIRE, edit_strength=strength) for strength in (0.2, 1.0))
    assert far(weak.images[0], VILLAGE) < far(strong.images[0], VILLAGE)
    assert far(strong.images[0], VILLAGE) > 5
    assert strong.settings["method"] == method
    assert not any(module._forward_hooks for module in MINI.components.unet.modules())
    again = photo.edit(FIRE, edit_strength=1.0)
    assert far(again.images[0], strong.images[0]) == 0


@pytest.mark.slow
def test_inversions_come_back_as_well_as_they_promise() -> None:
    errors = {}
    for method in METHODS:
        photo = MINI.prepare(VILLAGE, method=method, num_steps=12)
        errors[method] = float((photo.reconstruct() - photo.trajectory.latents[-1:]).square().mean())
    assert errors["friendly"] < 1e-6
    assert errors["exact"] < 0.3 * errors["published"]
    assert errors["redraw"] > errors["published"]
    assert far(MINI.prepare(VILLAGE, num_steps=4).edit(FIRE, edit_strength=0.0).images[0], VILLAGE) == 0


@pytest.mark.parametrize(
    "scheduler",
    [
        PNDMScheduler.from_config(published_scheduler().config, skip_prk_steps=True),
        DDIMScheduler.from_config(published_scheduler().config, set_alpha_to_one=True),
        DDIMScheduler.from_config(published_scheduler().config, steps_offset=0),
    ],
    ids="Stable Diffusion 1.5,ends without noise,no offset".split(","),
)
def test_every_schedule_is_inverted_exactly(scheduler: Any) -> None:
    levels = NoiseLevels.of(scheduler, 50)
    assert (levels.timesteps.diff() < 0).all()
    source = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    trajectory = invert_ddpm(levels, source, lambda latents, _: 0.3 * latents, torch.Generator().manual_seed(1))
    assert trajectory.added is not None
    latents = trajectory.latents[:1]
    for level in range(len(levels)):
        latents = levels.step(0.3 * latents, latents, level, trajectory.added[level : level + 1])
    assert largest_difference(latents, source) < 1e-3


def test_a_photo_prepared_once_serves_several_sounds_and_its_features_are_computed_once() -> None:
    photo = MINI.prepare(VILLAGE, method="published", num_steps=5)
    inverted = photo.num_evaluations
    both = photo.edit([RAIN, FIRE])
    prepared = photo.num_evaluations
    assert (inverted, prepared) == (5, 9)  # of five steps, four keep features
    alone = photo.edit(FIRE)
    assert photo.num_evaluations == prepared
    assert (both.num_evaluations, alone.num_evaluations) == (20, 10)
    assert far(both.images[1], alone.images[0]) < 0.1
    assert far(both.images[0], both.images[1]) > 1


def test_nothing_changes_outside_a_mask() -> None:
    mask = np.zeros(VILLAGE.shape[:2], np.float32)
    mask[:, :64] = 1.0
    photo = MINI.prepare(VILLAGE, num_steps=6)
    edited = np.asarray(photo.edit(FIRE, edit_strength=1.0, mask=mask).images[0])
    assert far(edited[:, 80:], VILLAGE[:, 80:]) < 1
    assert far(edited[:, :64], VILLAGE[:, :64]) > 5
    two = photo.edit([AudioPrompt(FIRE, mask=mask), AudioPrompt(RAIN, mask=1 - mask)], edit_strength=1.0)
    assert len(two.images) == 1
    with pytest.raises(ConfigError, match="photograph's shape"):
        photo.edit(FIRE, mask=mask[:32])


def test_masks_are_in_the_shape_of_the_photograph_whatever_of_it_is_edited() -> None:
    wide = np.repeat(np.repeat(VILLAGE, 2, axis=0), 3, axis=1)  # 256 x 384
    outside = np.zeros(wide.shape[:2], np.float32)
    outside[:, :60] = 1.0  # to the left of the middle
    middle = MINI.prepare(wide, num_steps=3, framing="crop")
    silent = middle.edit(None, edit_strength=1.0)
    masked = middle.edit(AudioPrompt(FIRE, mask=outside), edit_strength=1.0, mask="everywhere", audio_guidance=7.0)
    assert largest_difference(masked.latents, silent.latents) > 0  # null audio is not silence
    inside = middle.edit(AudioPrompt(FIRE, mask=1 - outside), edit_strength=1.0, mask="everywhere")
    assert far(masked.images[0], silent.images[0]) < 0.2 * far(inside.images[0], silent.images[0])


def test_a_sound_that_never_acts_changes_nothing() -> None:
    photo = MINI.prepare(VILLAGE, num_steps=4)
    late = photo.edit(AudioPrompt(FIRE, strength={}), edit_strength=1.0)
    assert late.mask is not None
    assert far(late.images[0], VILLAGE) < 1
    assert photo.edit(FIRE, edit_strength=0.15).mask is not None  # a single step


def test_heat_says_where_an_edit_is_allowed() -> None:
    photo = MINI.prepare(VILLAGE, num_steps=6)
    edited = photo.edit([FIRE, RAIN], edit_strength=1.0, mask="heat")
    assert edited.mask is not None
    assert edited.mask.shape == (2, 16, 16)
    free = photo.edit(FIRE, edit_strength=1.0, mask="everywhere")
    assert far(edited.images[0], VILLAGE) < far(free.images[0], VILLAGE)
    assert far(photo.edit([FIRE, RAIN], edit_strength=1.0).images[0], edited.images[0]) == 0  # it is the default
    assert photo.edit(None, "a fire").mask is None
    for wrong in ("heat", "there"):
        with pytest.raises(ConfigError, match="mask"):
            photo.edit(None, mask=wrong)  # type: ignore[arg-type]


def test_a_sound_can_be_taken_out() -> None:
    photo = MINI.prepare(VILLAGE, num_steps=6)
    away = photo.edit(AudioPrompt(None, negative=RAIN), edit_strength=1.0)
    nothing = photo.edit(None, edit_strength=1.0)
    assert far(away.images[0], nothing.images[0]) > 0.5
    assert away.settings["audio"]["sound"] == "no sound"
    with pytest.raises(ConfigError, match="needs a sound"):
        AudioPrompt(None)


def test_a_photo_of_another_shape_keeps_its_size() -> None:
    wide = np.repeat(np.repeat(VILLAGE, 2, axis=0), 3, axis=1)
    edited = MINI(wide, RAIN, num_steps=3)
    assert edited.images[0].size == (384, 256)
    assert edited.latents.shape[2:] == (12, 20)
    middle = MINI(wide, RAIN, num_steps=3, framing="crop", edit_strength=1.0).images[0]
    assert np.array_equal(np.asarray(middle)[:, :60], wide[:, :60])


def test_wrong_requests_teach() -> None:
    for wrong in ({"method": "magic"}, {"num_steps": 0}, {"num_steps": 2000}, {"seed": 2**64}):
        with pytest.raises(ConfigError):
            MINI.prepare(VILLAGE, **wrong)  # type: ignore[arg-type]
    photo = MINI.prepare(VILLAGE, num_steps=2)
    for setting in ({"edit_strength": 1.5}, {"attention": 3.0}, {"features": float("nan")}, {"batch_size": 0}):
        with pytest.raises(ConfigError, match=next(iter(setting))):
            photo.edit(FIRE, **setting)  # type: ignore[arg-type]
    other = EditPipeline(replace(MINI.components, scheduler=FlowMatchEulerDiscreteScheduler()))
    with pytest.raises(ConfigError, match="DDIMScheduler"):
        other.prepare(VILLAGE)
    with pytest.raises(ModelError, match="cannot hear"):
        EditPipeline(replace(MINI.components, hearing=None)).prepare(VILLAGE)


def test_the_published_sites_and_those_that_stand_for_them() -> None:
    published = InjectionSites.of(parity_unet())
    layers = {path.split(".transformer_blocks")[0] for path in published.attention}
    every = {(block, layer) for block in (1, 2, 3) for layer in (0, 1, 2)}
    assert layers == {f"up_blocks.{block}.attentions.{layer}" for block, layer in every - {(1, 0)}}
    assert published.residual == ("up_blocks.1.resnets.1.conv2", "up_blocks.1.resnets.2.conv2")
    mini = InjectionSites.of(MINI.components.unet)
    assert len(mini.attention) == 6
    assert mini.residual == ("up_blocks.0.resnets.1.conv2",)


def test_the_command_edits_and_says_where(tmp_path: Path) -> None:
    photo, sound = tmp_path / "village.png", tmp_path / "fire.wav"
    Image.fromarray(VILLAGE).save(photo)
    soundfile.write(sound, FIRE.samples, FIRE.sample_rate)
    out, film = tmp_path / "out", tmp_path / "film.mp4"
    run = CliRunner().invoke
    options = ["--steps", "2", "--out", str(out), "--device", "cpu"]
    done = run(app, ["edit", str(photo), str(sound), *options, "--sheet", "--film", str(film)])
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in out.iterdir()) == ["village-before-after.png", "village-fire.png"]
    settings = read_settings(out / "village-fire.png")
    assert (settings["photo"], settings["sound"], settings["method"]) == ("village.png", "fire.wav", "exact")
    with av.open(str(film)) as container:
        frames = sum(1 for _ in container.decode(video=0))
    assert frames == 64  # nine strengths, three blends between each two, there and back
    gone = run(app, ["edit", str(photo), "--without", str(sound), *options])
    assert gone.exit_code == 0, gone.output
    assert (out / "village-without-fire.png").is_file()
    for wrong in (
        ["edit", str(photo)],
        ["edit", str(photo), str(sound), "--film", str(tmp_path / "film.avi")],
        ["edit", str(photo), str(sound), "--mask", str(photo), "--everywhere"],
        ["edit", str(sound), str(sound)],
    ):
        refused = run(app, [*wrong, *options])
        assert isinstance(refused.exception, SonicDiffusionError), wrong
    some = run(app, ["edit", str(photo), str(photo), str(sound), *options])
    assert some.exit_code == 1
    assert "The picture is" in some.output  # the readable one of two sounds
