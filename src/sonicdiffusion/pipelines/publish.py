"""Audio adapters for others: a folder with all that loading needs, a model card, and the way to the hub."""

from pathlib import Path
from typing import Any

from sonicdiffusion._version import __version__
from sonicdiffusion.errors import ModelError
from sonicdiffusion.models.adapter_file import AdapterConfig, read_adapter_config, save_adapter
from sonicdiffusion.models.folders import new_folder
from sonicdiffusion.models.heard_sound import DEFAULT_ADAPTER
from sonicdiffusion.pipelines.hearing import ENCODER_FOLDER, Hearing

_CARD = """---
library_name: sonicdiffusion
pipeline_tag: text-to-image
tags:
- audio-to-image
- audio-adapter
- {family}
---

# An audio adapter for {family}

Lets image models of the family `{family}` hear: {sites} gated audio cross-attention layers, and a projector that makes
{tokens} audio tokens of width {width} from an embedding of `{encoder}` (version {version}; {seconds:g} seconds at
{rate} Hz; of longer clips the part "{policy}").

```python
from diffusers import StableDiffusionPipeline
from sonicdiffusion import load_audio_adapter

pipe = StableDiffusionPipeline.from_pretrained("<a model of the family {family}>")
load_audio_adapter(pipe, "<this repository>")
pipe("a mountain village", audio="storm.wav", guidance_scale={guidance:g}).images[0]
```

**Data, training and results**: to be told by whoever trained it.

**Licence**: to be stated.

Written by sonicdiffusion {program}. Method: Biner et al. 2024, SonicDiffusion, arXiv 2405.00878.
"""


def save_audio_adapter(pipe: Any, folder: str | Path, name: str = DEFAULT_ADAPTER) -> Path:
    """Write one of a pipeline's audio adapters, with its encoder and a model card; the folder appears whole or not.

    Args:
        pipe: a pipeline with ears.
        folder: to write; must not exist or be empty.
        name: of the adapter.

    Returns:
        The folder.

    Raises:
        ModelError: if there is no such adapter, or the folder is in use.
    """
    loaded: dict[str, Hearing] = getattr(pipe, "audio_adapters", {})
    if name not in loaded:
        raise ModelError(f"There is no audio adapter {name!r} to save; loaded: {', '.join(loaded) or 'none'}.")
    target, hearing = Path(folder), loaded[name]
    with new_folder(target) as scratch:
        save_adapter(scratch, hearing.config, hearing.projector, hearing.adapter)
        hearing.encoder.save(scratch / ENCODER_FOLDER)
        (scratch / "README.md").write_text(model_card(hearing.config), encoding="utf-8")
    return target


def model_card(config: AdapterConfig) -> str:
    """Return a model card with the facts of an adapter, and the questions that only its author can answer."""
    return _CARD.format(
        family=config.base_family,
        sites=len(config.sites),
        tokens=config.num_tokens,
        width=config.token_width,
        encoder=config.encoder.name,
        version=config.encoder.version,
        seconds=config.window_seconds,
        rate=config.sample_rate,
        policy=config.crop_policy,
        guidance=config.text_guidance,
        program=__version__,
    )


def push_audio_adapter(folder: str | Path, repository: str, *, private: bool = False, token: str | None = None) -> str:
    """Upload an adapter's folder to the Hugging Face Hub.

    Args:
        folder: as `save_audio_adapter` writes it.
        repository: "owner/name"; made if it is missing.
        private: whether a new repository is hidden from others.
        token: of an account that may write there; by default the one that is logged in.

    Returns:
        The address of the upload.

    Raises:
        ModelError: if the folder is no adapter, or the hub does not take it.
    """
    # Here and not above: huggingface_hub takes a while to import.
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    read_adapter_config(Path(folder))
    hub = HfApi(token=token)
    try:
        hub.create_repo(repository, private=private, exist_ok=True)
        return str(hub.upload_folder(repo_id=repository, folder_path=str(folder)))
    except (HfHubHTTPError, HFValidationError, OSError) as problem:
        raise ModelError(
            f"The Hugging Face Hub did not take {repository!r} ({type(problem).__name__}: {problem}). "
            "Check the name, the connection, and that you are logged in with the right to write."
        ) from problem
