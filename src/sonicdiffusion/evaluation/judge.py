"""The independent judge: tells what a picture shows and whether it goes with a sound.

It shares nothing with the models it measures: other scenes, and another kind of network. The pictures are read by
inverted residuals with depthwise convolutions (Sandler et al. 2018, "MobileNetV2", arXiv 1801.04381), the sounds by
separable convolutions over time alone (after Kaiser et al. 2017, arXiv 1706.03059).
"""

from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import normalize

from sonicdiffusion.audio.log_mel import LogMelSettings, log_mel
from sonicdiffusion.audio.resample import resample
from sonicdiffusion.audio.window import windows
from sonicdiffusion.config import from_dict
from sonicdiffusion.errors import ConfigError, ModelError
from sonicdiffusion.evaluation.reader import Reader, ReaderConfig
from sonicdiffusion.hub import resolve
from sonicdiffusion.models.folders import read_settings, read_tensors, write_settings, write_tensors
from sonicdiffusion.soundscapes.scene import EVENTS, PLACES, TIMES
from sonicdiffusion.values import Waveform

NOTHING = len(EVENTS)
"""The class of pictures without an event."""

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


@dataclass(frozen=True, eq=False)
class Verdict:
    """What the judge sees in pictures.

    Args:
        events: probability of each event and, last, of none, shape (pictures, events + 1).
        places: probabilities, shape (pictures, places).
        times: probabilities, shape (pictures, times).
        extents: share of the picture that each event covers or changes, shape (pictures, events).
        embeddings: of length 1, shape (pictures, width).
    """

    events: NDArray[np.float32]
    places: NDArray[np.float32]
    times: NDArray[np.float32]
    extents: NDArray[np.float32]
    embeddings: NDArray[np.float32]

    @property
    def event(self) -> NDArray[np.int64]:
        """The likeliest event of each picture as an index, `NOTHING` if it shows none."""
        return self.events.argmax(axis=1)

    @property
    def two_events(self) -> NDArray[np.int64]:
        """The two likeliest events of each picture as indices, shape (pictures, 2)."""
        return np.argsort(-self.events[:, :NOTHING], axis=1, kind="stable")[:, :2]

    @property
    def place(self) -> NDArray[np.int64]:
        """The likeliest place of each picture as an index."""
        return self.places.argmax(axis=1)


class Judge:
    """A trained judge.

    Args:
        network: its weights.
        facts: what is stored beside them: the configs and the judge's own scores.
        reader: puts texts beside its pictures; None if it has not learnt to read.
    """

    def __init__(
        self, network: JudgeNetwork, facts: dict[str, Any] | None = None, reader: Reader | None = None
    ) -> None:
        self.network, self.facts = network.eval(), facts or {"config": asdict(network.config)}
        self.reader = reader

    @classmethod
    def load(cls, name: str | Path = "judge") -> "Judge":
        """Load the bundled judge or one from a folder.

        Raises:
            MissingFileError: if there is none.
            ModelError: if a file is damaged, or weights and settings do not fit each other.
        """
        folder = resolve(name)
        facts = read_settings(folder / "config.json")
        try:
            network = JudgeNetwork(from_dict(facts.get("config", {}), JudgeConfig, source=str(folder)))
            _fill(network, folder / "model.safetensors")
            reader = None
            if "reader" in facts:
                reader = Reader(from_dict(facts["reader"], ReaderConfig, source=str(folder))).eval()
                _fill(reader, folder / "reader.safetensors")
        except (ConfigError, RuntimeError) as problem:
            raise ModelError(f"The judge in '{folder}' does not fit its config.json. Copy both again.") from problem
        return cls(network, facts, reader)

    def save(self, folder: Path) -> None:
        """Write half-precision weights and facts to a folder, which is made if it is missing."""
        folder.mkdir(parents=True, exist_ok=True)
        write_tensors(folder / "model.safetensors", _half(self.network))
        if self.reader is not None:
            write_tensors(folder / "reader.safetensors", _half(self.reader))
        write_settings(folder / "config.json", self.facts)

    @torch.inference_mode()
    def look(self, pictures: NDArray[np.uint8], batch_size: int = 64) -> Verdict:
        """Judge pictures, uint8 RGB of any size, shape (pictures, height, width, 3)."""
        parts = []
        for start in range(0, len(pictures), batch_size):
            tensor = to_tensor(self._fit(pictures[start : start + batch_size]))
            embedding = self.network.picture(tensor)
            heads = self.network.read(embedding)
            shares = [heads[name].softmax(dim=1) for name in ("event", "place", "time")]
            parts.append([*shares, heads["root_extent"].square(), embedding])
        return Verdict(*(torch.cat(column).numpy() for column in zip(*parts, strict=True)))

    @torch.inference_mode()
    def listen(self, sounds: list[Waveform]) -> NDArray[np.float32]:
        """Return embeddings of sounds in the space of the pictures' embeddings, shape (sounds, width)."""
        levels = np.stack([hear(sound) for sound in sounds])
        return self.network.sound(torch.from_numpy(levels)).numpy()

    @torch.inference_mode()
    def read(self, texts: list[str]) -> NDArray[np.float32]:
        """Return embeddings of texts in the space of the pictures' embeddings, shape (texts, width).

        Raises:
            ModelError: if the judge has not learnt to read.
        """
        if self.reader is None:
            raise ModelError("This judge reads no text. Take the bundled one, or teach it by `make_judge --reader`.")
        return self.reader(texts).numpy()

    @torch.inference_mode()
    def name_sounds(self, sounds: list[Waveform]) -> NDArray[np.int64]:
        """Return the likeliest event of each sound as an index, shape (sounds,)."""
        heard = torch.from_numpy(self.listen(sounds))
        return self.network.heard_event(heard * heard.shape[1] ** 0.5).argmax(dim=1).numpy()

    def _fit(self, pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
        size = self.network.config.picture_size
        if pictures.shape[1:3] == (size, size):
            return pictures
        return np.stack([cv2.resize(p, (size, size), interpolation=cv2.INTER_AREA) for p in pictures])


def _fill(network: nn.Module, path: Path) -> None:
    network.load_state_dict({key: value.float() for key, value in read_tensors(path).items()})


def _half(network: nn.Module) -> dict[str, Tensor]:
    state = network.state_dict()
    return {key: value.half() if value.is_floating_point() else value for key, value in state.items()}


def hear(sound: Waveform) -> NDArray[np.float32]:
    """Return the levels in decibels of the loudest five seconds of a sound, shape (frames, mels)."""
    samples = windows(resample(sound, EAR.sample_rate), HEARING_SECONDS, "loudest")
    return log_mel(samples, EAR)[0]


def to_tensor(pictures: NDArray[np.uint8]) -> Tensor:
    """Turn pictures (pictures, height, width, 3) into floats in [-1, 1], shape (pictures, 3, height, width)."""
    tensor = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1.0
    return tensor.contiguous(memory_format=torch.channels_last)
