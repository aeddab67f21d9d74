"""Ears for any stock diffusers pipeline of Stable Diffusion 1.x, 2.x or XL shape.

    load_audio_adapter(pipe, "folder or hub id")
    pipe("a mountain village", audio="storm.wav").images[0]

The pipeline keeps its networks, its scheduler and all that it can do besides; its class changes to a subclass whose
call takes `audio`, and back on unloading. The sound enters by hooks on the UNet that are there during a call alone.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sonicdiffusion.errors import ConfigError, ModelError
from sonicdiffusion.models.heard_sound import AUDIO_KEY, DEFAULT_ADAPTER, HeardSound
from sonicdiffusion.pipelines.audio_prompt import AudioPrompt, as_prompts
from sonicdiffusion.pipelines.encoded_prompt import EncodedPrompt
from sonicdiffusion.pipelines.hearing import Hearing, load_hearing
from sonicdiffusion.pipelines.sound import Sound

# What diffusers passes to the UNet with one row for each picture and guidance branch.
_ROWS = (
    "timestep",
    "encoder_hidden_states",
    "class_labels",
    "timestep_cond",
    "attention_mask",
    "encoder_attention_mask",
    "added_cond_kwargs",
    "down_block_additional_residuals",
    "mid_block_additional_residual",
    "down_intrablock_additional_residuals",
)


def load_audio_adapter(
    pipe: Any,
    adapter: Any,
    *,
    encoder: str | Path | None = None,
    name: str = DEFAULT_ADAPTER,
) -> None:
    """Give a stock pipeline ears: its call then takes `audio`, `audio_strength` and `audio_guidance`.

    Args:
        pipe: a diffusers pipeline with a `UNet2DConditionModel` of Stable Diffusion 1.x, 2.x or XL shape.
        adapter: a folder or hub id of an audio adapter, or of a whole model that has one; or another pipeline with ears
            that shares this one's UNet, such as the one that this one was made of by `from_pipe`.
        encoder: folder of the audio encoder; by default the one in the adapter or beside it.
        name: by which an `AudioPrompt` chooses this adapter among several.

    Raises:
        MissingFileError: if something is not there.
        ModelError: if the pipeline or the adapter's parts do not fit; the pipeline is then as it was.
    """
    unet = getattr(pipe, "unet", None)
    if not isinstance(unet, nn.Module) or not hasattr(type(pipe), "do_classifier_free_guidance"):
        raise ModelError(
            f"A {type(pipe).__name__} cannot be given ears. Use a pipeline of Stable Diffusion 1.x, 2.x or XL."
        )
    bare = getattr(unet, "_orig_mod", unet)  # as it was before torch.compile
    if isinstance(adapter, HearingPipeline):
        heard = dict(adapter.audio_adapters)
        if any(hearing.adapter.unet is not bare for hearing in heard.values()):
            raise ModelError("The two pipelines have different UNets. Load the adapter by its folder or hub id.")
    else:
        heard = {name: load_hearing(adapter, bare, encoder, name)}
    if not isinstance(pipe, HearingPipeline):
        pipe.audio_adapters = {}
        pipe.__class__ = _hearing_class(type(pipe))
    pipe.audio_adapters.update(heard)


def unload_audio_adapter(pipe: Any, name: str | None = None) -> None:
    """Take an audio adapter out of a pipeline; without any, the pipeline is what it was before.

    Args:
        pipe: a pipeline with ears.
        name: of the adapter; all of them if left out.

    Raises:
        ModelError: if there is no such adapter.
    """
    loaded = getattr(pipe, "audio_adapters", {})
    if not loaded or (name is not None and name not in loaded):
        raise ModelError(f"There is no audio adapter {name or ''!r} to unload; loaded: {', '.join(loaded) or 'none'}.")
    for each in [name] if name else list(loaded):
        loaded.pop(each).adapter.remove()
    if not loaded:
        del pipe.audio_adapters
        pipe.__class__ = type(pipe).__mro__[2]  # after ours and `HearingPipeline`


class HearingPipeline:
    """What is mixed into the class of a diffusers pipeline to give it ears."""

    audio_adapters: dict[str, Hearing]

    def __call__(
        self,
        *args: Any,
        audio: "Sound | AudioPrompt | Sequence[Sound] | Sequence[AudioPrompt] | None" = None,
        audio_strength: float = 1.0,
        audio_guidance: float | None = None,
        **kwargs: Any,
    ) -> Any:
        """Run the pipeline, with sound if there is any.

        Args:
            args: the pipeline's own.
            audio: a sound for all pictures, or a list with one for each prompt; or an `AudioPrompt`, which says more;
                or a list of those, which act together on every picture.
            audio_strength: factor of all that is heard; 0 is exactly the pipeline without sound.
            audio_guidance: how far to follow the sound, where `guidance_scale` says how far to follow the text. By
                default the same, which is the published joint guidance; another number costs half again as much.
            kwargs: the pipeline's own.

        Raises:
            AudioError: if a recording cannot be used.
            ConfigError: if a setting is out of range or sounds do not go with the pictures.
        """
        call = super().__call__  # type: ignore[misc]
        prompts = as_prompts(audio)
        if not prompts or audio_strength == 0:
            return call(*args, **kwargs)
        listener = Listener(self, prompts, audio_strength, audio_guidance)
        unet: nn.Module = self.unet  # type: ignore[attr-defined]
        before = unet.register_forward_pre_hook(listener.before, with_kwargs=True)
        after = unet.register_forward_hook(listener.after)
        try:
            return call(*args, **kwargs)
        finally:
            before.remove()
            after.remove()

    def save_pretrained(self, *args: Any, **kwargs: Any) -> Any:
        """Save the pipeline without its audio adapters, as diffusers would."""
        with next(iter(self.audio_adapters.values())).adapter.removed():
            return super().save_pretrained(*args, **kwargs)  # type: ignore[misc]


def _hearing_class(kind: type) -> type:
    # Named like its parent, by which diffusers finds related pipelines.
    return type(kind.__name__, (HearingPipeline, kind), {"__module__": kind.__module__, "__doc__": kind.__doc__})


class Listener:
    """What the hooks of one call share: the encoded sounds, and how many steps are done.

    Args:
        pipe: the pipeline.
        prompts: what is heard.
        factor: of all strengths.
        audio_guidance: how far to follow the sound; None for as far as the text.
    """

    def __init__(self, pipe: Any, prompts: Sequence[AudioPrompt], factor: float, audio_guidance: float | None) -> None:
        self.pipe, self.audio_guidance = pipe, audio_guidance
        like = torch.zeros((), device=pipe._execution_device, dtype=pipe.unet.dtype)
        self.heard = [
            EncodedPrompt.encode(prompt, self._hearing(prompt, like.device), factor, like) for prompt in prompts
        ]
        # Weights that wait elsewhere until a block runs can prepare nothing ahead of it.
        self.prepare = not any(hasattr(module, "_hf_hook") for module in pipe.unet.modules())
        self.kept: dict[tuple[int, int, tuple[bool, ...]], HeardSound] = {}
        self.step = 0
        self.apart: float | None = None  # factor of the difference that sound makes, where it is predicted apart

    def before(self, _unet: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Give the UNet its sounds, and rows for a guidance branch of its own where the sound's differs."""
        done = self.step / self.pipe._num_timesteps
        self.step += 1
        acting = [index for index, prompt in enumerate(self.heard) if prompt.acts(done)]
        self.apart = None
        if not acting:
            return None
        is_guided = self.pipe.do_classifier_free_guidance
        num_images = len(args[0]) // 2 if is_guided else len(args[0])
        scale = float(self.pipe.guidance_scale) if is_guided else 1.0
        if self.audio_guidance is not None and self.audio_guidance != scale:
            self.apart = self.audio_guidance / scale
            args = tuple(_repeat_last(value, len(args[0]), num_images) for value in args)
            kwargs = {
                key: _repeat_last(value, 2 * num_images if is_guided else num_images, num_images)
                if key in _ROWS
                else value
                for key, value in kwargs.items()
            }
        branches = (False,) * (is_guided + (self.apart is not None)) + (True,)
        sounds = [self._sound(index, num_images, branches) for index in acting]
        others = kwargs.get("cross_attention_kwargs") or {}
        return args, kwargs | {"cross_attention_kwargs": {**others, AUDIO_KEY: sounds}}

    def after(self, _unet: nn.Module, _args: Any, output: Any) -> Any:
        """Mix the predictions with and without sound to the one that the pipeline's guidance expects.

        With the pipeline's null + scale * (text - null), text becomes text + apart * (sound - text), apart being the
        audio guidance divided by the scale; so the sum is that of `sonicdiffusion.diffusion.guidance`.
        """
        if self.apart is None:
            return None
        parts = list(output[0].chunk(3 if self.pipe.do_classifier_free_guidance else 2))
        heard = parts.pop()
        parts[-1] = parts[-1] + self.apart * (heard - parts[-1])
        mixed = torch.cat(parts)
        return (mixed, *output[1:]) if isinstance(output, tuple) else type(output)(sample=mixed)

    def _sound(self, index: int, num_images: int, branches: tuple[bool, ...]) -> HeardSound:
        key = (index, num_images, branches)
        if key not in self.kept:
            with torch.no_grad():
                self.kept[key] = self.heard[index].heard_by(branches, num_images, prepare=self.prepare)
        return self.kept[key]

    def _hearing(self, prompt: AudioPrompt, device: torch.device) -> Hearing:
        loaded: dict[str, Hearing] = self.pipe.audio_adapters
        name = next(iter(loaded)) if prompt.adapter is None and len(loaded) == 1 else prompt.adapter
        if name not in loaded:
            raise ConfigError(
                f"The sound asks for the adapter {name!r}; loaded are {', '.join(loaded)}. "
                "Name one of them with AudioPrompt(sound, adapter=...)."
            )
        loaded[name].to(device)
        return loaded[name]


def _repeat_last(value: Any, batch: int, count: int) -> Any:
    """Append to tensors of `batch` rows their last `count` ones again, also inside lists and mappings."""
    if isinstance(value, Tensor):
        return torch.cat([value, value[-count:]]) if value.ndim and len(value) == batch else value
    if isinstance(value, list | tuple):
        return type(value)(_repeat_last(one, batch, count) for one in value)
    if isinstance(value, dict):
        return {key: _repeat_last(one, batch, count) for key, one in value.items()}
    return value
