"""A photograph made ready for edits: inverted once, its features kept, and edited as often as one likes."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from sonicdiffusion._version import __version__
from sonicdiffusion.diffusion.guidance import Guidance
from sonicdiffusion.diffusion.inversion import NoiseLevels, Trajectory, invert_ddim, invert_ddpm, noise_alone
from sonicdiffusion.errors import ConfigError
from sonicdiffusion.models.injection import Features, Injection, InjectionSites
from sonicdiffusion.pipelines.audio_prompt import AudioPrompt, Mask, mask_tensor
from sonicdiffusion.pipelines.components import Components
from sonicdiffusion.pipelines.conditioning import Conditioning, Request
from sonicdiffusion.pipelines.denoiser import Denoiser
from sonicdiffusion.pipelines.edit_method import DEFAULT_STRENGTH, METHODS
from sonicdiffusion.pipelines.encoded_prompt import EncodedPrompt
from sonicdiffusion.pipelines.heat import HeatMaps, hot_mask
from sonicdiffusion.pipelines.photo import Frame, put_back
from sonicdiffusion.pipelines.sound import Sound


@dataclass(frozen=True, eq=False)
class EditResult:
    """Edited photographs, with how they were made.

    Args:
        images: one for each sound and prompt, in the photograph's own size.
        settings: plain values that JSON can hold.
        latents: of the edited parts, (images, channels, height, width).
        num_evaluations: pictures that went through the UNet for this, the preparation not counted.
        mask: where an edit by heat was allowed, (images, height, width) of the latents, from 0 to 1; else None.
    """

    images: list[Image.Image]
    settings: dict[str, Any]
    latents: Tensor
    num_evaluations: int
    mask: NDArray[np.float32] | None = None


class PreparedPhoto:
    """A photograph at all noise levels, with the features that keep its layout.

    Args:
        components: the networks.
        frame: what of the photograph is edited.
        source: its latents (1, channels, height, width).
        method: one of `METHODS`.
        levels: of the sampling.
        seed: of the noise, for methods that draw any.

    Attributes:
        trajectory: the photograph at all levels.
        num_evaluations: pictures that went through the UNet for the preparation so far.
    """

    def __init__(
        self, components: Components, frame: Frame, source: Tensor, method: str, levels: NoiseLevels, seed: int = 0
    ) -> None:
        self.components, self.frame, self.method, self.levels, self.seed = components, frame, method, levels, seed
        self.num_evaluations = 0
        self._injection = Injection(components.unet, InjectionSites.of(components.unet))
        self._features: dict[int, Features] = {}
        hearing = components.require_hearing()
        empty = components.encode_text([""])
        null = hearing.null_tokens().to(empty)
        nothing = EncodedPrompt(hearing.adapter, null, null, torch.ones((), device=null.device, dtype=null.dtype))
        # Sampling follows text and sound from the prediction for neither, which is null audio, not silence.
        self._denoise = Denoiser(components.unet, Conditioning(empty, empty, (nothing,)), Guidance(1.0, 1.0))
        self._bare = Denoiser(components.unet, Conditioning(empty, empty), Guidance(1.0, 0.0))
        self.trajectory = self._invert(source)
        self._before = np.asarray(components.decode_latents(source)[0])

    @torch.no_grad()
    def edit(
        self,
        audio: Sound | AudioPrompt | Sequence[Sound] | Sequence[AudioPrompt] | None,
        prompt: str | Sequence[str] = "",
        *,
        negative_prompt: str = "",
        edit_strength: float = DEFAULT_STRENGTH,
        audio_strength: float = 1.0,
        text_guidance: float | None = None,
        audio_guidance: float | None = None,
        mask: Mask | Literal["heat", "everywhere"] | None = None,
        attention: float | None = None,
        features: float | None = None,
        batch_size: int = 8,
    ) -> EditResult:
        """Edit the photograph by one or several sounds.

        Args:
            audio: as in `GenerationPipeline`; several sounds make several pictures, `AudioPrompt`s act together.
            prompt: what the picture shows besides; or a list, one for each sound.
            negative_prompt: what it does not show.
            edit_strength: from 0, the photograph, to 1, the most that the method does.
            audio_strength: factor of the audio branch.
            text_guidance: how far to follow the text; by default the adapter's own times the method's factor.
            audio_guidance: how far to follow the sound; by default likewise.
            mask: where the photograph may change: a picture in grey or an array (height, width) in [0, 1] in the shape
                of the photograph; "heat" where the sound acts; or "everywhere". By default as the method has it.
            attention: share of the steps with the photograph's self-attention; by default as the strength says.
            features: share of the steps with the photograph's residual features; by default as the strength says.
            batch_size: pictures made at once.

        Raises:
            AudioError: if a recording cannot be used.
            ConfigError: if a setting is out of range.
        """
        if not 0 <= edit_strength <= 1:
            raise ConfigError(f"edit_strength is {edit_strength}; it goes from 0, the photograph, to 1.")
        parts, method = self.components, METHODS[self.method]
        config = parts.require_hearing().config
        own = method.at(edit_strength)
        guidance = Guidance(
            config.text_guidance * own.guidance if text_guidance is None else text_guidance,
            config.audio_guidance * own.guidance if audio_guidance is None else audio_guidance,
        )
        for name, share in (("attention", attention), ("features", features)):
            if share is not None and not 0 <= share <= 1:
                raise ConfigError(f"{name} is {share}; it is a share of the steps, from 0 to 1.")
        if batch_size < 1:
            raise ConfigError(f"batch_size starts at 1; got {batch_size}.")
        request = Request.of(audio, prompt, negative_prompt, audio_strength)
        request = replace(request, sounds=tuple(self._in_frame(sound) for sound in request.sounds))
        conditioning = request.encode(parts)
        count, total = len(request.texts), len(self.levels)
        first = round(total * own.skipped)
        # As published, a part of a step is none; what is a whole number but for rounding is that number.
        keep_attention = int(total * (own.attention if attention is None else attention) + 1e-6)
        keep_features = int(total * (own.features if features is None else features) + 1e-6)
        if isinstance(mask, str) and mask not in ("heat", "everywhere"):
            raise ConfigError(f"The mask is {mask!r}; it is a picture, an array, 'heat' or 'everywhere'.")
        if isinstance(mask, str) and mask == "heat" and not conditioning.sounds:
            raise ConfigError("The mask 'heat' says where a sound acts: pass audio, with a strength other than 0.")
        where = None if mask is None or isinstance(mask, str) else self._latent_mask(mask)
        is_heard = bool(conditioning.sounds) and guidance.audio_guidance != 0
        by_heat = where is None and (mask == "heat" or (mask is None and method.is_local and is_heard))

        made, masks, images, num_evaluations = [], [], [], 0
        for start in range(0, count, batch_size):
            rows = conditioning.rows(start, min(count, start + batch_size))
            size = min(batch_size, count - start)
            denoise = Denoiser(parts.unet, rows, guidance, size)
            latents, allowed = self._sample(
                denoise, size, first, keep_attention, keep_features, where, own.reach if by_heat else None
            )
            num_evaluations += denoise.num_evaluations
            made.append(latents)
            masks.append(allowed)
            images += [put_back(self.frame, self._before, np.asarray(one)) for one in parts.decode_latents(latents)]
        latents, (images, unsafe) = torch.cat(made), parts.make_safe(images)
        settings = {
            "sonicdiffusion": __version__,
            "model": parts.name,
            "fingerprint": parts.fingerprint,
            "method": self.method,
            "num_steps": total,
            "seeds": [self.seed] * count,
            "edit_strength": edit_strength,
            "text_guidance": guidance.text_guidance,
            "audio_guidance": guidance.audio_guidance,
            "attention": keep_attention / total,
            "features": keep_features / total,
            "mask": "heat" if by_heat else "everywhere" if where is None else "given",
            "framing": self.frame.framing,
            "box": list(self.frame.box),
            "device": parts.device.type,
            "dtype": str(parts.unet.dtype).removeprefix("torch."),
            "notes": list(self.frame.photo.notes),
            "unsafe": unsafe,
            **request.facts,
        }
        heat = torch.cat([one for one in masks if one is not None]).cpu().numpy() if masks[0] is not None else None
        return EditResult(images, settings, latents, num_evaluations, heat)

    @torch.no_grad()
    def reconstruct(self) -> Tensor:
        """Return the latents (1, channels, height, width) that sampling without sound and text comes back to.

        How far they are from the photograph's is the error of the inversion.
        """
        latents = self.trajectory.latents[:1]
        for level in range(len(self.levels)):
            latents = self.levels.step(self._source(latents, level), latents, level, self._added(level))
        return latents

    def _sample(
        self,
        denoise: Denoiser,
        size: int,
        first: int,
        keep_attention: int,
        keep_features: int,
        where: Tensor | None,
        reach: float | None,
    ) -> tuple[Tensor, Tensor | None]:
        """Return edited latents (size, channels, height, width), and the mask of an edit by heat.

        `where` is a given mask; otherwise `reach` is that of an edit by heat, and None lets all of it change.
        """
        total, latents = len(self.levels), self.trajectory.latents[first : first + 1].expand(size, -1, -1, -1)
        maps = HeatMaps((latents.shape[2], latents.shape[3]))
        hearing = self.components.require_hearing()
        with self._injection.replacing():
            for level in range(first, total):
                kept = self._features_at(level, level < keep_attention, level < keep_features)
                self._injection.use(kept)
                with maps.watching(hearing.adapter, size) if reach is not None else nullcontext():
                    prediction = denoise(latents, self._time(level), level / total)
                latents = self.levels.step(prediction, latents, level, self._added(level))
                if reach is not None and level - first >= (total - first) // 2:  # by then the sound has said where
                    hot = latents.new_zeros(size, 1, 1, 1) if maps.is_empty else hot_mask(maps.maps(), reach)
                    where = hot.to(latents)
                if where is not None:
                    latents = where * latents + (1 - where) * self.trajectory.latents[level + 1]
        shape = (size, *latents.shape[2:])
        return latents, where[:, 0].expand(shape) if reach is not None and where is not None else None

    def _invert(self, source: Tensor) -> Trajectory:
        generator, method = torch.Generator().manual_seed(self.seed), METHODS[self.method]
        if method.inversion == "noise":
            return noise_alone(self.levels, source, generator)
        if method.inversion == "ddpm":
            return invert_ddpm(self.levels, source, self._source_with_features, generator)
        if method.inversion == "ddim":  # as published, without the adapter
            return invert_ddim(self.levels, source, lambda latents, level: self._predict(self._bare, latents, level))
        return invert_ddim(self.levels, source, self._source_with_features, method.iterations)

    def _predict(self, denoise: Denoiser, latents: Tensor, level: int) -> Tensor:
        self.num_evaluations += len(latents)
        return denoise(latents, self._time(level), level / len(self.levels))

    def _source(self, latents: Tensor, level: int) -> Tensor:
        return self._predict(self._denoise, latents, level)

    def _source_with_features(self, latents: Tensor, level: int) -> Tensor:
        """Predict and keep the features of the last prediction at a level, in main memory."""
        with self._injection.reading((*self._injection.sites.attention, *self._injection.sites.residual)) as found:
            prediction = self._source(latents, level)
        self._features[level] = {path: value.cpu() for path, value in found.items()}
        return prediction

    def _features_at(self, level: int, attention: bool, residual: bool) -> Features:
        """Return the photograph's features at a level, computing them if the inversion has not done so."""
        sites = self._injection.sites
        wanted = sites.attention * attention + sites.residual * residual
        if wanted and level not in self._features:
            self._injection.use({})
            self._source_with_features(self.trajectory.latents[level : level + 1], level)
        return {path: self._features[level][path] for path in wanted}

    def _time(self, level: int) -> Tensor:
        return self.levels.timesteps[level].to(self.components.device)

    def _added(self, level: int) -> Tensor | None:
        return None if self.trajectory.added is None else self.trajectory.added[level : level + 1]

    def _in_frame(self, sound: AudioPrompt) -> AudioPrompt:
        """Return a sound whose mask, given in the photograph's shape, is that of the frame."""
        return (
            sound if sound.mask is None else replace(sound, mask=self._framed(sound.mask, self.frame.pixels.shape[:2]))
        )

    def _latent_mask(self, mask: Mask) -> Tensor:
        size = self.trajectory.latents.shape[2:]
        framed = self._framed(mask, (size[0], size[1]))
        if len(framed) > 1:
            raise ConfigError(
                "The mask of an edit is one for all sounds. For masks by sound use AudioPrompt(mask=...)."
            )
        return torch.from_numpy(framed)[None].to(self.trajectory.latents)

    def _framed(self, mask: Mask, size: tuple[int, ...]) -> NDArray[np.float32]:
        """Return masks in the photograph's shape, cut to the frame, at a size, (masks, height, width)."""
        values = mask_tensor(mask).numpy()
        if values.shape[1:] != self.frame.photo.size:
            raise ConfigError(
                f"The mask has shape {values.shape[1:]} and the photograph {self.frame.photo.size} (height, width). "
                "Give it the photograph's shape."
            )
        left, top, right, bottom = self.frame.box
        parts = [one[top:bottom, left:right] for one in values]
        return np.stack([cv2.resize(one, (size[1], size[0]), interpolation=cv2.INTER_AREA) for one in parts])
