"""A stock UNet gets ears, computes as published with them, and loses them without a trace."""

import copy
import json
from typing import Any

import pytest
import torch
from diffusers.models import attention
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.utils import logging
from parity_rule import DATA, largest_difference, load_case, normal_input
from small_models import install_parity_adapter, open_adapter, parity_unet, tiny_unet
from torch import Tensor

from sonicdiffusion.errors import ConfigError, ModelError
from sonicdiffusion.models.audio_adapter import AudioAdapter, adapter_names, default_sites
from sonicdiffusion.models.heard_sound import HeardSound, mask_positions
from sonicdiffusion.models.published_names import adapter_name


def inputs(batch: int = 2) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return latents, timesteps, text tokens and audio tokens for the tiny UNet."""
    random = torch.Generator().manual_seed(1)
    latents = torch.randn(batch, 4, 8, 8, generator=random)
    text_tokens = torch.randn(batch, 7, 24, generator=random)
    audio_tokens = torch.randn(batch, 5, 24, generator=random)
    return latents, torch.arange(1, batch + 1) * 100, text_tokens, audio_tokens


def predict(unet: UNet2DConditionModel, tokens: Any = None, strength: Any = 1.0, **others: Any) -> Tensor:
    sounds = () if tokens is None else (HeardSound(tokens, strength, **others),)
    return predict_with(unet, *sounds)


def predict_with(unet: UNet2DConditionModel, *sounds: HeardSound) -> Tensor:
    latents, timesteps, text_tokens, _ = inputs()
    arguments = {"audio": sounds} if sounds else None
    return unet(latents, timesteps, text_tokens, cross_attention_kwargs=arguments).sample


@pytest.mark.parametrize(
    ("stored", "strength"),
    [("noise_without_audio", None), ("noise_with_audio", 1.0), ("noise_with_audio_scale_0.35", 0.35)],
)
@torch.no_grad()
def test_published_weights_give_the_published_prediction(stored: str, strength: float | None) -> None:
    case = load_case("unet")
    unet = parity_unet()
    install_parity_adapter(unet)
    audio = None if strength is None else {"audio": [HeardSound(case["audio_tokens"], strength)]}
    text_tokens = normal_input("text", (2, 77, 768))
    output = unet(case["latents"], case["timesteps"], text_tokens, cross_attention_kwargs=audio).sample
    assert largest_difference(output, case[stored]) < 1e-4


def test_a_full_size_adapter_has_the_published_tensors() -> None:
    shapes = json.loads((DATA / "official_checkpoints.json").read_text())["audio_adapter"]
    with torch.device("meta"):
        unet = UNet2DConditionModel(cross_attention_dim=768, attention_head_dim=8, sample_size=64)
        adapter = AudioAdapter.install(unet)
    ours = {name: list(value.shape) for name, value in adapter.state_dict().items()}
    published = {adapter_name(name): shape for name, shape in shapes.items()}
    assert len(published) == 80
    assert published == ours


@torch.no_grad()
def test_a_fresh_adapter_reproduces_the_base_model() -> None:
    unet = tiny_unet()
    before = predict(unet)
    AudioAdapter.install(unet)
    assert torch.equal(predict(unet, inputs()[-1]), before)


@pytest.mark.parametrize("off", [0, 0.0, torch.tensor(0.0), torch.zeros(2), {}])
@torch.no_grad()
def test_zero_strength_reproduces_the_base_model(off: object) -> None:
    unet = tiny_unet()
    before = predict(unet)
    open_adapter(unet)
    assert torch.equal(predict(unet, inputs()[-1], strength=off), before)
    assert torch.equal(predict(unet), before)


@torch.no_grad()
def test_an_open_gate_is_heard_and_more_strength_is_heard_more() -> None:
    unet = tiny_unet()
    before = predict(unet)
    open_adapter(unet)
    quiet, loud = (
        largest_difference(predict(unet, inputs()[-1], strength=strength), before) for strength in (0.1, 1.0)
    )
    assert 1e-5 < quiet < loud


@torch.no_grad()
def test_a_copy_of_the_text_attention_answers_audio_tokens_like_text() -> None:
    unet = tiny_unet()
    adapter = AudioAdapter.install(unet)
    adapter.copy_text_attention(gate=20.0)  # tanh of it is 1
    site: Any = unet.get_submodule(adapter.sites[0])
    hidden, tokens = torch.randn(2, 5, site.dim), torch.randn(2, 7, 24)
    text = site.attn2(site.norm2(hidden), encoder_hidden_states=tokens)
    torch.testing.assert_close(adapter.branches[adapter.sites[0]](hidden, tokens), text)
    with pytest.raises(ModelError, match="width 16 to copy"):
        AudioAdapter.install(tiny_unet(), token_width=16).copy_text_attention(gate=0.5)


@torch.no_grad()
def test_strength_may_differ_by_row_and_by_site() -> None:
    unet = tiny_unet()
    adapter = open_adapter(unet)
    tokens = inputs()[-1]
    plain, full = predict(unet), predict(unet, tokens)
    rows = predict(unet, tokens, strength=torch.tensor([0.0, 1.0]))
    assert largest_difference(rows[0], plain[0]) < 1e-6
    assert largest_difference(rows[1], full[1]) < 1e-6
    everywhere = predict(unet, tokens, strength=dict.fromkeys(adapter.sites, 1.0))
    one_site = predict(unet, tokens, strength={adapter.sites[0]: 1.0})
    assert torch.equal(everywhere, full)
    assert largest_difference(one_site, full) > 1e-4
    assert largest_difference(one_site, plain) > 1e-4


@torch.no_grad()
def test_prepared_tokens_give_the_same_prediction() -> None:
    unet = tiny_unet()
    adapter = open_adapter(unet)
    tokens = inputs()[-1]
    assert largest_difference(predict(unet, adapter.prepare(tokens)), predict(unet, tokens)) < 1e-6


@torch.no_grad()
def test_removal_puts_back_model_names_and_classes() -> None:
    unet = tiny_unet()
    before = predict(unet)
    names, classes = list(unet.state_dict()), [type(module) for module in unet.modules()]
    adapter = open_adapter(unet)
    assert [name for name in unet.state_dict() if ".audio_attention." not in name] == names
    adapter.remove()
    assert list(unet.state_dict()) == names
    assert all(one is other for one, other in zip(classes, map(type, unet.modules()), strict=True))
    assert not any(hasattr(module, "audio_site") for module in unet.modules())
    assert torch.equal(predict(unet), before)


@torch.no_grad()
def test_the_bare_base_model_can_be_lent_out() -> None:
    unet = tiny_unet()
    names = list(unet.state_dict())
    adapter = open_adapter(unet)
    tokens = inputs()[-1]
    before = predict(unet, tokens)
    with adapter.removed() as base:
        assert list(base.state_dict()) == names
    with pytest.raises(ZeroDivisionError), adapter.removed():
        _ = 1 / 0
    assert torch.equal(predict(unet, tokens), before)


@torch.no_grad()
def test_a_copy_carries_its_own_adapter() -> None:
    unet = tiny_unet()
    open_adapter(unet)
    twin = copy.deepcopy(unet)
    adapter = AudioAdapter.of(twin)
    for parameter in adapter.parameters():
        parameter.zero_()
    assert torch.equal(predict(twin, inputs()[-1]), predict(twin))
    assert not torch.equal(predict(unet, inputs()[-1]), predict(unet))


@pytest.mark.parametrize("prepared", [False, True])
def test_checkpointing_gives_the_same_gradients(prepared: bool) -> None:
    unet = tiny_unet()
    adapter = open_adapter(unet)
    gradients = []
    for is_checkpointing in (False, True):
        if is_checkpointing:
            unet.enable_gradient_checkpointing()
            unet.train()
        tokens = inputs()[-1].requires_grad_()
        audio = adapter.prepare(tokens) if prepared else tokens
        unet.zero_grad()
        predict(unet, audio).square().mean().backward()
        assert tokens.grad is not None
        gates = [branch.gate.grad for branch in adapter.branches.values()]
        gradients.append(torch.cat([tokens.grad.flatten(), *(gate for gate in gates if gate is not None)]))
    assert gradients[0].abs().max() > 1e-6
    assert largest_difference(*gradients) < 1e-7


def test_only_the_branches_train_when_the_base_is_frozen() -> None:
    unet = tiny_unet().requires_grad_(False)
    adapter = AudioAdapter.install(unet)
    predict(unet, inputs()[-1]).square().mean().backward()
    trained = {name for name, parameter in unet.named_parameters() if parameter.requires_grad}
    assert trained == {name for name, _ in unet.named_parameters() if ".audio_attention." in name}
    # The zero start must not be a dead one: the output matrices move first.
    gradients = [branch.out.weight.grad for branch in adapter.branches.values()]
    assert all(gradient is not None and gradient.abs().max() > 0 for gradient in gradients)


@torch.no_grad()
def test_calls_give_no_warning(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    logging.enable_propagation()
    try:
        unet = tiny_unet()
        adapter = open_adapter(unet)
        predict(unet, inputs()[-1], strength=0.5)
        predict(unet, adapter.prepare(inputs()[-1]), strength=0.0)
    finally:
        logging.disable_propagation()
    assert caplog.records == []
    assert capfd.readouterr().err == ""


@torch.no_grad()
def test_chunked_feed_forward_gives_the_same_prediction() -> None:
    unet = tiny_unet()
    open_adapter(unet)
    whole = predict(unet, inputs()[-1])
    for block in unet.modules():
        if isinstance(block, attention.BasicTransformerBlock):
            block.set_chunk_feed_forward(4, dim=1)
    assert largest_difference(predict(unet, inputs()[-1]), whole) < 1e-5


def test_default_sites_are_the_middle_and_the_up_path_first_layers() -> None:
    unet = tiny_unet(transformer_layers_per_block=(1, 2))
    sites = default_sites(unet)
    assert sites == (
        "up_blocks.0.attentions.0.transformer_blocks.0",
        "up_blocks.0.attentions.1.transformer_blocks.0",
        "up_blocks.1.attentions.0.transformer_blocks.0",
        "up_blocks.1.attentions.1.transformer_blocks.0",
        "mid_block.attentions.0.transformer_blocks.0",
    )


def test_blocks_keep_the_class_name_that_compilation_looks_for() -> None:
    unet = tiny_unet()
    AudioAdapter.install(unet)
    kinds = {type(module) for module in unet.modules() if isinstance(module, attention.BasicTransformerBlock)}
    assert [kind.__name__ for kind in kinds] == ["BasicTransformerBlock"]
    assert kinds != {attention.BasicTransformerBlock}


@torch.no_grad()
def test_half_precision_stays_half_precision() -> None:
    unet = tiny_unet()
    open_adapter(unet)
    torch.nn.Module.to(unet, torch.bfloat16)
    latents, timesteps, text_tokens, audio_tokens = (value.to(torch.bfloat16) for value in inputs())
    audio = {"audio": [HeardSound(audio_tokens, torch.ones(2))]}  # float32
    assert unet(latents, timesteps, text_tokens, cross_attention_kwargs=audio).sample.dtype == torch.bfloat16


def test_what_does_not_fit_is_refused_and_changes_nothing() -> None:
    unet = tiny_unet()
    names, classes = list(unet.state_dict()), [type(module) for module in unet.modules()]
    with pytest.raises(ModelError, match="no place for audio"):
        AudioAdapter.install(unet, ["up_blocks.9"])
    with pytest.raises(ModelError, match="has no audio adapter"):
        AudioAdapter.of(unet)
    with pytest.raises(ModelError, match="GLIGEN"):
        AudioAdapter.install(tiny_unet(attention_type="gated"))
    assert list(unet.state_dict()) == names
    assert [type(module) for module in unet.modules()] == classes
    adapter = AudioAdapter.install(unet)
    with pytest.raises(ModelError, match="already"):
        AudioAdapter.install(unet)
    state = adapter.state_dict()
    gate = next(name for name in state if name.endswith(".gate"))
    with pytest.raises(ModelError, match="lack"):
        adapter.load_state_dict({name: value for name, value in state.items() if name != gate})
    with pytest.raises(ModelError, match="no place for"):
        adapter.load_state_dict(state | {"audio_adapter.x.gate": state[gate]})
    with pytest.raises(ModelError, match="has shape"):
        adapter.load_state_dict(state | {gate: torch.zeros(2)})


@torch.no_grad()
def test_adapters_of_several_names_add_up_in_any_order_and_go_one_by_one() -> None:
    unet = tiny_unet()
    plain, tokens = predict(unet), inputs()[-1]
    rain = open_adapter(unet)
    alone = predict(unet, tokens)
    hits = open_adapter(unet, "hits")
    assert adapter_names(unet) == ("default", "hits")
    assert torch.equal(predict(unet, tokens), alone), "a sound reaches its own adapter only"
    one, other = HeardSound(tokens), HeardSound(tokens.flip(0), 0.5, adapter="hits")
    both = predict_with(unet, one, other)
    assert largest_difference(predict_with(unet, other, one), both) < 1e-5
    assert min(largest_difference(both, single) for single in (alone, predict_with(unet, other))) > 1e-4
    hits.remove()
    assert adapter_names(unet) == ("default",)
    assert torch.equal(predict_with(unet, one, other), alone)
    rain.remove()
    assert torch.equal(predict(unet), plain)
    assert {type(m) for m in unet.modules() if isinstance(m, attention.BasicTransformerBlock)} == {
        attention.BasicTransformerBlock
    }


@torch.no_grad()
def test_a_mask_says_where_a_sound_acts() -> None:
    unet = tiny_unet()
    adapter = AudioAdapter.install(unet, ["up_blocks.1.attentions.0.transformer_blocks.0"])  # 8 x 8 positions
    site: Any = unet.get_submodule(adapter.sites[0])
    with torch.no_grad():
        getattr(site, "audio_attention")["default"].out.weight.normal_()  # noqa: B009
    hidden, tokens = torch.randn(1, 64, site.dim), torch.randn(1, 5, 24)
    left = torch.zeros(1, 32, 32)
    left[:, :, :16] = 1.0
    plain = site(hidden, encoder_hidden_states=tokens)
    masked = site(
        hidden, encoder_hidden_states=tokens, cross_attention_kwargs={"audio": [HeardSound(tokens, mask=left)]}
    )
    change = (masked - plain).abs().amax(dim=2).reshape(8, 8)
    assert (change[:, 4:] == 0).all()
    assert (change[:, :4] > 0).all()


def test_masks_take_the_shape_of_a_site() -> None:
    mask = torch.zeros(1, 64, 96)
    mask[:, :, 48:] = 1.0
    small = mask_positions(mask, 8 * 12).reshape(8, 12)
    assert (small[:, :6] == 0).all()
    assert (small[:, 6:] == 1).all()
    with pytest.raises(ConfigError, match="another shape"):
        mask_positions(mask, 31)
