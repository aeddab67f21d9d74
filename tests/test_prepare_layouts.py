"""Sources are listed as their publications lay them out, and never decoded for it."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sonicdiffusion.data.captions import check_template, fill
from sonicdiffusion.data.clips import Found, Skipped, SourceClip
from sonicdiffusion.data.layouts.landscape import origin
from sonicdiffusion.data.layouts.registry import LAYOUTS, find_layout
from sonicdiffusion.data.settings import PrepareSettings
from sonicdiffusion.errors import ConfigError, MissingFileError


def made(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def listed(source: Path, layout: str = "auto", **settings: float) -> list[Found]:
    return list(find_layout(source, layout).list_clips(source, PrepareSettings(**settings)))  # type: ignore[arg-type]


def clips(source: Path, layout: str = "auto", **settings: float) -> list[SourceClip]:
    return [one for one in listed(source, layout, **settings) if isinstance(one, SourceClip)]


def skipped(source: Path, layout: str = "auto", **settings: float) -> list[Skipped]:
    return [one for one in listed(source, layout, **settings) if isinstance(one, Skipped)]


def facts(source: Path, layout: str = "auto") -> list[tuple[str, str | None, str, str | None]]:
    return [(clip.source, clip.label, clip.group, clip.split) for clip in clips(source, layout)]


def test_videos_are_found_at_any_depth_in_the_same_order(tmp_path: Path) -> None:
    made(
        tmp_path,
        "z.mp4",
        "b/ü ø 雨.MKV",
        "a/2.webm",
        "a/1.mov",
        "a/.hidden.mp4",
        ".git/x.mp4",
        "a/notes.txt",
        "a/c.jpg",
    )
    assert facts(tmp_path) == [
        ("z.mp4", None, "z.mp4", None),
        ("a/1.mov", "a", "a/1.mov", None),
        ("a/2.webm", "a", "a/2.webm", None),
        ("b/ü ø 雨.MKV", "b", "b/ü ø 雨.MKV", None),
    ]


def test_folders_of_splits_are_no_classes(tmp_path: Path) -> None:
    made(tmp_path, "train/loud_rain/1.mp4", "Test/2.mp4", "sea/val/3.mp4")
    assert facts(tmp_path) == [
        ("Test/2.mp4", None, "Test/2.mp4", "test"),
        ("sea/val/3.mp4", "sea", "sea/val/3.mp4", "validation"),
        ("train/loud_rain/1.mp4", "loud rain", "train/loud_rain/1.mp4", "train"),
    ]


def test_a_link_in_a_circle_is_followed_once(tmp_path: Path) -> None:
    made(tmp_path, "a/1.mp4")
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    assert len(clips(tmp_path, "videos")) == 1


@pytest.mark.parametrize(
    ("stem", "group"),
    [
        ("dQw4w9WgXcQ_10_20", "dQw4w9WgXcQ"),
        ("dQw4w9WgXcQ_3", "dQw4w9WgXcQ"),
        ("a_2-4_6-8_0_000001_10.5", "a_2-4_6-8_0"),  # digits and dashes within the id
        ("some long storm_2", "some long storm"),
        ("some_long_storm-07-2", "some long storm"),
        ("thunder_4", "thunder/thunder 4"),  # dropped, the number would make one group of the class
        ("0017", "thunder/0017"),
    ],
)
def test_clips_of_one_landscape_video_share_a_group(stem: str, group: str) -> None:
    assert origin(stem, "thunder") == group


def test_landscape_is_recognised_by_its_classes(tmp_path: Path) -> None:
    made(tmp_path, "train/fire_crackling/dQw4w9WgXcQ_1.mp4", "test/wind noise/AAAAAAAAAAA_1_2.mp4", "train/ski/x_1.mp4")
    assert find_layout(tmp_path, "auto").name == "landscape"
    assert facts(tmp_path) == [
        ("test/wind noise/AAAAAAAAAAA_1_2.mp4", "wind noise", "AAAAAAAAAAA", "test"),
        ("train/fire_crackling/dQw4w9WgXcQ_1.mp4", "fire crackling", "dQw4w9WgXcQ", "train"),
        ("train/ski/x_1.mp4", "ski", "x", "train"),
    ]


HITS = """1.00 wood hit static
1.40 metal hit deform
2.10 plastic-bag scratch None
2.90 None None None

