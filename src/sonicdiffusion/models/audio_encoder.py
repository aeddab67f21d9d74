"""From samples to one embedding that says what the sound is.

Sources: Kong et al. 2020, "PANNs", arXiv 1912.10211 (the Cnn14 network); Elizalde et al. 2022, "CLAP:
    Learning Audio
Concepts From Natural Language Supervision", arXiv 2206.04769 (the projection, and the sizes of MS-CLAP 2022).
"""

from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, gelu, normalize, relu

from sonicdiffusion.audio.log_mel import MSCLAP_LOG_MEL, LogMelSettings, hann_window, mel_filterbank
from sonicdiffusion.config import from_dict
from sonicdiffusion.errors import AudioError, ConfigError, ModelError
from sonicdiffusion.models.encoder_facts import EncoderFacts
from sonicdiffusion.models.folders import read_settings, read_tensors, write_settings, write_tensors

SETTINGS_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"

CONVOLUTION_DROPOUT = 0.2
HIDDEN_DROPOUT = 0.5


@dataclass(frozen=True)
class ClapAudioEncoderConfig:
    """The shape of an audio encoder; the defaults are those of MS-CLAP 2022.

    Args:
        name: which encoder the weights are, as an adapter file names it.
        version: its version; an adapter fits one version.
        log_mel: the front end.
        window_seconds: length of the clips it was trained on.
        widths: channels of each convolution block.
        hidden_width: width of the layer between convolutions and projection.
        embedding_width: width of the embedding.
        normalise: whether embeddings are scaled to length 1, as the published projector expects.
        dropout: whether training drops units, as the published encoder did.

    Raises:
        ConfigError: if a number is not positive.
    """

    name: str = "msclap-2022"
    version: str = "1"
    log_mel: LogMelSettings = MSCLAP_LOG_MEL
    window_seconds: float = 10.0
    widths: tuple[int, ...] = (64, 128, 256, 512, 1024, 2048)
    hidden_width: int = 2048
    embedding_width: int = 1024
    normalise: bool = True
    dropout: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(self.widths))
        for number in (*self.widths, self.hidden_width, self.embedding_width, self.window_seconds):
            if number <= 0:
                raise ConfigError(f"An audio encoder needs positive widths and seconds; got {number}.")
        if not self.widths:
            raise ConfigError("An audio encoder needs at least one convolution block; widths is empty.")

    @property
    def min_samples(self) -> int:
        """The shortest input that survives the pooling, in samples."""
        return self.log_mel.hop_samples * 2 ** (len(self.widths) - 1)


MINI_ENCODER = ClapAudioEncoderConfig(
    name="mini",
    version="2",
    log_mel=LogMelSettings(
        sample_rate=16000,
        window_samples=1024,
        hop_samples=512,
        num_mels=64,
        low_hertz=50.0,
        high_hertz=7800.0,
        floor=1e-10,
    ),
    window_seconds=5.0,
    widths=(24, 48, 96, 192, 256),
    hidden_width=256,
    embedding_width=256,
)


class ConvolutionBlock(nn.Module):
    """Two 3x3 convolutions, each normalised over the batch."""

    def __init__(self, width_in: int, width: int) -> None:
        super().__init__()
        self.convolution_1 = nn.Conv2d(width_in, width, 3, padding=1, bias=False)
        self.norm_1 = nn.BatchNorm2d(width)
        self.convolution_2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm_2 = nn.BatchNorm2d(width)

    def forward(self, maps: Tensor) -> Tensor:
        """Map (batch, channels in, frames, mels) to (batch, channels, frames, mels)."""
        maps = relu(self.norm_1(self.convolution_1(maps)))
        return relu(self.norm_2(self.convolution_2(maps)))


