"""Wav2CLIP: sounds in the space of CLIP ViT-B/32.

Source: Wu et al. 2022, "Wav2CLIP: Learning Robust Audio Representations from CLIP", arXiv 2110.11499; the network is a
ResNet-18 (He et al. 2016, arXiv 1512.03385) over a log power spectrum. Names of weights are those of its publication.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from sonicdiffusion.audio.resample import resample
from sonicdiffusion.errors import ConfigError, ModelError
from sonicdiffusion.evaluation.bench import Pictures
from sonicdiffusion.evaluation.extractors.clip import ClipExtractor
from sonicdiffusion.evaluation.extractors.extractor import Embeddings, ExtractorFacts, weights_version
from sonicdiffusion.models.folders import read_tensors
from sonicdiffusion.values import Waveform

SAMPLE_RATE = 16_000
WIDTH = 512
_WINDOW, _HOP = 512, 353
_FLOOR = 1e-7
_SHORTEST_SECONDS = 0.1


class BasicBlock(nn.Module):
    """Two convolutions around which the input is added (He et al. 2016, figure 5)."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or inputs != width:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, maps: Tensor) -> Tensor:
        """Map (batch, inputs, height, width) to (batch, width, ...)."""
        inner = self.bn2(self.conv2(self.bn1(self.conv1(maps)).relu()))
        return (inner + self.downsample(maps)).relu()


class _Spectrogram(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(_WINDOW))

    def forward(self, samples: Tensor) -> Tensor:
        """Map (batch, samples) to powers (batch, bins, frames)."""
        window = self.get_buffer("window")
        return torch.stft(samples, _WINDOW, _HOP, window=window, return_complex=True).abs().square()


class AudioEncoder(nn.Module):
    """ResNet-18 over the log spectrum of a clip."""

    def __init__(self) -> None:
        super().__init__()
        self.spectrogram = _Spectrogram()
        self.conv1 = nn.Conv2d(1, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        for stage, (inputs, width) in enumerate(((64, 64), (64, 128), (128, 256), (256, 512)), start=1):
            first = BasicBlock(inputs, width, 1 if stage == 1 else 2)
            self.add_module(f"layer{stage}", nn.Sequential(first, BasicBlock(width, width, 1)))

    def forward(self, samples: Tensor) -> Tensor:
        """Map clips (batch, samples) to (batch, 512), each normalised by itself, so that no clip changes another's."""
        levels = (self.spectrogram(samples)[:, None] + _FLOOR).log()  # (batch, 1, bins, frames)
        mean = levels.mean(dim=(1, 2, 3), keepdim=True)
        levels = (levels - mean) / (levels.std(dim=(1, 2, 3), keepdim=True) + 1e-9)
        maps = self.maxpool(self.bn1(self.conv1(levels)).relu())
        for stage in range(1, 5):
            maps = self.get_submodule(f"layer{stage}")(maps)
        return maps.mean(dim=(2, 3))


class _Transform(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        # The dropout of training holds the place between, and is never used here.
        self.sequential = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Dropout(0.1), nn.Linear(WIDTH, WIDTH))

    def forward(self, features: Tensor) -> Tensor:
        return self.sequential(features)


class Wav2Clip(nn.Module):
    """From samples at 16 kHz to embeddings in CLIP's space."""

    def __init__(self) -> None:
        super().__init__()
        self.audio_encoder, self.audio_transform = AudioEncoder(), _Transform()

    def forward(self, samples: Tensor) -> Tensor:
        """Map (batch, samples) to (batch, 512), not of unit length."""
        return self.audio_transform(self.audio_encoder(samples))


class Wav2ClipExtractor:
    """Sounds by Wav2CLIP, pictures by the CLIP it was made for.

    Args:
        network: of the sounds.
        clip: of the pictures; ViT-B/32.

    Raises:
        ConfigError: if the widths of the two differ.
    """

    def __init__(self, network: Wav2Clip, clip: ClipExtractor) -> None:
        if clip.facts.width != WIDTH:
            raise ConfigError(
                f"Wav2CLIP goes with CLIP ViT-B/32, of width {WIDTH}; {clip.facts.name} has {clip.facts.width}."
            )
        self._network, self._clip = network.eval(), clip
        version = f"{weights_version(network)}+{clip.facts.version}"
        is_published = clip.facts.name == "CLIP ViT-B/32"
        self.facts = ExtractorFacts(f"Wav2CLIP and {clip.facts.name}", version, WIDTH, is_published)

    @classmethod
    def load(cls, path: Path, clip: ClipExtractor, device: torch.device | str = "cpu") -> "Wav2ClipExtractor":
        """Load weights in safetensors; `sonicdiffusion convert-weights` makes them of the published checkpoint.

        Raises:
            MissingFileError: if there is no such file.
            ModelError: if it is damaged or holds other weights.
            ConfigError: if the CLIP does not go with it.
        """
        network, tensors = Wav2Clip(), read_tensors(path)
        wanted = network.state_dict()
        missing = [n for n in wanted if n not in tensors and not n.endswith("num_batches_tracked")]
        if missing:
            raise ModelError(f"{path} lacks {missing[0]!r} ({len(missing)} tensors missing). Check the file.")
        try:  # the published file holds more: what it was trained with
            network.load_state_dict({name: tensors[name] for name in wanted if name in tensors}, strict=False)
        except RuntimeError as problem:
            raise ModelError(f"{path} holds weights of another shape than Wav2CLIP. Check the file.") from problem
        return cls(network.to(device), clip)

    def pictures(self, pictures: Pictures) -> Embeddings:
        """Return CLIP's unit embeddings, (pictures, 512)."""
        return self._clip.pictures(pictures)

    @torch.inference_mode()
    def sounds(self, sounds: Sequence[Waveform]) -> Embeddings:
        """Return embeddings of whole recordings, (sounds, 512); short ones are repeated to a tenth of a second."""
        device, parts = self._network.audio_encoder.conv1.weight.device, []
        for sound in sounds:
            samples = resample(sound, SAMPLE_RATE).samples
            samples = np.resize(samples, max(samples.size, int(_SHORTEST_SECONDS * SAMPLE_RATE)))
            parts.append(self._network(torch.from_numpy(samples)[None].to(device)).cpu().numpy())
        return np.concatenate(parts)
