"""One embedding becomes audio tokens as published, or through blocks that chain."""

import json

import pytest
import torch
from parity_rule import DATA, fill, largest_difference, load_case

from sonicdiffusion.errors import ConfigError, ModelError
from sonicdiffusion.models.audio_projector import AudioProjector, AudioProjectorConfig
from sonicdiffusion.models.published_names import projector_name, rename_projector

SHAPES = json.loads((DATA / "official_checkpoints.json").read_text())["audio_projector"]
SMALL = AudioProjectorConfig(
    embedding_width=32, num_tokens=5, token_width=24, attention_width=8, num_heads=2, num_blocks=3
)


@pytest.fixture(scope="module")
def published() -> AudioProjector:
    projector = AudioProjector(AudioProjectorConfig())
    projector.load_state_dict(rename_projector(fill(SHAPES)))
    return projector.eval()


@torch.no_grad()
def test_published_weights_give_the_published_tokens(published: AudioProjector) -> None:
    case = load_case("projector")
    assert largest_difference(published(case["embedding"]), case["tokens"]) < 1e-4


@torch.no_grad()
def test_null_tokens_are_those_of_an_embedding_of_zeros(published: AudioProjector) -> None:
    assert largest_difference(published.null_tokens(), load_case("projector")["tokens"][-1:]) < 1e-4


def test_every_published_tensor_has_one_place_of_the_same_shape(published: AudioProjector) -> None:
    ours = {name: list(value.shape) for name, value in published.state_dict().items()}
    assert {projector_name(name): shape for name, shape in SHAPES.items()} == ours
    assert sum(value.numel() for value in published.state_dict().values()) == 6_130_050


@torch.no_grad()
def test_only_the_last_published_block_counts_and_every_chained_one_does() -> None:
    torch.manual_seed(0)
    published = AudioProjector(SMALL)
    chained = AudioProjector(AudioProjectorConfig(**{**vars(SMALL), "residual": "chained"}))
    chained.load_state_dict(published.state_dict())
    embedding = torch.randn(2, 32)
    before = published(embedding), chained(embedding)
    assert largest_difference(*before) > 1e-3
    for network in (published, chained):
        network.blocks[0].get_submodule("widen").get_parameter("bias").add_(1)
    assert torch.equal(published(embedding), before[0])
    assert largest_difference(chained(embedding), before[1]) > 1e-3


@pytest.mark.parametrize(("kernel_size", "width"), [(3, 32), (9, 64), (17, 256)])
@torch.no_grad()
def test_tokens_have_three_quarters_of_the_width_for_every_kernel(kernel_size: int, width: int) -> None:
    config = AudioProjectorConfig(width, 6, 3 * width // 4, 16, 2, 2, kernel_size)
    assert AudioProjector(config)(torch.randn(2, width)).shape == (2, 6, 3 * width // 4)


@pytest.mark.parametrize(("embedding", "tokens"), [(512, 768), (1024, 1024), (256, 768), (1024, 512)])
@torch.no_grad()
def test_any_encoder_goes_with_any_image_model(embedding: int, tokens: int) -> None:
    projector = AudioProjector(AudioProjectorConfig(embedding, 6, tokens, 16, 2, 2, 5))
    assert projector(torch.randn(2, embedding)).shape == (2, 6, tokens)
    assert projector.null_tokens().shape == (1, 6, tokens)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"attention_width": 321}, "multiple"),
        ({"kernel_size": 16}, "odd"),
        ({"residual": "twisted"}, "chained"),
        ({"num_blocks": 0}, "at least 1"),
    ],
)
def test_a_contradictory_config_is_refused(wrong: dict, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        AudioProjectorConfig(**wrong)


def test_a_foreign_tensor_name_is_refused() -> None:
    with pytest.raises(ModelError, match="no tensor of the published audio projector"):
        projector_name("unet.conv_in.weight")