class ClapAudioEncoder(nn.Module):
    """Embed sound: a log-mel front end, the Cnn14 network, and CLAP's projection.

    `encoder(samples)` is `encoder.embed(encoder.log_mel(samples))`; the two halves are apart so that
    training can keep the log-mels, which are several times smaller than the samples.
    """

    window: Tensor
    mel_matrix: Tensor

    def __init__(self, config: ClapAudioEncoderConfig) -> None:
        super().__init__()
        self.config = config
        mel = config.log_mel
        # Recomputed from the settings, so never saved.
        self.register_buffer("window", torch.from_numpy(hann_window(mel.window_samples)), persistent=False)
        filters = mel_filterbank(mel.sample_rate, mel.window_samples, mel.num_mels, mel.low_hertz, mel.high_hertz)
        self.register_buffer("mel_matrix", torch.from_numpy(filters), persistent=False)
        self.mel_norm = nn.BatchNorm2d(mel.num_mels)
        widths = (1, *config.widths)
        self.blocks = nn.ModuleList(ConvolutionBlock(a, b) for a, b in pairwise(widths))
        self.hidden = nn.Linear(config.widths[-1], config.hidden_width)
        self.project = nn.Linear(config.hidden_width, config.embedding_width, bias=False)
        self.refine = nn.Linear(config.embedding_width, config.embedding_width, bias=False)
        self.out_norm = nn.LayerNorm(config.embedding_width)
        self.convolution_dropout = nn.Dropout(CONVOLUTION_DROPOUT if config.dropout else 0.0)
        self.hidden_dropout = nn.Dropout(HIDDEN_DROPOUT if config.dropout else 0.0)

    @property
    def facts(self) -> EncoderFacts:
        """What an adapter must know of this encoder."""
        config = self.config
        return EncoderFacts(
            config.name,
            config.version,
            config.log_mel.sample_rate,
            config.window_seconds,
            config.embedding_width,
            config.normalise,
        )

    def forward(self, samples: Tensor) -> Tensor:
        """Embed sound.

        Args:
            samples: amplitudes (batch, samples) at the sample rate of the config, in [-1, 1].

        Returns:
            Embeddings (batch, embedding width), of length 1 if the config says `normalise`.

        Raises:
            AudioError: if the clips are shorter than the pooling allows.
        """
        return self.embed(self.log_mel(samples))

    @torch.no_grad()
    def log_mel(self, samples: Tensor) -> Tensor:
        """Compute log-mel spectra of samples (batch, samples).

        Returns:
            Levels in decibels, (batch, frames, mels); no gradient flows to the samples.

        Raises:
            AudioError: if the samples have another shape, or are too few for the pooling.
        """
        mel = self.config.log_mel
        if samples.ndim != 2 or samples.shape[-1] < max(self.config.min_samples, mel.window_samples):
            raise AudioError(
                f"This encoder reads samples of shape (batch, samples), at least "
                f"{self.config.min_samples} of them; got {tuple(samples.shape)}. Repeat the clip to "
                f"{self.config.window_seconds:g} seconds first."
            )
        spectrum = torch.stft(
            samples.float(),  # the levels span 100 dB: too much for half precision
            mel.window_samples,
            hop_length=mel.hop_samples,
            window=self.window.float(),
            center=True,
            pad_mode="reflect",
            return_complex=True,
        )
        power = (spectrum.real.square() + spectrum.imag.square()).transpose(1, 2)  # (batch, frames, frequencies)
        levels = 10 * torch.log10((power @ self.mel_matrix.float()).clamp(min=mel.floor))
        return levels.to(samples.dtype)

    def embed(self, log_mel: Tensor) -> Tensor:
        """Embed log-mel spectra (batch, frames, mels) as (batch, embedding width)."""
        maps = self.mel_norm(log_mel[..., None].transpose(1, 2)).permute(0, 3, 2, 1)  # (batch, 1, frames, mels)
        for index, block in enumerate(self.blocks):
            maps = block(maps)
            if index < len(self.blocks) - 1:  # the last block keeps its resolution
                maps = avg_pool2d(maps, 2)
            maps = self.convolution_dropout(maps)
        over_time = maps.mean(dim=3)  # (batch, channels, frames)
        # A short event shows in the maximum, a lasting one in the mean.
        features = self.hidden_dropout(over_time.amax(dim=2) + over_time.mean(dim=2))
        features = self.hidden_dropout(relu(self.hidden(features)))
        projected = self.project(features)
        embedding = self.out_norm(projected + self.hidden_dropout(self.refine(gelu(projected))))
        return normalize(embedding, dim=-1) if self.config.normalise else embedding

    def save(self, folder: Path) -> None:
        """Write weights and settings to a folder, which is made if it is missing."""
        folder.mkdir(parents=True, exist_ok=True)
        write_tensors(folder / WEIGHTS_FILE, self.state_dict())
        write_settings(folder / SETTINGS_FILE, asdict(self.config))

    @classmethod
    def load(cls, folder: Path) -> "ClapAudioEncoder":
        """Read an encoder that `save` wrote, in float32 and evaluation mode.

        Raises:
            MissingFileError: if a file is missing.
            ModelError: if a file is damaged, or weights and settings do not fit each other.
        """
        path = folder / SETTINGS_FILE
        try:
            encoder = cls(from_dict(read_settings(path), ClapAudioEncoderConfig, source=str(path)))
        except ConfigError as problem:
            raise ModelError(str(problem)) from problem
        try:
            encoder.load_state_dict(read_tensors(folder / WEIGHTS_FILE))
        except RuntimeError as problem:
            raise ModelError(f"{folder / WEIGHTS_FILE} does not fit its {SETTINGS_FILE}. Copy both again.") from problem
        return encoder.eval()
