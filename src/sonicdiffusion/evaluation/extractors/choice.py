"""Which extractor is used for what: the published ones where their weights are given, the judge otherwise."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from sonicdiffusion.errors import ConfigError
from sonicdiffusion.evaluation.extractors.clip import ClipExtractor
from sonicdiffusion.evaluation.extractors.extractor import Extractor, SoundExtractor, TextExtractor
from sonicdiffusion.evaluation.extractors.inception import InceptionExtractor
from sonicdiffusion.evaluation.extractors.judged import JudgeExtractor
from sonicdiffusion.evaluation.extractors.wav2clip import Wav2ClipExtractor
from sonicdiffusion.evaluation.judge import Judge


@dataclass(frozen=True)
class Extractors:
    """The embeddings that an evaluation compares in.

    Args:
        sounds: of pictures and sounds, for AIS; published with Wav2CLIP and CLIP ViT-B/32.
        texts: of pictures and texts, for IIS, AIC, CLIP score, CMMD and diversity; published with CLIP ViT-L/14.
        sets: of pictures, for FID, KID, density and coverage; published with Inception v3.
    """

    sounds: SoundExtractor
    texts: TextExtractor
    sets: Extractor

    @property
    def facts(self) -> dict[str, Any]:
        """Name, version and comparability of each, as plain values."""
        return {name: getattr(self, name).facts.plain() for name in ("sounds", "texts", "sets")}


def choose_extractors(
    judge: Judge,
    *,
    clip: str | None = None,
    inception: Path | None = None,
    wav2clip: Path | None = None,
    wav2clip_pictures: str | None = None,
    device: torch.device | str = "cpu",
) -> Extractors:
    """Load the extractors that are named; the judge stands in for the others.

    Args:
        judge: the judge.
        clip: folder or hub id of a CLIP; ViT-L/14 for numbers that compare.
        inception: weights of Inception v3 in safetensors.
        wav2clip: weights of Wav2CLIP in safetensors.
        wav2clip_pictures: folder or hub id of CLIP ViT-B/32, which belongs to Wav2CLIP.
        device: where they compute.

    Raises:
        ConfigError: if one of Wav2CLIP and its CLIP is named without the other.
        MissingFileError: if something named is not there.
        ModelError: if something named cannot be read, or the judge stands in and has not learnt to read.
    """
    if (wav2clip is None) != (wav2clip_pictures is None):
        raise ConfigError("Wav2CLIP and CLIP ViT-B/32 go together. Give both --wav2clip and --wav2clip-pictures.")
    own = JudgeExtractor(judge)
    sounds: SoundExtractor = own
    if wav2clip is not None and wav2clip_pictures is not None:
        sounds = Wav2ClipExtractor.load(wav2clip, ClipExtractor.load(wav2clip_pictures, device), device)
    texts: TextExtractor = own if clip is None else ClipExtractor.load(clip, device)
    sets: Extractor = own if inception is None else InceptionExtractor.load(inception, device)
    texts.texts([""])  # a judge that cannot read says so now
    return Extractors(sounds, texts, sets)
