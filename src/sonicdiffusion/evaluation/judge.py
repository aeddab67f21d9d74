"""The independent judge: tells what a picture shows and whether it goes with a sound.

It shares nothing with the models it measures: other scenes, and another kind of network.
"""

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sonicdiffusion.audio.log_mel import log_mel
from sonicdiffusion.audio.resample import resample
from sonicdiffusion.audio.window import windows
from sonicdiffusion.config import from_dict
from sonicdiffusion.errors import ConfigError, ModelError
from sonicdiffusion.evaluation.judge_network import EAR, HEARING_SECONDS, JudgeConfig, JudgeNetwork
from sonicdiffusion.evaluation.reader import Reader, ReaderConfig
from sonicdiffusion.hub import resolve
from sonicdiffusion.models.folders import read_settings, read_tensors, write_settings, write_tensors
from sonicdiffusion.soundscapes.scene import EVENTS
from sonicdiffusion.values import Waveform

NOTHING = len(EVENTS)
"""The class of pictures without an event."""
EVENTS_AND_NONE = (*EVENTS, "none")
"""The names of all classes of pictures."""


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

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the weights: of who has judged."""
        digest = hashlib.sha256()
        for name, value in sorted(self.network.state_dict().items()):
            digest.update(name.encode())
            digest.update(value.detach().float().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

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
