"""Which split a clip falls into: the source's own, else one drawn for its whole group."""

import hashlib
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sonicdiffusion.data.clips import SPLITS, Split

Numbers = NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Splits:
    """The splits of a source, in a few bytes a clip.

    Args:
        official: numbers of the groups that the source itself puts into a split, by split, in rising order.
        test_until: the largest number of a group that is drawn into the test split; None if none is.
    """

    official: Mapping[Split, Numbers]
    test_until: int | None

    @property
    def num_torn(self) -> int:
        """How many groups the source itself puts into more than one split."""
        everything = np.concatenate([*self.official.values(), np.zeros(0, np.uint64)])
        return int((np.unique(everything, return_counts=True)[1] > 1).sum())

    def of(self, group: str, own: Split | None) -> Split:
        """Return the split of a clip: the source's own, else that of its group."""
        if own is not None:
            return own
        number = group_number(group)
        for split, numbers in self.official.items():
            place = int(np.searchsorted(numbers, np.uint64(number)))
            if place < numbers.size and int(numbers[place]) == number:
                return split
        return "test" if self.test_until is not None and number <= self.test_until else "train"


def draw_splits(clips: Iterable[tuple[str, Split | None]], test_share: float) -> Splits:
    """Draw a share of the groups into the test split: at least one if there are two, always the same ones.

    A source with splits of its own is not split any further: what it leaves open is for training.

    Args:
        clips: the group of each clip, and the split that the source itself puts it into.
        test_share: of the groups.
    """
    free = array("Q")
    official: dict[Split, array] = {split: array("Q") for split in SPLITS}
    for group, own in clips:
        (free if own is None else official[own]).append(group_number(group))
    numbers: dict[Split, Numbers] = {
        split: np.unique(np.frombuffer(held, np.uint64)) for split, held in official.items()
    }
    groups = np.unique(np.frombuffer(free, np.uint64))
    if test_share == 0 or groups.size < 2 or any(held.size for held in numbers.values()):
        return Splits(numbers, None)
    return Splits(numbers, int(groups[max(1, round(test_share * groups.size)) - 1]))


def group_number(group: str) -> int:
    """Return the number by which a group is drawn, evenly spread over 64 bits."""
    return int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big")
