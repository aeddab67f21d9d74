"""Writing a bundled model: every part in half precision in diffusers' folder layout, the audio adapter beside them."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from transformers.models.clip.modeling_clip import CLIPTextModel
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from sonicdiffusion.models.adapter_file import AdapterConfig, EncoderName, save_adapter
from sonicdiffusion.models.audio_encoder import ClapAudioEncoder
from sonicdiffusion.training.adapter_recipe import GenerationDefaults
from sonicdiffusion.training.stage2 import AudioBranch

_MODEL_INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "feature_extractor": [None, None],
    "image_encoder": [None, None],
    "requires_safety_checker": False,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderTiny"],
}


@dataclass(frozen=True, eq=False)
class Parts:
    """The trained networks of a bundle, with what goes with them.

    Args:
        branch: the UNet with its audio layers, and the projector.
        encoder: of sound.
        vae: the picture autoencoder.
        tokenizer: of prompts.
        text_encoder: of prompts.
        scheduler: the base's noise schedule.
    """

    branch: AudioBranch
    encoder: ClapAudioEncoder
    vae: AutoencoderTiny
    tokenizer: CLIPTokenizer
    text_encoder: CLIPTextModel
    scheduler: DDIMScheduler


def write_bundle(folder: Path, recipe: GenerationDefaults, parts: Parts) -> None:
    """Write a model to a folder that does not exist yet; the parts are halved in place."""
    folder.mkdir(parents=True)
    branch, encoder = parts.branch.half(), parts.encoder
    config = AdapterConfig(
        encoder=EncoderName(encoder.facts.name, encoder.facts.version),
        sample_rate=encoder.facts.sample_rate,
        window_seconds=encoder.facts.window_seconds,
        crop_policy=recipe.crop_policy,
        base_family="mini",
        sites=branch.adapter.sites,
        projector=branch.projector.config,
        text_guidance=recipe.text_guidance,
        audio_guidance=recipe.audio_guidance,
        num_steps=recipe.num_steps,
    )
    save_adapter(folder / "audio_adapter", config, branch.projector, branch.adapter)
    with branch.adapter.removed() as unet:
        unet.save_pretrained(folder / "unet")  # type: ignore[operator]
    parts.vae.half().save_pretrained(folder / "vae")
    parts.tokenizer.save_pretrained(folder / "tokenizer")
    parts.text_encoder.half().save_pretrained(folder / "text_encoder")
    encoder.half().save(folder / "audio_encoder")
    parts.scheduler.save_pretrained(folder / "scheduler")
    (folder / "model_index.json").write_text(json.dumps(_MODEL_INDEX, indent=2) + "\n")
    for path in folder.glob("*/config.json"):
        _clean_config(path)


def _clean_config(path: Path) -> None:
    """Take out what only the machine of the training knows, and what diffusers writes but warns of on reading.

    Where nothing else is asked, diffusers loads its networks in float32, and transformers its own as the file says.
    """
    facts = json.loads(path.read_text())
    facts.pop("_name_or_path", None)
    if facts.get("_class_name") == "AutoencoderTiny":
        facts.pop("block_out_channels", None)
    if "dtype" in facts:
        facts["dtype"] = "float32"
    path.write_text(json.dumps(facts, indent=2) + "\n")


def put_in_place(bundle: Path, target: Path) -> None:
    """Copy a bundle's parts over those of another; what it does not hold, such as the model card, stays.

    Each part is copied whole beside its place before it takes that of the old one.
    """
    target.mkdir(parents=True, exist_ok=True)
    for part in bundle.iterdir():
        place = target / part.name
        fresh, stale = target / f".{part.name}.new", target / f".{part.name}.old"
        for left_over in (fresh, stale):
            shutil.rmtree(left_over, ignore_errors=True)
        if not part.is_dir():
            shutil.copy(part, fresh)
            fresh.replace(place)
            continue
        shutil.copytree(part, fresh)
        if place.exists():
            place.rename(stale)
        fresh.rename(place)
        shutil.rmtree(stale, ignore_errors=True)
