"""Features of prepared data, computed once: latents, audio embeddings and text tokens.

They lie in a folder named by a digest of all that they depend on (the pairs and captions, the weights of autoencoder,
text and audio encoder, the settings), so that features of something else are never taken for these.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray

from sonicdiffusion.audio.resample import resample
from sonicdiffusion.audio.window import CropPolicy
from sonicdiffusion.data.prepared import PreparedData
from sonicdiffusion.data.shards import cache_folder
from sonicdiffusion.errors import SonicDiffusionError
from sonicdiffusion.models.encoders import embed, find_encoder, load_encoder
from sonicdiffusion.models.folders import read_tensors, write_settings, write_tensors
from sonicdiffusion.models.image_model import ImageModel
from sonicdiffusion.training.adapter_recipe import AdapterRecipe
from sonicdiffusion.training.augment import Picture, mixed, square, varied_sound, varied_square
from sonicdiffusion.training.places import check_base, folder_digest, model_folder, own_size
from sonicdiffusion.values import Waveform

CHUNK = 64
"""Pairs whose features are written at once; an interrupted run goes on after the last of them."""

_VERSION = 1  # of what is computed: to be raised with it
_TEXTS = 32  # captions encoded at once
Arrays = dict[str, NDArray[Any]]
Pair = tuple[Picture, Waveform]


class FeatureMaker:
    """Encodes pairs.

    Args:
        recipe: models and settings.
        device: where the networks go.
    """

    def __init__(self, recipe: AdapterRecipe, device: torch.device) -> None:
        self.recipe, self.device = recipe.features, device
        self.crop_policy: CropPolicy = recipe.generation.crop_policy
        folder = model_folder(recipe.base)
        self.model = ImageModel.load(folder, recipe.base, with_unet=False)
        self.encoder = load_encoder(find_encoder(recipe.encoder))
        networks: list[Any] = [self.model.vae, self.model.text_encoder, self.encoder]
        for network in networks:
            network.to(device)
        self.size = self.recipe.picture_size or own_size(folder) * self.model.pixels_per_latent

    def __call__(self, pairs: Sequence[Pair], first: int) -> Arrays:
        """Return the features of pairs number `first` on.

        Returns:
            "latents" (pairs, copies, channels, height, width) in float16, and "embeddings" (pairs, copies, width).
        """
        recipe, size, window = self.recipe, self.size, self.encoder.facts.window_seconds
        pictures: list[Picture] = []
        sounds: list[torch.Tensor] = []
        for index, (picture, waveform) in enumerate(pairs):
            rng = np.random.default_rng([recipe.seed, first + index])
            pictures.append(square(picture, size))
            pictures += [varied_square(picture, size, recipe.variation, rng) for _ in range(recipe.picture_copies - 1)]
            clips = [varied_sound(waveform, window, recipe.variation, rng) for _ in range(recipe.sound_copies - 1)]
            sounds.append(torch.cat([self._embed(clip) for clip in (waveform, *clips)]))
        batches = range(0, len(pictures), recipe.batch_size)
        coded = [self.model.encode_pictures(np.stack(pictures[i : i + recipe.batch_size])).cpu() for i in batches]
        return {
            "latents": torch.cat(coded).half().unflatten(0, (len(pairs), -1)).numpy(),
            "embeddings": torch.stack(sounds).cpu().numpy(),
        }

    def mixtures(self, pairs: Sequence[Pair], others: Sequence[Pair], chosen: NDArray[np.integer]) -> Arrays:
        """Return embeddings "mixed_embeddings" (pairs, mixtures, width) of sounds with others.

        Args:
            pairs: whose sounds are mixed.
            others: with whose.
            chosen: numbers of the others, (pairs, mixtures); -1 for none.
        """
        rows = []
        for (_, waveform), numbers in zip(pairs, chosen, strict=True):
            clips = [
                mixed(waveform, resample(others[number][1], waveform.sample_rate)) if number >= 0 else waveform
                for number in numbers
            ]
            rows.append(torch.cat([self._embed(clip) for clip in clips]))
        return {"mixed_embeddings": torch.stack(rows).cpu().numpy()}

    def text_tokens(self, texts: Sequence[str]) -> NDArray[np.float16]:
        """Return text tokens (texts, tokens, width)."""
        parts = [self.model.encode_text(texts[i : i + _TEXTS]).half().cpu() for i in range(0, len(texts), _TEXTS)]
        return torch.cat(parts).numpy()

    def _embed(self, waveform: Waveform) -> torch.Tensor:
        return embed(self.encoder, waveform, self.crop_policy, self.device)


@dataclass(frozen=True)
class FeaturePlan:
    """Which features of a split are needed, and where they are or will be.

    Args:
        folder: of the features.
        depends_on: all that they depend on, plain values.
        num_chunks: pieces in which they are computed.
    """

    folder: Path
    depends_on: dict[str, Any]
    num_chunks: int

    @classmethod
    def of(cls, data: PreparedData, recipe: AdapterRecipe) -> "FeaturePlan":
        """Find out what a split's features depend on; reads the models' files, but loads nothing."""
        base, encoder = model_folder(recipe.base), find_encoder(recipe.encoder)
        check_base(base, recipe.base)
        depends_on = {
            "version": _VERSION,
            "pairs": data.fingerprint,
            "captions": hashlib.sha256(json.dumps([data.captions, data.labels]).encode()).hexdigest(),
            "base": folder_digest(base, ("vae", "text_encoder", "tokenizer")),
            "encoder": folder_digest(encoder, ("",)),
            "own_size": own_size(base),
            "crop_policy": recipe.generation.crop_policy,
            "settings": {name: value for name, value in asdict(recipe.features).items() if name != "batch_size"},
        }
        name = hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()[:24]
        return cls(cache_folder() / "features" / name, depends_on, -(-len(data) // CHUNK))

    @property
    def is_done(self) -> bool:
        """Whether all features are there."""
        return (self.folder / "facts.json").is_file()

    @property
    def parts(self) -> Path:
        """Where finished chunks wait for the others."""
        return self.folder.with_name(f".{self.folder.name}.parts")

    def part(self, index: int) -> Path:
        """Return the file of a chunk."""
        return self.parts / f"{index:06d}.safetensors"


def compute_features(
    plan: FeaturePlan,
    data: PreparedData,
    make: Callable[[], FeatureMaker],
    run: Callable[[Sequence[int]], Iterator[int]] | None = None,
) -> Iterator[tuple[int, int]]:
    """Compute what is missing of a split's features, yielding (chunks done, chunks in all).

    Args:
        plan: of this split.
        data: the split.
        make: loads the encoders; called only if something is missing.
        run: what computes chunks, yielding the number of each that is written; by default this process.
    """
    if plan.is_done:
        shutil.rmtree(plan.parts, ignore_errors=True)
        yield plan.num_chunks, plan.num_chunks
        return
    try:
        yield from _compute(plan, data, make, run)
    except (OSError, SonicDiffusionError):
        if not plan.is_done:  # else another process was faster and has swept up
            raise
    yield plan.num_chunks, plan.num_chunks


def _compute(
    plan: FeaturePlan,
    data: PreparedData,
    make: Callable[[], FeatureMaker],
    run: Callable[[Sequence[int]], Iterator[int]] | None,
) -> Iterator[tuple[int, int]]:
    plan.parts.mkdir(parents=True, exist_ok=True)
    missing = [index for index in range(plan.num_chunks) if not plan.part(index).is_file()]
    maker = make()
    done = plan.num_chunks - len(missing)
    yield done, plan.num_chunks
    for _ in run(missing) if run else _computed(plan, data, maker, missing):
        done += 1
        yield done, plan.num_chunks
    join(plan, data, maker)


def _computed(plan: FeaturePlan, data: PreparedData, maker: FeatureMaker, chunks: Sequence[int]) -> Iterator[int]:
    for index in chunks:
        compute_chunk(plan, data, maker, index)
        yield index


def compute_chunk(plan: FeaturePlan, data: PreparedData, maker: FeatureMaker, index: int) -> None:
    """Compute one chunk and write it whole or not at all; chunks may be computed in any order, by anyone."""
    start, stop = index * CHUNK, min(len(data), (index + 1) * CHUNK)
    pairs = list(data.pictures_and_sounds(start, stop))
    found = maker(pairs, start)
    if maker.recipe.mixtures:  # with sounds of some other chunk, since neighbours are often of one class
        rng = np.random.default_rng([maker.recipe.seed, index])
        there = CHUNK * int(rng.integers(plan.num_chunks))
        others = list(data.pictures_and_sounds(there, there + CHUNK))
        chosen = np.full((len(pairs), maker.recipe.mixtures), -1)
        for row, caption in enumerate(data.captions[start:stop]):
            unlike = [n for n in range(len(others)) if data.captions[there + n] != caption]
            if unlike:
                chosen[row] = rng.choice(unlike, maker.recipe.mixtures)
        found |= maker.mixtures(pairs, others, chosen)
        found["mixed_with"] = np.where(chosen < 0, -1, chosen + there)
    write_tensors(plan.part(index), {name: torch.from_numpy(values) for name, values in found.items()})


def join(plan: FeaturePlan, data: PreparedData, maker: FeatureMaker) -> None:
    """Put finished chunks together, one at a time, encode the texts, and put the result in its place."""
    scratch = Path(tempfile.mkdtemp(dir=plan.folder.parent, prefix=f".{plan.folder.name}.joining-"))
    try:
        _fill(scratch, plan, data, maker)
        scratch.rename(plan.folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    shutil.rmtree(plan.parts, ignore_errors=True)


def _fill(folder: Path, plan: FeaturePlan, data: PreparedData, maker: FeatureMaker) -> None:
    captions, numbers, files = data.captions, _Numbers(), _ArrayFiles(folder, len(data))
    for index in range(plan.num_chunks):
        start = index * CHUNK
        found = {name: tensor.numpy() for name, tensor in read_tensors(plan.part(index)).items()}
        own = captions[start : start + CHUNK]
        found["captions"] = np.array([numbers.of(caption) for caption in own])
        found["classes"] = np.where(found["captions"] > 0, found["captions"], -1)
        if "mixed_with" in found:
            found["mixed_captions"] = np.array(
                [
                    [numbers.of(caption if other < 0 else f"{caption} and {captions[other]}") for other in others]
                    for caption, others in zip(own, found["mixed_with"], strict=True)
                ]
            )
        for name, values in found.items():
            files.append(name, values)
    files.close()
    if any(data.labels):  # sounds of one class are alike; without classes, those with one caption
        classes = _Numbers()
        numbered = [classes.of(label) if label else -1 for label in data.labels]
        np.save(folder / "classes.npy", np.array(numbered))
    np.save(folder / "text_tokens.npy", maker.text_tokens(list(numbers.found)))
    write_settings(folder / "facts.json", {"depends_on": plan.depends_on, "texts": list(numbers.found)})


class _ArrayFiles:
    """Arrays in files of NumPy's format, written from front to back, so that a full disk is noticed at once.

    Args:
        folder: of the files.
        count: rows that each will have.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self._folder, self._count = folder, count
        self._files: dict[str, BinaryIO] = {}

    def append(self, name: str, rows: NDArray[Any]) -> None:
        """Add rows (some, ...) to an array."""
        if name not in self._files:
            self._files[name] = (self._folder / f"{name}.npy").open("wb")
            header = {"descr": rows.dtype.str, "fortran_order": False, "shape": (self._count, *rows.shape[1:])}
            np.lib.format.write_array_header_1_0(self._files[name], header)
        self._files[name].write(np.ascontiguousarray(rows).tobytes())

    def close(self) -> None:
        for file in self._files.values():
            file.close()


class _Numbers:
    """Numbers texts as they come; the empty one is 0."""

    def __init__(self) -> None:
        self.found = {"": 0}

    def of(self, text: str) -> int:
        return self.found.setdefault(text, len(self.found))
