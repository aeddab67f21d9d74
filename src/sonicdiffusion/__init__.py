"""Sound as a control for pretrained image diffusion models.

The names below are the public ones; each is imported from its home on first use, so that opening the package costs
nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from sonicdiffusion._version import __version__ as __version__

if TYPE_CHECKING:
    from sonicdiffusion.audio.decode import decode
    from sonicdiffusion.hub import bundled_model
    from sonicdiffusion.models.audio_adapter import AudioAdapter
    from sonicdiffusion.models.audio_projector import AudioProjector, AudioProjectorConfig
    from sonicdiffusion.pipelines.audio_prompt import AudioPrompt
    from sonicdiffusion.pipelines.edit import EditPipeline
    from sonicdiffusion.pipelines.generate import GenerationPipeline
    from sonicdiffusion.pipelines.hearing import interpolate, mix
    from sonicdiffusion.pipelines.publish import push_audio_adapter, save_audio_adapter
    from sonicdiffusion.pipelines.stock import load_audio_adapter, unload_audio_adapter
    from sonicdiffusion.soundscapes.picture.paint import paint
    from sonicdiffusion.soundscapes.scene import Event, Scene, sample_scene
    from sonicdiffusion.soundscapes.sound.synthesis import synthesise
    from sonicdiffusion.values import Waveform

__all__ = [
    "AudioAdapter",
    "AudioProjector",
    "AudioProjectorConfig",
    "AudioPrompt",
    "EditPipeline",
    "Event",
    "GenerationPipeline",
    "Scene",
    "Waveform",
    "bundled_model",
    "decode",
    "interpolate",
    "load_audio_adapter",
    "mix",
    "paint",
    "push_audio_adapter",
    "sample_scene",
    "save_audio_adapter",
    "synthesise",
    "unload_audio_adapter",
]

_HOMES = {
    "AudioAdapter": "sonicdiffusion.models.audio_adapter",
    "AudioProjector": "sonicdiffusion.models.audio_projector",
    "AudioProjectorConfig": "sonicdiffusion.models.audio_projector",
    "AudioPrompt": "sonicdiffusion.pipelines.audio_prompt",
    "EditPipeline": "sonicdiffusion.pipelines.edit",
    "Event": "sonicdiffusion.soundscapes.scene",
    "GenerationPipeline": "sonicdiffusion.pipelines.generate",
    "Scene": "sonicdiffusion.soundscapes.scene",
    "Waveform": "sonicdiffusion.values",
    "bundled_model": "sonicdiffusion.hub",
    "decode": "sonicdiffusion.audio.decode",
    "interpolate": "sonicdiffusion.pipelines.hearing",
    "load_audio_adapter": "sonicdiffusion.pipelines.stock",
    "mix": "sonicdiffusion.pipelines.hearing",
    "paint": "sonicdiffusion.soundscapes.picture.paint",
    "push_audio_adapter": "sonicdiffusion.pipelines.publish",
    "sample_scene": "sonicdiffusion.soundscapes.scene",
    "save_audio_adapter": "sonicdiffusion.pipelines.publish",
    "synthesise": "sonicdiffusion.soundscapes.sound.synthesis",
    "unload_audio_adapter": "sonicdiffusion.pipelines.stock",
}


def __getattr__(name: str) -> object:
    """Import a public name from its home on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'sonicdiffusion' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """List the public names although they are not imported yet."""
    return sorted([*globals(), *__all__])
