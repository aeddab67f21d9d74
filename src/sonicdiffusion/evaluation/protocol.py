"""What an evaluation on a data set asks: a fixed list of clips, seeds and prompts, in a file that can be published.

Source: Biner et al. 2024, arXiv 2405.00878, for the rule: five clips of each class of the test split, ten pictures of
each clip, and the other clips of the split to compare with.
"""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from sonicdiffusion.config import from_dict, to_dict
from sonicdiffusion.data.prepared import PreparedData
from sonicdiffusion.errors import ConfigError
from sonicdiffusion.models.folders import read_settings, write_settings

_FEWEST_REFERENCES = 6  # one more than the neighbours that density and coverage ask for


@dataclass(frozen=True)
class Clip:
    """A clip that pictures are made of.

    Args:
        key: of its row: SHA-256 of the content.
        label: its class.
        prompt: the text beside the sound.
    """

    key: str
    label: str
    prompt: str = ""


@dataclass(frozen=True)
class Protocol:
    """Clips, seeds and references. Picture k of clip number i has the seed first_seed + i * seeds_per_clip + k.

    Args:
        data: fingerprint of the data set.
        split: the split that all rows are of.
        clips: what pictures are made of, class by class.
        seeds_per_clip: pictures of each clip.
        first_seed: of the first picture.
        references: keys of the rows that pictures and sounds are compared with.

    Raises:
        ConfigError: if there is no clip, too few references, or a clip is among them.
    """

    data: str
    split: str
    clips: tuple[Clip, ...]
    references: tuple[str, ...]
    seeds_per_clip: int = 10
    first_seed: int = 0

    def __post_init__(self) -> None:
        if not self.clips or self.seeds_per_clip < 1 or len(self.references) < _FEWEST_REFERENCES:
            raise ConfigError(
                f"A protocol needs a clip, a seed and {_FEWEST_REFERENCES} references; got {len(self.clips)}, "
                f"{self.seeds_per_clip} and {len(self.references)}. Prepare more clips, or ask for fewer a class."
            )
        if {clip.key for clip in self.clips} & set(self.references):
            raise ConfigError("A clip of the protocol is among its references, which must be other rows.")

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes, sorted."""
        return tuple(sorted({clip.label for clip in self.clips}))


def make_protocol(
    data: PreparedData, *, clips_per_class: int = 5, seeds_per_clip: int = 10, split: str = "test"
) -> Protocol:
    """Choose clips by the paper's rule: some of each class, always the same ones; the other rows are references.

    Of a class with few rows at most half become clips. Clips of different groups come first.

    Args:
        data: a prepared data set whose rows have classes.
        clips_per_class: at most.
        seeds_per_clip: pictures of each clip.
        split: where clips and references are from.

    Raises:
        ConfigError: if there is no such split, its rows have no classes, or they are too few.
    """
    part = data.split(split)
    by_label: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for label, group, key in zip(part.labels, part.groups, part.keys, strict=True):
        if label is not None:
            by_label[label].append((key, group))
    if not by_label:
        raise ConfigError(f"The rows of '{data.folder}' have no classes, which the evaluation goes by.")
    clips: list[Clip] = []
    for label, rows in sorted(by_label.items()):
        clips += [Clip(key, label) for key in _spread(rows)[: min(clips_per_class, max(1, len(rows) // 2))]]
    chosen = {clip.key for clip in clips}
    references = tuple(key for key in part.keys if key not in chosen)
    return Protocol(data.fingerprint, split, tuple(clips), references, seeds_per_clip)


def read_protocol(path: Path, data: PreparedData) -> Protocol:
    """Read a protocol for a data set.

    Raises:
        MissingFileError: if there is no such file.
        ModelError: if it is not JSON.
        ConfigError: if it is no protocol, or asks for rows that the data set lacks.
    """
    protocol = from_dict(read_settings(path), Protocol, source=f"'{path}'")
    there = set(data.split(protocol.split).keys)
    missing = [key for key in (*(clip.key for clip in protocol.clips), *protocol.references) if key not in there]
    if missing:
        raise ConfigError(
            f"'{path}' asks for {len(missing)} rows that '{data.folder}' lacks, among them {missing[0][:12]}. It was "
            "made for other data, or for the same data prepared in another way."
        )
    return protocol


def write_protocol(protocol: Protocol, path: Path) -> None:
    """Write a protocol as JSON."""
    write_settings(path, to_dict(protocol))


def _spread(rows: list[tuple[str, str]]) -> list[str]:
    """Return keys in order, the first of each group before the second of any."""
    seen: dict[str, int] = defaultdict(int)
    ranked = []
    for key, group in sorted(rows):  # keys are digests: their order is as good as drawn
        ranked.append((seen[group], key))
        seen[group] += 1
    return [key for _, key in sorted(ranked)]
