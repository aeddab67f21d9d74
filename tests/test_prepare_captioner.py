"""Captions come from a real captioner of the smallest size, loaded as a user's is."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image
from small_videos import RATE, scene_picture, scene_sound
from transformers import (
    BertTokenizer,
    BlipConfig,
    BlipForConditionalGeneration,
    BlipImageProcessor,
    BlipProcessor,
    BlipTextConfig,
    BlipVisionConfig,
)

from sonicdiffusion.data.captioner import Captioner
from sonicdiffusion.data.prepare import prepare
from sonicdiffusion.data.prepared import PreparedData
from sonicdiffusion.data.settings import PrepareSettings
from sonicdiffusion.errors import MissingFileError, ModelError

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", "rain", "wind", "fire", "over", "a", "city", "sea"]


@pytest.fixture(scope="module")
def captioner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny-blip"
    vocabulary = {word: index for index, word in enumerate(WORDS)}
    tokenizer = BertTokenizer(vocab=vocabulary)
    small: dict[str, Any] = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    text = BlipTextConfig(
        **small, vocab_size=len(WORDS), encoder_hidden_size=16, projection_dim=8, bos_token_id=5, sep_token_id=3
    )
    torch.manual_seed(1)
    config = BlipConfig(text_config=text.to_dict(), vision_config=BlipVisionConfig(**small, image_size=32).to_dict())
    model = BlipForConditionalGeneration(config)
    model.save_pretrained(folder)
    BlipProcessor(BlipImageProcessor(size={"height": 32, "width": 32}), tokenizer).save_pretrained(folder)
    return folder


def test_every_picture_is_captioned_by_the_model(captioner: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for index in range(5):
        Image.fromarray(scene_picture(index)).save(source / f"{index}.png")
        soundfile.write(source / f"{index}.wav", np.roll(scene_sound(1), index)[: RATE // 4], RATE)
    settings = PrepareSettings(captioner=str(captioner), chunk_clips=2, test_share=0.0)
    steps = prepare(source, tmp_path / "made", settings, workers=0)
    for step in steps:
        if step.stage == "reading" and step.done == 2:
            break
    steps.close()  # type: ignore[attr-defined] - a generator
    for _ in prepare(source, tmp_path / "made", settings, workers=0):
        pass
    data = PreparedData(tmp_path / "made")
    assert len(data) == 5
    jpegs = []
    for index in range(5):
        (tmp_path / "one.jpg").write_bytes(next(iter(data._media(index, index + 1)))[0])
        jpegs.append((tmp_path / "one.jpg").read_bytes())
    assert data.captions == Captioner(str(captioner))(jpegs)
    assert all(set(caption.split()) <= set(WORDS) for caption in data.captions)
    assert any(data.captions)
    assert data.facts["settings"]["captioner"] == "tiny-blip"  # not where it lies on this machine
    assert "have no caption" not in (tmp_path / "made" / "README.md").read_text() or "" in data.captions


def test_what_is_no_captioner_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "clap"}')
    with pytest.raises(ModelError, match="cannot be loaded as an image captioner") as caught:
        Captioner(str(tmp_path))
    assert "\n" not in str(caught.value)
    with pytest.raises(MissingFileError, match="There is no model"):
        Captioner(str(tmp_path / "gone"))
