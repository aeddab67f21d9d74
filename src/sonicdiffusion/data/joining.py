"""Parts become shards: duplicates left out, rows counted, one part in memory at a time."""

import csv
import hashlib
import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sonicdiffusion.data.clips import SPLITS, Skipped, Split
from sonicdiffusion.data.parquet_files import SCHEMA, pa, read_columns, read_part
from sonicdiffusion.data.shard_writer import ShardWriter
from sonicdiffusion.data.splits import Splits, draw_splits

NUM_SAMPLES = 16
"""Pictures on the sample sheet."""

SKIPPED = "skipped.csv"
_FEW = 500  # labels of which samples are kept; a source with more has no classes to speak of


@dataclass
class Tally:
    """What a preparation has counted.

    Args:
        clips: rows by split and label; a row without a label counts under "".
        seconds: of sound, by split.
        groups: of each split, their names' digests.
        skipped: by kind.
        num_uncaptioned: rows with an empty caption.
        shortest_seconds: of a clip.
        longest_seconds: of a clip.
        num_torn: groups that the source's own splits tear apart.
        fingerprint: SHA-256 of all keys in the order of the shards.
        shards: paths within the folder, in order.
        samples: keys of rows for the sheet.
    """

    clips: dict[str, Counter[str]] = field(default_factory=lambda: {split: Counter() for split in SPLITS})
    seconds: Counter[str] = field(default_factory=Counter)
    groups: dict[str, set[bytes]] = field(default_factory=lambda: {split: set() for split in SPLITS})
    skipped: Counter[str] = field(default_factory=Counter)
    num_uncaptioned: int = 0
    shortest_seconds: float = float("inf")
    longest_seconds: float = 0.0
    num_torn: int = 0
    fingerprint: str = ""
    shards: list[str] = field(default_factory=list)
    samples: list[str] = field(default_factory=list)

    @property
    def num_clips(self) -> int:
        """Rows in all splits."""
        return sum(sum(labels.values()) for labels in self.clips.values())

    def split_sizes(self) -> dict[str, int]:
        """Return the rows of each split that has any."""
        return {split: sum(labels.values()) for split, labels in self.clips.items() if labels}


def join_parts(parts: Sequence[Path], folder: Path, test_share: float) -> Tally:
    """Write the shards `data/*.parquet` and the list `skipped.csv` into a folder.

    Of clips with the same key the first, in the order of the parts, is kept.

    Args:
        parts: the parts in order.
        folder: an empty folder.
        test_share: share of the groups for testing, where the source has no splits of its own.

    Raises:
        OSError: if the folder cannot be written to.
    """
    splits = draw_splits(_groups(parts), test_share)  # among clips that can be used, hence not before
    tally, samples = Tally(num_torn=splits.num_torn), _Samples()
    (folder / "data").mkdir()
    writers = {split: ShardWriter(folder / "data", split) for split in SPLITS}
    first_by_key: set[bytes] = set()
    keys = {split: hashlib.sha256() for split in SPLITS}
    try:
        with (folder / SKIPPED).open("w", encoding="utf-8", newline="") as file:
            lines = csv.writer(file, lineterminator="\n")
            lines.writerow(["source", "kind", "reason"])
            for part in parts:
                table, skipped = read_part(part)
                table, duplicates = _without_duplicates(_with_splits(table, splits), first_by_key)
                for one in [*skipped, *duplicates]:
                    tally.skipped[one.kind] += 1
                    lines.writerow([one.source, one.kind, one.reason])
                _count(table, tally, samples, keys)
                _write_splits(table, writers)
        for writer in writers.values():
            tally.shards += [path.relative_to(folder).as_posix() for path in writer.finish()]
    finally:
        for writer in writers.values():
            writer.close()
    tally.fingerprint = hashlib.sha256(b"".join(keys[split].digest() for split in SPLITS)).hexdigest()
    tally.samples = samples.choose()
    return tally


def _groups(parts: Iterable[Path]) -> Iterator[tuple[str, Split | None]]:
    """Yield the group of each row, and the split that the source itself puts it into."""
    for part in parts:
        columns = read_columns(part, ["group", "split"])
        yield from zip(columns["group"].to_pylist(), columns["split"].to_pylist(), strict=True)


def _with_splits(table: Any, splits: Splits) -> Any:
    pairs = zip(table["group"].to_pylist(), table["split"].to_pylist(), strict=True)
    settled = pa.array([splits.of(group, own) for group, own in pairs], pa.string())
    return table.set_column(table.schema.get_field_index("split"), "split", settled)


def _without_duplicates(table: Any, seen: set[bytes]) -> tuple[Any, list[Skipped]]:
    keep, duplicates = [], []
    for key, source in zip(table["key"].to_pylist(), table["source"].to_pylist(), strict=True):
        digest = bytes.fromhex(key)
        keep.append(digest not in seen)
        seen.add(digest)
        if not keep[-1]:
            duplicates.append(Skipped(source, "duplicate", "An earlier clip has the same sound and picture."))
    return (table.filter(pa.array(keep, pa.bool_())) if duplicates else table), duplicates


def _count(table: Any, tally: Tally, samples: "_Samples", keys: Mapping[str, Any]) -> None:
    names = ["split", "label", "group", "caption", "duration_seconds", "key"]
    for split, label, group, caption, seconds, key in zip(*(table[name].to_pylist() for name in names), strict=True):
        tally.clips[split][label or ""] += 1
        tally.seconds[split] += seconds
        tally.groups[split].add(hashlib.sha256(group.encode()).digest()[:8])
        tally.num_uncaptioned += not caption
        tally.shortest_seconds = min(tally.shortest_seconds, seconds)
        tally.longest_seconds = max(tally.longest_seconds, seconds)
        keys[split].update(bytes.fromhex(key))
        samples.offer(label or "", key)


def _write_splits(table: Any, writers: Mapping[str, ShardWriter]) -> None:
    splits = table["split"].to_pylist()
    for split, writer in writers.items():  # rows are copied, so that what waits keeps no whole part in memory
        mask = [one == split for one in splits]
        if any(mask):
            writer.add(table.filter(pa.array(mask, pa.bool_())).select(SCHEMA.names).cast(SCHEMA))


class _Samples:
    """Keys of rows for the sheet: as many labels as fit, of each the lowest keys, which are as good as drawn."""

    def __init__(self) -> None:
        self._lowest: dict[str, list[int]] = {}  # by label, numbers of keys, negated: a heap drops the largest key

    def offer(self, label: str, key: str) -> None:
        if label not in self._lowest and len(self._lowest) >= _FEW:
            return
        heap, number = self._lowest.setdefault(label, []), -int(key, 16)
        if len(heap) < NUM_SAMPLES:
            heapq.heappush(heap, number)
        else:
            heapq.heappushpop(heap, number)

    def choose(self) -> list[str]:
        columns = [sorted(-number for number in heap) for _, heap in sorted(self._lowest.items())]
        turns = [column[turn] for turn in range(NUM_SAMPLES) for column in columns if turn < len(column)]
        return [f"{number:064x}" for number in turns[:NUM_SAMPLES]]
