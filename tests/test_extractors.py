"""Extractors are the published networks: the same weights give the same numbers as the published code."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from random_weights import random_pictures, random_sound, random_weights
from safetensors.torch import save_file
from small_models import tiny_tokenizer
from transformers.models.clip.configuration_clip import CLIPConfig
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.clip.modeling_clip import CLIPModel
from typer.testing import CliRunner

from sonicdiffusion.cli.main import app
from sonicdiffusion.errors import ConfigError, ModelError
from sonicdiffusion.evaluation.extractors.choice import choose_extractors
from sonicdiffusion.evaluation.extractors.clip import ClipExtractor, preprocess
from sonicdiffusion.evaluation.extractors.extractor import SoundExtractor, TextExtractor
from sonicdiffusion.evaluation.extractors.inception import InceptionExtractor, InceptionV3
from sonicdiffusion.evaluation.extractors.judged import JudgeExtractor
from sonicdiffusion.evaluation.extractors.wav2clip import Wav2Clip, Wav2ClipExtractor
from sonicdiffusion.evaluation.judge import Judge
from sonicdiffusion.soundscapes.picture.paint import paint
from sonicdiffusion.soundscapes.scene import EVENTS, sample_scene
from sonicdiffusion.soundscapes.sound.synthesis import synthesise
from sonicdiffusion.values import Waveform

# Every 32nd number of torch-fidelity 0.4.0's Inception (torch_fidelity/feature_extractor_inceptionv3.py) and every 8th
# of wav2clip 0.1.0's network, with torch.stft as its spectrogram, on the weights and inputs of random_weights.py.
PUBLISHED = np.load(Path(__file__).parent / "data" / "extractors.npz")


@pytest.fixture(scope="module")
def judge() -> JudgeExtractor:
    return JudgeExtractor(Judge.load())


def small_clip(folder: Path, projection: int = 512) -> Path:
    tokenizer = tiny_tokenizer()
    tokenizer.save_pretrained(folder)
    text = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    vision = {**text, "image_size": 32, "patch_size": 8}
    special = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("bos", "eos", "pad")}
    config = CLIPConfig(
        text_config={**text, **special, "vocab_size": len(tokenizer), "max_position_embeddings": 12},
        vision_config=vision,
        projection_dim=projection,
    )
    torch.manual_seed(0)
    CLIPModel(config).save_pretrained(folder)
    return folder


def test_inception_gives_the_numbers_of_the_published_network(tmp_path: Path) -> None:
    network = InceptionV3()
    assert sum(parameter.numel() for parameter in network.parameters()) == 21_785_568
    torch.save(random_weights(network), tmp_path / "inception.pth")
    out = tmp_path / "inception.safetensors"
    result = CliRunner().invoke(app, ["convert-weights", str(tmp_path / "inception.pth"), "--out", str(out)])
    assert result.exit_code == 0, result.output
    found = InceptionExtractor.load(out).pictures(random_pictures(128, 160))
    assert found.shape == (2, 2048)
    assert np.abs(found[:, ::32] - PUBLISHED["inception"]).max() < 1e-4
    save_file({"x": torch.zeros(1)}, out)
    with pytest.raises(ModelError, match="lacks"):
        InceptionExtractor.load(out)


def test_wav2clip_gives_the_numbers_of_the_published_network(tmp_path: Path) -> None:
    save_file({**random_weights(Wav2Clip()), "image_encoder.x": torch.zeros(1)}, tmp_path / "w.safetensors")
    clip = ClipExtractor.load(small_clip(tmp_path / "clip"))
    extractor = Wav2ClipExtractor.load(tmp_path / "w.safetensors", clip)
    sound = Waveform(random_sound(), 16_000)
    found = extractor.sounds([sound, Waveform(random_sound()[:200], 16_000)])
    assert found.shape == (2, 512)
    assert np.abs(found[0, ::8] - PUBLISHED["wav2clip"][0]).max() < 1e-3
    assert extractor.pictures(random_pictures(40, 50)).shape == (2, 512)
    assert not extractor.facts.is_published  # its CLIP is another
    with pytest.raises(ConfigError, match="goes with CLIP ViT-B/32"):
        Wav2ClipExtractor.load(tmp_path / "w.safetensors", ClipExtractor.load(small_clip(tmp_path / "other", 24)))


def test_clip_sees_pictures_as_its_own_processor_prepares_them(tmp_path: Path) -> None:
    pictures = random_pictures(90, 131)
    processor = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    theirs: Any = processor(list(pictures), return_tensors="pt")["pixel_values"]
    assert (preprocess(pictures, 32) - theirs).abs().max() < 1e-5
    folder = small_clip(tmp_path / "clip")
    extractor = ClipExtractor.load(folder)
    network = CLIPModel.from_pretrained(folder).eval()
    with torch.no_grad():
        output: Any = network.get_image_features(pixel_values=theirs)
    expected = output.pooler_output
    expected = expected / expected.norm(dim=1, keepdim=True)
    assert np.abs(extractor.pictures(pictures) - expected.numpy()).max() < 1e-5
    texts = extractor.texts(["rain", "a very " + "long " * 40 + "text"])
    assert np.allclose(np.linalg.norm(texts, axis=1), 1, atol=1e-5)
    assert extractor.facts.version != ClipExtractor.load(small_clip(tmp_path / "b", 24)).facts.version


def test_the_judge_puts_names_sounds_and_pictures_of_an_event_together(judge: JudgeExtractor) -> None:
    assert isinstance(judge, SoundExtractor)
    assert isinstance(judge, TextExtractor)
    scenes = [sample_scene(31_500_000 + index, event=event) for index, event in enumerate(EVENTS)]
    pictures = judge.pictures(np.stack([paint(scene).image for scene in scenes]))
    names = judge.texts([event.replace("_", " ") for event in EVENTS])
    sounds = judge.sounds([synthesise(scene) for scene in scenes])
    assert ((pictures @ names.T).argmax(axis=1) == np.arange(12)).sum() >= 11
    assert ((pictures @ sounds.T).argmax(axis=1) == np.arange(12)).sum() >= 8
    assert not judge.facts.is_published


def test_a_judge_that_cannot_read_is_refused_as_extractor() -> None:
    with pytest.raises(ModelError, match="reads no text"):
        choose_extractors(Judge(Judge.load().network))
    with pytest.raises(ConfigError, match="--wav2clip-pictures"):
        choose_extractors(Judge.load(), wav2clip=Path("w.safetensors"))
