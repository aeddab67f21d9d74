"""The card of prepared data: what it holds, how it was made and what was left out."""

from collections.abc import Mapping
from typing import Any

from sonicdiffusion.data.joining import SKIPPED, Tally
from sonicdiffusion.data.layouts.layout import Layout

_MOST_LABELS = 100  # in the table

_COLUMNS = """| column | holds |
|---|---|
| `image` | JPEG |
| `audio` | FLAC, mono, 16 bits |
| `caption` | what the picture shows; empty if nothing says so |
| `label` | class, or null |
| `group` | recording, actor or the like; no split tears one apart |
| `source` | file that it comes from |
| `start_seconds`, `duration_seconds` | where in the recording the sound begins, and how long it lasts |
| `frame_seconds` | when in the video the picture is shown; null for a still picture |
| `key` | SHA-256 of the sound's samples and the picture |
"""


def card(title: str, facts: Mapping[str, Any], tally: Tally, layout: Layout) -> str:
    """Return the text of a card, Markdown with the front matter of the Hugging Face Hub.

    Args:
        title: name of the data set.
        facts: what `preparation.json` holds.
        tally: what was counted.
        layout: how the source is laid out.
    """
    sizes = tally.split_sizes()
    parts = [
        _front_matter(sizes, layout, tally.num_clips),
        f"# {title}\n",
        f"{tally.num_clips:,} pictures with sounds, prepared by `sonicdiffusion prepare`. {layout.notice}".strip()
        + "\n",
        "![Samples](sheet.png)\n",
        '```python\nfrom datasets import load_dataset\n\ndata = load_dataset("path/to/this/folder")\n```\n',
        f"## Clips\n\n{_counts(tally, sizes)}",
        _durations(tally, sizes),
        f"## Columns\n\n{_COLUMNS}",
        _making(facts),
        _left_out(tally),
        "## Rights\n\nPictures and sounds belong to whoever made the recordings; the data set they come from says what "
        "may be done with them.\n",
    ]
    return "\n".join(part for part in parts if part)


def _front_matter(sizes: Mapping[str, int], layout: Layout, num_clips: int) -> str:
    limits = {1_000: "n<1K", 10_000: "1K<n<10K", 100_000: "10K<n<100K", 1_000_000: "100K<n<1M"}
    category = next((name for limit, name in limits.items() if num_clips < limit), "n>1M")
    files = "".join(f"  - split: {split}\n    path: data/{split}-*\n" for split in sizes)
    licence = f"license: {layout.licence}\n" if layout.licence else ""
    return (
        f"---\n{licence}tags:\n- audio\n- image\n- sonicdiffusion\nsize_categories:\n- {category}\n"
        f"configs:\n- config_name: default\n  data_files:\n{files}---\n"
    )


def _counts(tally: Tally, sizes: Mapping[str, int]) -> str:
    """Return the table of classes against splits, the most frequent first."""
    total = {label: 0 for labels in tally.clips.values() for label in labels}
    for labels in tally.clips.values():
        for label, count in labels.items():
            total[label] += count
    order = sorted(total, key=lambda label: (-total[label], label))
    lines = [f"| class | {' | '.join(sizes)} |", "|---|" + "---:|" * len(sizes)]
    for label in order[:_MOST_LABELS]:
        cells = " | ".join(f"{tally.clips[split][label]:,}" for split in sizes)
        lines.append(f"| {_cell(label) or 'none'} | {cells} |")
    if len(order) > _MOST_LABELS:
        rest = order[_MOST_LABELS:]
        cells = " | ".join(f"{sum(tally.clips[split][label] for label in rest):,}" for split in sizes)
        lines.append(f"| {len(rest):,} others | {cells} |")
    lines.append(f"| **all** | {' | '.join(f'{count:,}' for count in sizes.values())} |")
    lines.append(f"| groups | {' | '.join(f'{len(tally.groups[split]):,}' for split in sizes)} |")
    return "\n".join(lines) + "\n"


def _durations(tally: Tally, sizes: Mapping[str, int]) -> str:
    lengths = ", ".join(f"{_clock(tally.seconds[split])} in {split}" for split in sizes)
    mean = sum(tally.seconds.values()) / tally.num_clips
    spread = f"{tally.shortest_seconds:.2f} to {tally.longest_seconds:.2f} seconds, {mean:.2f} on average"
    return f"Sound, in hours, minutes and seconds: {lengths}. A clip lasts {spread}.\n"


def _making(facts: Mapping[str, Any]) -> str:
    settings = facts["settings"]
    lines = "\n".join(f"| `{name}` | {_cell(value)} |" for name, value in settings.items())
    text = (
        f"## How it was made\n\nBy sonicdiffusion {facts['version']} from `{facts['source']}`, with these settings:\n\n"
        f"| setting | value |\n|---|---|\n{lines}\n\nFingerprint of the content: `{facts['fingerprint']}`.\n"
    )
    if facts["torn_groups"]:
        text += f"\nThe source's own splits put {facts['torn_groups']:,} groups into more than one of them.\n"
    return text


def _left_out(tally: Tally) -> str:
    text = "## Left out\n\n"
    if tally.skipped:
        lines = "\n".join(f"| {kind} | {count:,} |" for kind, count in sorted(tally.skipped.items()))
        text += f"| reason | number |\n|---|---:|\n{lines}\n\nEach of them stands in `{SKIPPED}`.\n"
    else:
        text += "Nothing.\n"
    if tally.num_uncaptioned:
        text += f"\n{tally.num_uncaptioned:,} clips have no caption.\n"
    return text


def _clock(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _cell(value: object) -> str:
    """Return a value that cannot break a table."""
    return " ".join(str(value).replace("|", "\\|").split())
