"""Pipelines of diffusers' own classes at the smallest size, and their adapters."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.models.controlnets.controlnet import ControlNetModel
from diffusers.pipelines.controlnet.pipeline_controlnet import StableDiffusionControlNetPipeline
from diffusers.pipelines.controlnet.pipeline_controlnet_sd_xl import StableDiffusionXLControlNetPipeline
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion_img2img import StableDiffusionImg2ImgPipeline
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion_inpaint import StableDiffusionInpaintPipeline
from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl import StableDiffusionXLPipeline
from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl_img2img import (
    StableDiffusionXLImg2ImgPipeline,
)
from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl_inpaint import (
    StableDiffusionXLInpaintPipeline,
)
from PIL import Image
from small_models import (
    published_scheduler,
    save_tiny_adapter,
    tiny_autoencoder,
    tiny_text_encoder,
    tiny_tokenizer,
    tiny_unet,
)
from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPTextModelWithProjection

XL_UNET = dict(
    cross_attention_dim=24,
    addition_embed_type="text_time",
    addition_time_embed_dim=8,
    projection_class_embeddings_input_dim=6 * 8 + 24,
    transformer_layers_per_block=(1, 2),
    use_linear_projection=True,
)
PHOTO = Image.fromarray(np.random.default_rng(5).integers(256, size=(16, 16, 3), dtype=np.uint8))
HALF = Image.fromarray(np.where(np.arange(16) < 8, 255, 0).astype(np.uint8)[None].repeat(16, axis=0))

KINDS: dict[str, tuple[type[DiffusionPipeline], dict[str, Any]]] = {
    "text-to-image": (StableDiffusionPipeline, {"height": 16, "width": 16}),
    "image-to-image": (StableDiffusionImg2ImgPipeline, {"image": PHOTO, "strength": 0.6}),
    "inpainting": (
        StableDiffusionInpaintPipeline,
        {"image": PHOTO, "mask_image": HALF, "height": 16, "width": 16, "strength": 0.9},
    ),
    "ControlNet": (StableDiffusionControlNetPipeline, {"image": PHOTO, "height": 16, "width": 16}),
    "XL ControlNet": (StableDiffusionXLControlNetPipeline, {"image": PHOTO, "height": 16, "width": 16}),
    "XL text-to-image": (StableDiffusionXLPipeline, {"height": 16, "width": 16}),
    "XL image-to-image": (StableDiffusionXLImg2ImgPipeline, {"image": PHOTO, "strength": 0.6}),
    "XL inpainting": (
        StableDiffusionXLInpaintPipeline,
        {"image": PHOTO, "mask_image": HALF, "height": 16, "width": 16, "strength": 0.9},
    ),
}
"""Every pipeline and what a call of it needs besides a prompt."""


def build_pipeline(kind: str) -> Any:
    """Return an untrained pipeline of a kind."""
    torch.manual_seed(0)
    pipeline, _ = KINDS[kind]
    tokenizer = tiny_tokenizer()
    parts: dict[str, Any] = dict(
        vae=tiny_autoencoder(),
        text_encoder=tiny_text_encoder(tokenizer),
        tokenizer=tokenizer,
        scheduler=published_scheduler(),
    )
    if kind.startswith("XL"):
        # The first text network gives 0 of 24 channels of its own in XL's layout: one network is enough.
        parts |= dict(
            unet=tiny_unet(**XL_UNET),
            text_encoder=None,
            tokenizer=None,
            text_encoder_2=tiny_text_encoder(tokenizer, CLIPTextModelWithProjection),
            tokenizer_2=tokenizer,
        )
        if kind in ("XL image-to-image", "XL inpainting"):
            parts["requires_aesthetics_score"] = False
    else:
        parts |= dict(unet=tiny_unet(), safety_checker=None, feature_extractor=None, requires_safety_checker=False)
    if kind.endswith("ControlNet"):
        torch.manual_seed(1)
        control = ControlNetModel.from_unet(parts["unet"], conditioning_embedding_out_channels=(8, 16))
        for weight in control.parameters():  # its outputs start at zero
            weight.data.add_(0.02 * torch.randn_like(weight))
        parts["controlnet"] = control.eval()
    made = pipeline(**parts)
    made.set_progress_bar_config(disable=True)
    return made


def draw(pipeline: Any, kind: str, **changes: Any) -> np.ndarray:
    """Return the pictures of a call with the same seed every time, (pictures, height, width, 3) in [0, 1]."""
    settings = {
        "prompt": "rain",
        "num_inference_steps": 3,
        "guidance_scale": 4.0,
        "output_type": "np",
        "generator": torch.Generator().manual_seed(7),
    }
    return pipeline(**(settings | KINDS[kind][1] | changes)).images


def tiny_adapter(folder: Path, kind: str = "text-to-image", seed: int = 0) -> Path:
    """Write an adapter that fits the pipelines of a kind."""
    return save_tiny_adapter(folder, tiny_unet(**(XL_UNET if kind.startswith("XL") else {})), seed)


__all__ = ["HALF", "KINDS", "PHOTO", "CLIPTextModel", "build_pipeline", "draw", "tiny_adapter"]
