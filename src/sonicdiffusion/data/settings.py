"""The settings of a preparation."""

from dataclasses import dataclass

from sonicdiffusion.config import nearest
from sonicdiffusion.errors import ConfigError

LAYOUT_NAMES = ("auto", "videos", "pairs", "landscape", "greatest-hits", "ravdess")


@dataclass(frozen=True)
class PrepareSettings:
    """How clips are cut and described.

    Args:
        layout: how the source is laid out, one of `LAYOUT_NAMES`.
        clip_seconds: longest clip; what is shorter stays as long as it is.
        clips_per_video: most clips of one video, in order of loudness; they do not overlap.
        size: largest short side of the pictures, in pixels.
        test_share: share of the groups that go into the test split where the source has no splits of its own.
        caption: template of the captions, such as "a photo of {label}"; the layout's own or a column if None.
        captioner: folder or hub id of a model that captions the pictures; None for none.
        silence_dbfs: clips below this level are left out.
        hit_gap_seconds: of hits closer together, the earlier one is kept.
        chunk_clips: clips that are worked on, and kept in memory, as one piece.

    Raises:
        ConfigError: if a value is out of range, or a caption and a captioner are both given.
    """

    layout: str = "auto"
    clip_seconds: float = 10.0
    clips_per_video: int = 1
    size: int = 512
    test_share: float = 0.1
    caption: str | None = None
    captioner: str | None = None
    silence_dbfs: float = -60.0
    hit_gap_seconds: float = 1.0
    chunk_clips: int = 32

    def __post_init__(self) -> None:
        if self.layout not in LAYOUT_NAMES:
            raise ConfigError(f"Unknown layout {self.layout!r}. {nearest(self.layout, LAYOUT_NAMES)}")
        self._check("clip_seconds", 0.1, 600.0)
        self._check("clips_per_video", 1, 1000)
        self._check("size", 16, 4096)
        self._check("test_share", 0.0, 0.9)
        self._check("silence_dbfs", -120.0, 0.0)
        self._check("hit_gap_seconds", 0.0, 3600.0)
        self._check("chunk_clips", 1, 1000)
        if self.caption is not None and self.captioner is not None:
            raise ConfigError("Captions come from a template or from a captioner. Give one of the two.")

    def _check(self, name: str, least: float, most: float) -> None:
        value = getattr(self, name)
        if not least <= value <= most:  # also refuses NaN
            raise ConfigError(f"{name} is {value}; expected {least:g} to {most:g}. Choose a number in that range.")
