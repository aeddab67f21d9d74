"""A model's safety checker, of diffusers' own class: what it finds unsafe comes out black, and is told."""

import json
import shutil
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import pytest
import soundfile
import torch
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from PIL import Image
from transformers.models.clip.configuration_clip import CLIPConfig
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from sonicdiffusion import EditPipeline, GenerationPipeline
from sonicdiffusion.cli.main import main
from sonicdiffusion.errors import MissingFileError
from sonicdiffusion.hub import resolve

NEVER, ALWAYS = 2.0, -2.0  # thresholds for cosines
LAYERS = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
WORDS = {"vocab_size": 3, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}


def with_checker(model: Path, place: Path, threshold: float) -> Path:
    """Copy a model and give it a checker that flags what is closer to its concepts than a threshold."""
    copy = Path(shutil.copytree(model, place))
    torch.manual_seed(0)
    eye: dict[str, Any] = {**LAYERS, "image_size": 16, "patch_size": 8}
    checker = StableDiffusionSafetyChecker(
        CLIPConfig(vision_config=eye, text_config={**LAYERS, **WORDS}, projection_dim=8)
    )
    checker.concept_embeds_weights.data.fill_(threshold)
    checker.special_care_embeds_weights.data.fill_(NEVER)
    checker.save_pretrained(copy / "safety_checker")
    sides = {"height": 16, "width": 16}
    CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size=sides).save_pretrained(copy / "feature_extractor")
    named = {"safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"]}
    (copy / "model_index.json").write_text(json.dumps(named))
    return copy


def load(model: Path, **settings: Any) -> GenerationPipeline:
    return GenerationPipeline.from_pretrained(model, device="cpu", **settings)


def pixels(images: list[Image.Image]) -> np.ndarray:
    return np.stack([np.asarray(image) for image in images])


def test_a_checker_that_minds_nothing_changes_nothing(
    model: Path, tmp_path: Path, pipeline: GenerationPipeline
) -> None:
    made = load(with_checker(model, tmp_path / "m", NEVER))(prompt="rain", num_images=2)
    bare = pipeline(prompt="rain", num_images=2)
    assert (pixels(made.images) == pixels(bare.images)).all()
    assert (made.settings["unsafe"], bare.settings["unsafe"]) == ([False, False], None)


def test_what_it_minds_is_black_and_told(model: Path, tmp_path: Path, pipeline: GenerationPipeline) -> None:
    place = with_checker(model, tmp_path / "m", ALWAYS)
    made = load(place)(prompt="rain", num_images=2)
    assert not pixels(made.images).any()
    assert made.settings["unsafe"] == [True, True]
    unchecked = load(place, check_safety=False)(prompt="rain")
    assert (pixels(unchecked.images) == pixels(pipeline(prompt="rain").images)).all()


def test_only_what_it_minds_is_black(model: Path, tmp_path: Path) -> None:
    place = with_checker(model, tmp_path / "m", NEVER)
    checker: Any = load(place).components.safety_checker
    two = [Image.new("RGB", (20, 16), colour) for colour in ("red", "blue")]
    seen = checker.feature_extractor(two, return_tensors="pt").pixel_values
    features = checker.network.visual_projection(checker.network.vision_model(seen)[1])
    cosines = torch.cosine_similarity(features, checker.network.concept_embeds[:1])
    checker.network.concept_embeds_weights.fill_(float(cosines.mean()))
    safe, unsafe = checker(two)
    assert unsafe == (cosines > cosines.mean()).tolist()
    assert [not np.asarray(one).any() for one in safe] == unsafe


def test_edits_are_checked(model: Path, tmp_path: Path) -> None:
    pipeline = EditPipeline.from_pretrained(with_checker(model, tmp_path / "m", ALWAYS), device="cpu")
    photo = np.full((20, 30, 3), 200, np.uint8)
    made = pipeline(photo, None, "rain", method="redraw")
    assert made.images[0].size == (30, 20)
    assert not pixels(made.images).any()
    assert made.settings["unsafe"] == [True]


def test_the_command_tells_of_it(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    place = with_checker(model, tmp_path / "m", ALWAYS)
    sound = tmp_path / "hiss.wav"
    soundfile.write(sound, np.random.default_rng(0).normal(0, 0.1, 8000), 8000)
    for extra, told in (([], True), (["--no-safety-checker"], False)):
        out = tmp_path / f"out{told}"
        monkeypatch.setattr(
            "sys.argv", ["sonicdiffusion", "generate", str(sound), "--model", str(place), "--out", str(out), *extra]
        )
        with pytest.raises(SystemExit) as exit_:
            main()
        assert exit_.value.code == 0
        assert ("black image" in caplog.text) is told
        caplog.clear()
        assert bool(np.asarray(Image.open(out / "hiss.png")).any()) is not told


@pytest.mark.parametrize("part", ["safety_checker", "feature_extractor"])
def test_a_checker_that_is_not_there_is_told(part: str, model: Path, tmp_path: Path) -> None:
    place = with_checker(model, tmp_path / "m", ALWAYS)
    shutil.rmtree(place / part)
    with pytest.raises(MissingFileError, match=f"no folder '{part}'.*check_safety=False"):
        load(place)
    load(place, check_safety=False)


def test_it_is_downloaded_unless_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(
        huggingface_hub, "snapshot_download", lambda *_, **settings: asked.append(settings) or str(tmp_path)
    )
    resolve("owner/model")
    resolve("owner/model", without=("safety_checker",))
    assert ["safety_checker/*" in one["ignore_patterns"] for one in asked] == [False, True]
