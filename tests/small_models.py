"""Real diffusers and transformers classes at tiny sizes, for the tests."""

import json
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from parity_rule import DATA, fill, published_shapes
from tokenizers.pre_tokenizers import ByteLevel
from transformers.models.clip.configuration_clip import CLIPTextConfig
from transformers.models.clip.modeling_clip import CLIPTextModel
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from sonicdiffusion.audio.log_mel import LogMelSettings
from sonicdiffusion.models.adapter_file import AdapterConfig, EncoderName, save_adapter
from sonicdiffusion.models.audio_adapter import AudioAdapter
from sonicdiffusion.models.audio_encoder import ClapAudioEncoder, ClapAudioEncoderConfig
from sonicdiffusion.models.audio_projector import AudioProjector, AudioProjectorConfig
from sonicdiffusion.models.encoder_facts import EncoderFacts
from sonicdiffusion.models.published_names import adapter_name, rename_adapter


def parity_unet() -> UNet2DConditionModel:
    """Return the UNet of the parity cases, with Stable Diffusion's topology."""
    unet = UNet2DConditionModel(**json.loads((DATA / "unet_config.json").read_text()))
    unet.load_state_dict(fill({name: tuple(value.shape) for name, value in unet.state_dict().items()}))
    return unet.eval().requires_grad_(False)


def install_parity_adapter(unet: UNet2DConditionModel) -> AudioAdapter:
    """Install an adapter with the weights of the parity cases."""
    names = json.loads((DATA / "official_checkpoints.json").read_text())["audio_adapter"]
    adapter = AudioAdapter.install(unet)
    adapter.load_state_dict(rename_adapter(fill(published_shapes(adapter.state_dict(), names, adapter_name))))
    return adapter


def tiny_unet(**changes: object) -> UNet2DConditionModel:
    """Return an untrained UNet of two levels, with text tokens 24 wide."""
    torch.manual_seed(0)
    settings = {
        "sample_size": 8,
        "in_channels": 4,
        "out_channels": 4,
        "layers_per_block": 1,
        "block_out_channels": (16, 32),
        "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        "cross_attention_dim": 24,
        "attention_head_dim": 4,
        "norm_num_groups": 8,
    }
    return UNet2DConditionModel(**(settings | changes)).eval()  # type: ignore[arg-type]


def open_adapter(unet: UNet2DConditionModel, name: str = "default") -> AudioAdapter:
    """Install an adapter whose output weights are random, so that it is heard."""
    adapter = AudioAdapter.install(unet, name=name)
    with torch.no_grad():
        for branch in adapter.branches.values():
            branch.out.weight.normal_(std=0.5)
    return adapter


TINY_ENCODER = ClapAudioEncoderConfig(
    name="tiny",
    log_mel=LogMelSettings(8000, 256, 128, 16, 50.0, 3900.0),
    window_seconds=1.0,
    widths=(4, 8, 8),
    hidden_width=12,
    embedding_width=32,
)
TINY_PROJECTOR = AudioProjectorConfig(
    embedding_width=32, num_tokens=5, token_width=24, attention_width=8, num_heads=2, num_blocks=2
)


def published_scheduler() -> DDIMScheduler:
    """Return the noise schedule of Stable Diffusion, as the published implementation samples it."""
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )


def tiny_adapter_config(adapter: AudioAdapter, encoder: EncoderFacts | None = None) -> AdapterConfig:
    """Describe an adapter of the tiny UNet that hears with an encoder, by default the tiny one."""
    facts = encoder or ClapAudioEncoder(TINY_ENCODER).facts
    return AdapterConfig(
        encoder=EncoderName(facts.name, facts.version),
        sample_rate=facts.sample_rate,
        window_seconds=facts.window_seconds,
        crop_policy="loudest",
        base_family="tiny",
        sites=adapter.sites,
        projector=TINY_PROJECTOR,
        text_guidance=3.0,
        audio_guidance=2.0,
        num_steps=4,
    )


def save_tiny_adapter(folder: Path, unet: UNet2DConditionModel, seed: int = 0) -> Path:
    """Write an adapter with random weights for a tiny UNet, its encoder inside; returns the folder."""
    torch.manual_seed(seed)
    adapter = open_adapter(unet)
    config = tiny_adapter_config(adapter)
    save_adapter(folder, config, AudioProjector(config.projector), adapter)
    ClapAudioEncoder(TINY_ENCODER).save(folder / "audio_encoder")
    adapter.remove()
    return folder


def save_tiny_model(folder: Path) -> Path:
    """Write a whole untrained model that hears, in diffusers' layout; returns the folder."""
    unet = tiny_unet()
    adapter = open_adapter(unet)
    save_adapter(folder / "audio_adapter", tiny_adapter_config(adapter), AudioProjector(TINY_PROJECTOR), adapter)
    ClapAudioEncoder(TINY_ENCODER).save(folder / "audio_encoder")
    with adapter.removed():
        unet.save_pretrained(folder / "unet")
    published_scheduler().save_pretrained(folder / "scheduler")
    tokenizer = tiny_tokenizer()
    tokenizer.save_pretrained(folder / "tokenizer")
    tiny_text_encoder(tokenizer).save_pretrained(folder / "text_encoder")
    tiny_autoencoder().save_pretrained(folder / "vae")
    return folder


def tiny_text_encoder(tokenizer: CLIPTokenizer, kind: Any = CLIPTextModel) -> Any:
    """Return an untrained text network of one of transformers' classes, with tokens 24 wide."""
    settings: dict[str, Any] = dict(  # typed loosely, as diffusers and transformers annotate too narrowly
        vocab_size=len(tokenizer),
        hidden_size=24,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=16,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return kind(CLIPTextConfig(**settings, projection_dim=24)).eval()


def tiny_autoencoder() -> AutoencoderKL:
    """Return an untrained autoencoder that halves the picture once."""
    layout: dict[str, Any] = dict(
        block_out_channels=(8, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
        norm_num_groups=4,
    )
    return AutoencoderKL(**layout).eval()


def tiny_tokenizer() -> CLIPTokenizer:
    letters = sorted(ByteLevel.alphabet())
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={word: index for index, word in enumerate(words)}, merges=[], model_max_length=16)
