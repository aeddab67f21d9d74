"""Sound beside what else people load into a pipeline: neither disturbs the other, in any order of coming and going."""

from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import cpu_offload
from accelerate.hooks import remove_hook_from_module
from peft import LoraConfig
from stock_pipelines import build_pipeline, draw, tiny_adapter
from test_stock_pipelines import clip, largest

from sonicdiffusion import AudioPrompt, load_audio_adapter, unload_audio_adapter

KIND = "text-to-image"
Undo = Callable[[], Any]


def with_lora(pipe: Any) -> tuple[dict[str, Any], Undo]:
    torch.manual_seed(4)
    targets = ["to_q", "to_k", "to_v", "to_out.0"]
    pipe.unet.add_adapter(LoraConfig(r=2, target_modules=targets, init_lora_weights=False), "style")
    return {}, lambda: pipe.unload_lora_weights()


def with_ip_adapter(pipe: Any) -> tuple[dict[str, Any], Undo]:
    random = torch.Generator().manual_seed(5)
    width, tokens = pipe.unet.config.cross_attention_dim, 4
    layers: dict[str, torch.Tensor] = {}
    cross = [name for name in pipe.unet.attn_processors if name.endswith("attn2.processor")]
    for index, name in enumerate(cross):
        channels = pipe.unet.get_submodule(name.removesuffix(".processor")).to_q.out_features
        for part in ("k", "v"):
            layers[f"{2 * index + 1}.to_{part}_ip.weight"] = torch.randn(channels, width, generator=random)
    picture = {
        "proj.weight": torch.randn(tokens * width, 10, generator=random),
        "proj.bias": torch.zeros(tokens * width),
        "norm.weight": torch.ones(width),
        "norm.bias": torch.zeros(width),
    }
    pipe.unet._load_ip_adapter_weights([{"image_proj": picture, "ip_adapter": layers}])
    embeds = torch.randn(1, 1, 10, generator=random)
    given = {"ip_adapter_image_embeds": [torch.cat([torch.zeros_like(embeds), embeds])]}
    return given, lambda: pipe.unload_ip_adapter()


def with_textual_inversion(pipe: Any) -> tuple[dict[str, Any], Undo]:
    token = torch.randn(24, generator=torch.Generator().manual_seed(6))
    pipe.load_textual_inversion({"<storm>": token}, token="<storm>")
    return {"prompt": "rain <storm>"}, lambda: pipe.unload_textual_inversion()


CONTROLS = {"LoRA": with_lora, "IP-Adapter": with_ip_adapter, "textual inversion": with_textual_inversion}


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_adapter(tmp_path_factory.mktemp("adapter") / "sd")


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("audio_first", [True, False])
@pytest.mark.parametrize("audio_leaves_first", [True, False])
def test_controls_beside_sound(control: str, audio_first: bool, audio_leaves_first: bool, adapter: Path) -> None:
    pipe = build_pipeline(KIND)
    plain = draw(pipe, KIND)
    if audio_first:
        load_audio_adapter(pipe, adapter)
    given, undo = CONTROLS[control](pipe)
    controlled = draw(pipe, KIND, **given)
    if not audio_first:
        load_audio_adapter(pipe, adapter)
        assert np.array_equal(draw(pipe, KIND, **given), controlled)
    assert np.array_equal(draw(pipe, KIND, audio=clip(), audio_strength=0.0, **given), controlled)
    both = draw(pipe, KIND, audio=clip(), **given)
    apart = draw(pipe, KIND, audio=clip(), audio_guidance=1.5, **given)
    assert min(largest(both, controlled), largest(apart, controlled), largest(apart, both)) > 1e-4
    undos = [lambda: unload_audio_adapter(pipe), undo]
    first, second = undos if audio_leaves_first else undos[::-1]
    first()
    if audio_leaves_first:
        assert np.array_equal(draw(pipe, KIND, **given), controlled)
    else:
        heard = draw(pipe, KIND, audio=clip())
        assert min(largest(heard, both), largest(heard, plain)) > 1e-4, "the other control had an effect of its own"
    second()
    assert np.array_equal(draw(pipe, KIND), plain)


def test_a_compiled_unet_hears_and_is_not_compiled_anew_for_another_strength(adapter: Path) -> None:
    pipe = build_pipeline(KIND)
    load_audio_adapter(pipe, adapter)
    eager = {strength: draw(pipe, KIND, audio=clip(), audio_strength=strength) for strength in (0.3, 0.9)}
    torch._dynamo.reset()
    compiled: list[Any] = []

    def backend(graph: Any, _inputs: Any) -> Any:
        compiled.append(graph)
        return graph.forward

    pipe.unet = torch.compile(pipe.unet, backend=backend)
    first = draw(pipe, KIND, audio=clip(), audio_strength=0.3)
    graphs = len(compiled)
    assert graphs > 0
    second = draw(pipe, KIND, audio=clip(), audio_strength=0.9)
    assert len(compiled) == graphs
    assert largest(first, eager[0.3]) < 1e-5
    assert largest(second, eager[0.9]) < 1e-5
    load_audio_adapter(pipe, adapter, name="later")
    sounds = [AudioPrompt(clip(), adapter="default"), AudioPrompt(clip(1), adapter="later")]
    assert largest(draw(pipe, KIND, audio=sounds), first) > 1e-4
    torch._dynamo.reset()


def test_weights_that_wait_elsewhere_are_brought_for_the_sound_too(adapter: Path) -> None:
    pipe = build_pipeline(KIND)
    load_audio_adapter(pipe, adapter)
    heard = draw(pipe, KIND, audio=clip())
    cpu_offload(pipe.unet, torch.device("cpu"))
    assert next(pipe.unet.parameters()).device.type == "meta"
    assert largest(draw(pipe, KIND, audio=clip()), heard) < 1e-6
    remove_hook_from_module(pipe.unet, recurse=True)


@pytest.mark.parametrize("saving", ["enable_attention_slicing", "enable_freeu", "unet.enable_gradient_checkpointing"])
def test_memory_savers_and_sound_go_together(saving: str, adapter: Path) -> None:
    pipe = build_pipeline(KIND)
    load_audio_adapter(pipe, adapter)
    before = draw(pipe, KIND, audio=clip())
    arguments = (1.0, 1.0, 1.0, 1.0) if saving == "enable_freeu" else ()
    attrgetter(saving)(pipe)(*arguments)
    silent = draw(pipe, KIND)
    heard = draw(pipe, KIND, audio=clip())
    assert largest(heard, silent) > 1e-4
    assert largest(heard, before) < 1e-4


def test_a_pipeline_in_half_precision_hears(adapter: Path) -> None:
    pipe = build_pipeline(KIND)
    load_audio_adapter(pipe, adapter)
    pipe.to(torch.bfloat16)
    assert {weight.dtype for weight in pipe.unet.parameters()} == {torch.bfloat16}
    assert largest(draw(pipe, KIND, audio=clip()), draw(pipe, KIND)) > 1e-3
