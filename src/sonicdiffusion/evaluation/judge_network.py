"""The judge's two networks.

The pictures are read by inverted residuals with depthwise convolutions (Sandler et al. 2018, "MobileNetV2", arXiv
1801.04381), the sounds by separable convolutions over time alone (after Kaiser et al. 2017, arXiv 1706.03059).
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from sonicdiffusion.audio.log_mel import LogMelSettings
from sonicdiffusion.soundscapes.scene import EVENTS, PLACES, TIMES

EAR = LogMelSettings(
    sample_rate=16_000, window_samples=800, hop_samples=400, num_mels=48, low_hertz=60.0, high_hertz=7600.0
)
"""The judge's own front end; 200 frames of 25 ms in five seconds."""
HEARING_SECONDS = 5.0


@dataclass(frozen=True)
class JudgeConfig:
    """The shape of a judge.

    Args:
        picture_size: side of the pictures it looks at, in pixels.
        widths: channels of each stage of the picture network, each at half the resolution of the one before.
        depths: residual blocks of each stage.
        sound_width: channels of the sound network.
        embedding_width: numbers in an embedding.
    """

    picture_size: int = 128
    widths: tuple[int, ...] = (32, 64, 160)
    depths: tuple[int, ...] = (1, 2, 3)
    sound_width: int = 128
    embedding_width: int = 256


class InvertedResidual(nn.Module):
    """Widen, look around with a depthwise convolution, narrow, add (Sandler et al. 2018, figure 3)."""

    def __init__(self, width: int, expansion: int = 3) -> None:
        super().__init__()
        inner = expansion * width
        self.body = nn.Sequential(
            nn.Conv2d(width, inner, 1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU6(inplace=True),
            nn.Conv2d(inner, inner, 3, padding=1, groups=inner, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU6(inplace=True),
            nn.Conv2d(inner, width, 1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Map (batch, width, height, width in pixels) to the same shape."""
        return maps + self.body(maps)


class PictureNetwork(nn.Module):
    """From a picture to its embedding."""

    def __init__(self, config: JudgeConfig) -> None:
        super().__init__()
        first = config.widths[0]
        # Two small strides rather than one large: thin things such as rain must survive the first layer.
        layers: list[nn.Module] = [
            nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(inplace=True),
            nn.Conv2d(16, first, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(first),
            nn.ReLU(inplace=True),
        ]
        for stage, (width, depth) in enumerate(zip(config.widths, config.depths, strict=True)):
            if stage:
                narrow = config.widths[stage - 1]
                layers += [nn.Conv2d(narrow, width, 2, stride=2, bias=False), nn.BatchNorm2d(width)]
            layers += [InvertedResidual(width) for _ in range(depth)]
        self.layers = nn.Sequential(*layers)
        self.embed = nn.Linear(2 * config.widths[-1], config.embedding_width)

    def forward(self, pictures: Tensor) -> Tensor:
        """Map (batch, 3, height, width) in [-1, 1] to unit embeddings (batch, embedding width)."""
        maps = self.layers(pictures)
        # The mean tells how much there is of something, the maximum whether there is any.
        pooled = torch.cat([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))], dim=1)
        return normalize(self.embed(pooled).float(), dim=-1)


class SoundNetwork(nn.Module):
    """From the spectrum of a sound to its embedding, bands being channels."""

    def __init__(self, config: JudgeConfig, num_mels: int) -> None:
        super().__init__()
        widths = (num_mels, *(config.sound_width,) * 4)
        layers: list[nn.Module] = [nn.BatchNorm1d(num_mels)]
        for width_in, width in pairwise(widths):
            layers += [
                nn.Conv1d(width_in, width_in, 7, padding=3, groups=width_in, bias=False),
                nn.Conv1d(width_in, width, 1, bias=False),
                nn.BatchNorm1d(width),
                nn.ReLU(inplace=True),
                nn.MaxPool1d(2),
            ]
        self.layers = nn.Sequential(*layers)
        self.embed = nn.Linear(2 * config.sound_width, config.embedding_width)

    def forward(self, levels: Tensor) -> Tensor:
        """Map levels in decibels (batch, frames, mels) to unit embeddings (batch, embedding width)."""
        # The recording's gain says nothing, so the loudest band of the clip becomes 0 dB.
        levels = levels - levels.amax(dim=(1, 2), keepdim=True)
        maps = self.layers(levels.clamp(min=-80.0).transpose(1, 2) / 20.0)
        pooled = torch.cat([maps.mean(dim=2), maps.amax(dim=2)], dim=1)
        return normalize(self.embed(pooled).float(), dim=-1)


class JudgeNetwork(nn.Module):
    """Both networks, with the heads that read a picture's embedding and the one that reads a sound's."""

    def __init__(self, config: JudgeConfig) -> None:
        super().__init__()
        self.config = config
        self.picture, self.sound = PictureNetwork(config), SoundNetwork(config, EAR.num_mels)
        width = config.embedding_width
        self.event = nn.Linear(width, len(EVENTS) + 1)
        self.place = nn.Linear(width, len(PLACES))
        self.time = nn.Linear(width, len(TIMES))
        self.extent = nn.Linear(width, len(EVENTS))
        self.heard_event = nn.Linear(width, len(EVENTS))
        self.log_temperature = nn.Parameter(torch.tensor(2.3))

    def read(self, embedding: Tensor) -> dict[str, Tensor]:
        """Return logits of event, place and time, and root extents, for picture embeddings (batch, width)."""
        scaled = embedding * embedding.shape[1] ** 0.5  # unit length leaves logits too small a range
        heads = {name: getattr(self, name)(scaled) for name in ("event", "place", "time")}
        return {**heads, "root_extent": torch.sigmoid(self.extent(scaled))}
