"""Stable Diffusion 1.5 at its full size with random weights, and the published checkpoints' names and shapes."""

import json
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from parity_rule import DATA, fill
from small_models import published_scheduler, tiny_tokenizer
from transformers.models.clip.configuration_clip import CLIPTextConfig
from transformers.models.clip.modeling_clip import CLIPTextModel

# The published configurations' own numbers: stable-diffusion-v1-5 and stable-diffusion-xl-base-1.0.
UNET: dict[str, Any] = dict(sample_size=64, cross_attention_dim=768, attention_head_dim=8)
XL_UNET: dict[str, Any] = dict(
    sample_size=128,
    cross_attention_dim=2048,
    attention_head_dim=(5, 10, 20),
    block_out_channels=(320, 640, 1280),
    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    transformer_layers_per_block=(1, 2, 10),
    use_linear_projection=True,
    addition_embed_type="text_time",
    addition_time_embed_dim=256,
    projection_class_embeddings_input_dim=2816,
)
AUTOENCODER: dict[str, Any] = dict(
    block_out_channels=(128, 256, 512, 512),
    down_block_types=("DownEncoderBlock2D",) * 4,
    up_block_types=("UpDecoderBlock2D",) * 4,
    layers_per_block=2,
    latent_channels=4,
    sample_size=512,
)
TEXT: dict[str, Any] = dict(
    vocab_size=49408,
    hidden_size=768,
    intermediate_size=3072,
    num_hidden_layers=12,
    num_attention_heads=12,
    max_position_embeddings=77,
)


def save_stable_diffusion(folder: Path) -> Path:
    """Write a folder in the layout of Stable Diffusion 1.5, 4.2 GB of random weights; returns it."""
    torch.manual_seed(0)
    UNet2DConditionModel(**UNET).save_pretrained(folder / "unet")
    AutoencoderKL(**AUTOENCODER).save_pretrained(folder / "vae")
    CLIPTextModel(CLIPTextConfig(**TEXT)).save_pretrained(folder / "text_encoder")
    tokenizer = tiny_tokenizer()
    tokenizer.model_max_length = TEXT["max_position_embeddings"]
    tokenizer.save_pretrained(folder / "tokenizer")
    published_scheduler().save_pretrained(folder / "scheduler")
    return folder


def save_published_checkpoints(folder: Path) -> dict[str, Path]:
    """Write files with the names and shapes of the published checkpoints, filled by the parity rule."""
    shapes, paths = json.loads((DATA / "official_checkpoints.json").read_text()), {}
    for kind in ("audio_projector", "audio_adapter", "msclap_2022_audio_encoder"):
        state: Any = fill({name: tuple(shape) for name, shape in shapes[kind].items()})
        if kind == "msclap_2022_audio_encoder":
            state = {"model": {**state, "caption_encoder.base.embeddings.weight": torch.zeros(2, 2)}}
        paths[kind] = folder / f"{kind}.pt"
        torch.save(state, paths[kind])
    return paths