later rock hit static
9.00 rock
"""


def hits(root: Path) -> Path:
    name = "2015-02-16-16-49-06"
    made(root, f"{name}_mic.mp4", f"{name}_denoised.mp4", f"{name}_denoised.wav", "2015-03-01-10-00-00_mic.mp4")
    (root / f"{name}_times.txt").write_text(HITS)
    (root / "2015-03-01-10-00-00_times.txt").write_text("0.5 leaf hit scatter\n")
    (root / "2015-09-09-09-09-09_times.txt").write_text("0.5 leaf hit scatter\n")
    return root


def test_each_hit_is_a_clip_unless_it_follows_too_closely(tmp_path: Path) -> None:
    found = clips(hits(tmp_path))
    assert [(clip.moment_seconds, clip.label) for clip in found] == [
        (1.0, "wood"),
        (2.1, "plastic-bag"),
        (9.0, "rock"),
        (0.5, "leaf"),
    ]
    assert found[0].video == tmp_path / "2015-02-16-16-49-06_denoised.mp4"
    assert found[0].sound == tmp_path / "2015-02-16-16-49-06_denoised.wav"
    assert found[3].sound is None
    assert found[0].group == "2015-02-16-16-49-06"
    assert found[1].words == {"material": "plastic-bag", "action": "scratch", "reaction": ""}
    reasons = {(one.source.partition("_")[2], one.kind) for one in skipped(tmp_path)}
    assert reasons == {
        ("times.txt:2", "thinned"),
        ("times.txt:4", "not used"),
        ("times.txt:6", "unreadable"),
        ("times.txt", "no picture"),
    }
    assert [clip.moment_seconds for clip in clips(tmp_path, hit_gap_seconds=0.0)][:3] == [1.0, 1.4, 2.1]


def test_official_lists_of_recordings_decide_the_split(tmp_path: Path) -> None:
    (hits(tmp_path) / "train.txt").write_text("2015-03-01-10-00-00\n")
    (tmp_path / "test.txt").write_text("2015-02-16-16-49-06_mic.mp4\n")
    assert [clip.split for clip in clips(tmp_path)] == ["test", "test", "test", "train"]


def test_ravdess_tells_emotion_and_actor_by_the_name(tmp_path: Path) -> None:
    made(
        tmp_path,
        "Video_Speech_Actor_02/Actor_02/01-01-07-02-01-02-02.mp4",
        "Video_Speech_Actor_02/Actor_02/02-01-07-02-01-02-02.mp4",
        "Actor_11/01-02-05-01-01-01-11.mp4",
        "Actor_11/03-02-05-01-01-01-11.wav",
        "Actor_11/01-02-09-01-01-01-11.mp4",
        "Actor_11/holiday.mp4",
    )
    angry, disgust = clips(tmp_path)
    assert (angry.label, angry.group, angry.words["channel"]) == ("angry", "Actor_11", "song")
    assert (disgust.label, disgust.group, disgust.words["intensity"]) == ("disgust", "Actor_02", "strong")
    template = LAYOUTS["ravdess"].caption
    assert fill(template, angry.words) == "a photo of an angry man"
    assert fill(template, disgust.words) == "a photo of a disgusted woman"
    assert [one.kind for one in skipped(tmp_path)] == ["not used"] * 4
    assert {"It is the video without sound.", "It is the sound without video."} < {
        one.reason for one in skipped(tmp_path)
    }


def test_pairs_share_a_name_in_a_folder_or_in_folders_side_by_side(tmp_path: Path) -> None:
    made(tmp_path, "a.wav", "a.png", "b.wav", "rain/sounds/1.flac", "rain/pictures/1.JPG", "rain/pictures/2.jpg")
    made(tmp_path, "audio/train/fire/3.ogg", "images/train/fire/3.webp")
    found = clips(tmp_path)
    assert [(clip.source, clip.label, clip.split) for clip in found] == [
        ("a.wav", None, None),
        ("audio/train/fire/3.ogg", "fire", "train"),
        ("rain/sounds/1.flac", "rain", None),
    ]
    assert [clip.picture for clip in found] == [
        tmp_path / "a.png",
        tmp_path / "images/train/fire/3.webp",
        tmp_path / "rain/pictures/1.JPG",
    ]


ROWS = [
    {"sound": "s/1.wav", "image": "p/1.png", "class": "rain", "caption": "wet", "split": "val", "group": "g"},
    {"sound": "s/é.wav", "image": "p/2.png", "class": "", "caption": "", "split": "", "group": ""},
    {"sound": "", "image": "p/3.png", "class": "", "caption": "", "split": "", "group": ""},
]


def write_csv(path: Path, rows: list[dict]) -> None:
    lines = [",".join(rows[0]), *(",".join(str(value) for value in row.values()) for row in rows)]
    path.write_text("\n".join(lines), encoding="utf-8-sig")


def write_json(path: Path, rows: list[dict]) -> None:
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n", encoding="utf-8")


def write_parquet(path: Path, rows: list[dict]) -> None:
    pq.write_table(pa.Table.from_pylist(rows), path)


WRITERS = {"csv": write_csv, "jsonl": write_json, "parquet": write_parquet}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_table_names_pairs(kind: str, tmp_path: Path) -> None:
    table = tmp_path / f"metadata.{kind}"
    WRITERS[kind](table, ROWS)
    for source in (table, tmp_path):
        first, second = clips(source)
        assert (first.sound, first.picture) == (tmp_path / "s/1.wav", tmp_path / "p/1.png")
        assert (first.label, first.caption, first.split, first.group) == ("rain", "wet", "validation", "g")
        assert (second.label, second.caption, second.split, second.group) == (None, None, None, "s/é.wav")
        (left_out,) = skipped(source)
        assert (left_out.source, left_out.kind) == (f"metadata.{kind}:3", "no sound")


def test_a_data_set_of_soundscapes_is_a_table(tmp_path: Path) -> None:
    write_json(
        tmp_path / "metadata.jsonl", [{"file_name": "p.png", "sound": "s.flac", "captions": ["first", "second"]}]
    )
    (clip,) = clips(tmp_path)
    assert (clip.picture, clip.caption) == (tmp_path / "p.png", "first")


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"soond": "1.wav", "picture": "1.png"}, "has a column 'soond'. Did you mean 'sound'"),
        ({"audio": "1.wav", "file": "1.png"}, "no column 'picture' or 'image' or 'file_name'; it has 'audio', 'file'"),
        ({"audio": "1.wav", "image": "1.png", "lable": "rain"}, "has a column 'lable'. Did you mean 'label'"),
        ({"audio": "1.wav", "image": "1.png", "split": "often"}, "has the split 'often'"),
    ],
)
def test_a_table_that_does_not_fit_gives_one_sentence(
    write: Callable[[Path, list[dict]], None], row: dict, message: str, tmp_path: Path
) -> None:
    table = tmp_path / next(f"table.{kind}" for kind, other in WRITERS.items() if other is write)
    write(table, [row])
    with pytest.raises(ConfigError, match=message) as caught:
        listed(table)
    assert "\n" not in str(caught.value)


def test_other_tables_give_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"sound": "1.wav", "picture": "1.png"}\n[]\n')
    (tmp_path / "b.jsonl").write_text("{\n")
    (tmp_path / "c.csv").write_bytes(b"sound,picture\n\xff\xfe\n")
    (tmp_path / "d.parquet").write_text("no")
    (tmp_path / "e.xlsx").touch()
    write_parquet(tmp_path / "f.parquet", [{"audio": {"bytes": b"1"}, "image": {"bytes": b"1"}}])
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(ConfigError, match=r"cannot be read as|no table that is read|inside") as caught:
            listed(path)
        assert str(path) in str(caught.value)


def test_a_source_without_anything_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="neither videos nor sounds"):
        find_layout(made(tmp_path, "a.txt"), "auto")
    with pytest.raises(MissingFileError, match="no folder or table"):
        find_layout(tmp_path / "gone", "auto")
    with pytest.raises(ConfigError, match="Name the folder"):
        find_layout(tmp_path / "a.txt", "videos")
    with pytest.raises(ConfigError, match="Did you mean 'landscape'"):
        PrepareSettings(layout="landscpae")


def test_a_caption_template_is_checked() -> None:
    words = ("label", "group")
    check_template("a {label} {{}}", words)
    for template in ("a {lable}", "{}", "{label.upper}", "{label!r}", "{label:>9}", "{label", "{0}"):
        with pytest.raises(ConfigError, match="The caption"):
            check_template(template, words)


def test_a_caption_lacking_a_word_is_empty() -> None:
    assert fill("a {label} in {place}", {"label": "owl", "place": "rain"}) == "an owl in rain"
    assert fill("a {label} in {place}", {"label": "owl"}) == ""
    assert fill("a pizza {label}", {"label": "oven"}) == "a pizza oven"
