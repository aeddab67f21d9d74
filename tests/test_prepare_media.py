"""Frames and sounds come out of videos as people have them: turned, uneven, damaged, long."""

import tracemalloc
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
import soundfile
from av.stream import Disposition
from PIL import Image
from small_videos import HEIGHT, RATE, WIDTH, Film, scene_picture, scene_sound, write_film

from sonicdiffusion.audio.decode import decode
from sonicdiffusion.audio.window import windows
from sonicdiffusion.data import pictures, video
from sonicdiffusion.data.clips import UnusableClipError
from sonicdiffusion.data.loudness import Loudness, LoudnessMeter
from sonicdiffusion.data.sound import FileSound, TrackSound, encode_flac
from sonicdiffusion.data.video import VideoFrame, pick_frame
from sonicdiffusion.values import Waveform

BLACK = np.zeros((HEIGHT, WIDTH, 3), np.uint8)


def quarters() -> np.ndarray:
    """A picture that looks different from every side: red, green, blue and white quarters."""
    colours = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8)
    return colours.repeat(HEIGHT // 2, axis=0).repeat(WIDTH // 2, axis=1)


def picked(path: Path, moment: float, reach: float = 0.5, size: int = 512) -> VideoFrame:
    return pick_frame(path, path.name, moment, reach, size)


def middles(pixels: np.ndarray) -> list[list[int]]:
    """The colours in the middle of the four quarters, rounded to 0 or 255."""
    height, width = pixels.shape[:2]
    places = [(height // 4 * down, width // 4 * across) for down in (1, 3) for across in (1, 3)]
    return [(pixels[place].astype(int) // 128 * 255).tolist() for place in places]


def test_the_sharpest_frame_near_the_moment_is_picked(tmp_path: Path) -> None:
    sharp = scene_picture(3)
    blurred = np.asarray(cv2.GaussianBlur(sharp, (0, 0), 3), np.uint8)
    frames = [blurred] * 30
    frames[2] = frames[18] = frames[29] = sharp  # at 0.2, 1.8 and 2.9 seconds
    path = write_film(tmp_path / "a.mp4", Film(frames, None))
    assert picked(path, 1.5).seconds == pytest.approx(1.8)
    assert picked(path, 2.5).seconds == pytest.approx(2.9)
    assert picked(path, 0.0).seconds == pytest.approx(0.2)
    assert picked(path, 1.5, reach=0.15).seconds == pytest.approx(1.5, abs=0.16)  # a hit is not elsewhere


@pytest.mark.parametrize("rotation", [0, 90, 180, -90])
@pytest.mark.parametrize("mirror", [False, True])
def test_a_turned_video_is_shown_upright(rotation: int, mirror: bool, tmp_path: Path) -> None:
    path = write_film(tmp_path / "phone.mp4", Film([quarters()] * 5, None, rotation=rotation, mirror=mirror))
    expected = np.rot90(quarters(), rotation // 90)
    expected = np.fliplr(expected) if mirror else expected
    pixels = picked(path, 0.2).pixels
    assert pixels.shape == expected.shape
    assert middles(pixels) == middles(expected)


@pytest.mark.parametrize("rate", [Fraction(7), Fraction(30_000, 1001), Fraction(1), Fraction(120)])
@pytest.mark.parametrize("container", ["mp4", "mkv", "avi"])
def test_odd_frame_rates_keep_their_times(rate: Fraction, container: str, tmp_path: Path) -> None:
    frames = [np.roll(quarters(), index, axis=1) for index in range(round(3 * rate))]
    path = write_film(tmp_path / f"a.{container}", Film(frames, None, rate=rate))
    frame = picked(path, 2.0, reach=0.4 / float(rate))
    assert frame.seconds == pytest.approx(2.0, abs=0.5 / float(rate))
    difference = np.abs(frame.pixels.astype(int) - frames[round(frame.seconds * rate)]).mean()
    assert difference < 12


def test_uneven_frame_rates_give_the_picture_on_show(tmp_path: Path) -> None:
    frames = [scene_picture(seed) for seed in (0, 1, 2, 3)]
    path = write_film(tmp_path / "a.mp4", Film(frames, None, times=[0.0, 0.25, 5.0, 5.1]))
    for moment, seconds, shown in ((3.0, 0.25, 1), (5.1, 5.1, 3), (9.0, 5.1, 3)):
        frame = picked(path, moment, reach=0.04)
        assert frame.seconds == pytest.approx(seconds, abs=0.01)
        assert np.abs(frame.pixels.astype(int) - frames[shown]).mean() < 12
    with pytest.raises(UnusableClipError, match="no readable frame near 40"):
        picked(path, 40.0)


def test_pictures_have_the_wanted_size_and_square_pixels(tmp_path: Path) -> None:
    path = write_film(tmp_path / "a.mkv", Film([quarters()] * 5, None, pixel_aspect=Fraction(2)))
    assert picked(path, 0.2).pixels.shape == (64, 192, 3)
    assert picked(path, 0.2, size=32).pixels.shape == (32, 96, 3)
    assert pictures.fitted_size(3000, 4000, 512) == (512, 683)
    assert pictures.fitted_size(100, 90, 512) == (100, 90)
    assert pictures.fitted_size(600, 60_000, 512) == (20, 2048)


def test_black_frames_are_passed_over_or_refused(tmp_path: Path) -> None:
    path = write_film(tmp_path / "a.mp4", Film([BLACK] * 14 + [scene_picture(1)] + [BLACK] * 15, None))
    assert picked(path, 1.5).seconds == pytest.approx(1.4)
    with pytest.raises(UnusableClipError, match="black or of one colour") as caught:
        picked(path, 2.5)
    assert caught.value.kind == "black"
    night = scene_picture(1) // 5  # dark, but there is something to see
    assert not pictures.is_black(cv2.cvtColor(night, cv2.COLOR_RGB2GRAY))


def test_frames_beyond_the_limit_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_film(tmp_path / "a.mp4", Film([quarters()] * 5, None))
    monkeypatch.setattr(video, "MOST_PIXELS", HEIGHT * WIDTH - 1)
    with pytest.raises(UnusableClipError, match="96 x 64 pixels"):
        picked(path, 0.2)


@pytest.mark.parametrize("keep", [0.0, 0.02, 0.5])
def test_a_video_without_its_index_is_refused(keep: float, tmp_path: Path) -> None:
    content = write_film(tmp_path / "a.mp4", Film([quarters()] * 20, scene_sound(1))).read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(content[: round(keep * len(content))] or b"\0")
    for read in (lambda: picked(path, 0.5), lambda: TrackSound(path, "cut.mp4").loudness()):
        with pytest.raises(UnusableClipError, match=r"'cut.mp4' cannot be read as a video"):
            read()


def test_a_video_that_breaks_off_gives_what_is_there(tmp_path: Path) -> None:
    frames = [np.roll(quarters(), index, axis=1) for index in range(40)]
    content = write_film(tmp_path / "a.mkv", Film(frames, scene_sound(1, 4.0))).read_bytes()
    path = tmp_path / "cut.mkv"
    path.write_bytes(content[: len(content) // 2])
    assert 0.5 < TrackSound(path, "cut").loudness().duration_seconds < 3.5
    assert picked(path, 0.5).seconds < 1.1


def test_damage_in_the_middle_is_survived(tmp_path: Path) -> None:
    frames = [np.roll(quarters(), index, axis=1) for index in range(40)]
    content = bytearray(write_film(tmp_path / "a.mkv", Film(frames, scene_sound(1, 4.0))).read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4000] = np.random.default_rng(0).bytes(4000)
    (tmp_path / "b.mkv").write_bytes(content)
    assert TrackSound(tmp_path / "b.mkv", "b").loudness().duration_seconds > 1.0
    assert picked(tmp_path / "b.mkv", 3.5).seconds == pytest.approx(3.5, abs=0.6)


def test_a_recording_with_a_cover_is_no_video(tmp_path: Path) -> None:
    with av.open(tmp_path / "a.mp4", "w") as output:
        cover: Any = output.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        output.mux(cover.encode(av.VideoFrame.from_ndarray(quarters(), format="rgb24")))
        output.mux(cover.encode(None))
    with pytest.raises(UnusableClipError, match="no video track"):
        picked(tmp_path / "a.mp4", 0.0)


def test_a_video_without_sound_says_so(tmp_path: Path) -> None:
    path = write_film(tmp_path / "a.mp4", Film([quarters()] * 5, None))
    with pytest.raises(UnusableClipError, match="no sound track") as caught:
        TrackSound(path, "a").loudness()
    assert caught.value.kind == "no sound"


@pytest.mark.parametrize("start", [0.0, 0.37, 1.0, 1.7])
@pytest.mark.parametrize(("container", "codec"), [("mkv", "pcm_s16le"), ("mp4", "aac"), ("ts", "mp2")])
def test_a_part_of_a_track_is_that_part_of_the_whole(start: float, container: str, codec: str, tmp_path: Path) -> None:
    film = Film([quarters()] * 20, scene_sound(2), codecs=("mpeg4", codec))
    path = write_film(tmp_path / f"a.{container}", film)
    whole = decode(path)
    part = TrackSound(path, "a").part(start, 0.3)
    assert part.samples.size == round(0.3 * RATE)
    # Time stamps of these containers are rounded to a millisecond: find the part near its place.
    last = min(round(start * RATE) + 40, whole.samples.size - part.samples.size)
    near = range(max(0, round(start * RATE) - 40), last + 1)
    errors = [np.abs(whole.samples[first : first + part.samples.size] - part.samples).mean() for first in near]
    assert min(errors) < 1e-3 * np.abs(whole.samples).max()


def test_sound_that_begins_late_keeps_its_time(tmp_path: Path) -> None:
    click = np.zeros(RATE, np.float32)
    click[RATE // 2 : RATE // 2 + 200] = 0.9
    film = Film([quarters()] * 20, click, codecs=("mpeg4", "pcm_s16le"), sound_start=0.8)
    path = write_film(tmp_path / "a.mkv", film)
    sound = TrackSound(path, "a")
    assert sound.loudness().peak_seconds(0.0, 2.0) == pytest.approx(1.3, abs=0.06)
    part = sound.part(0.0, 2.0).samples
    assert int(np.argmax(part > 0.5)) == pytest.approx(1.3 * RATE, abs=0.002 * RATE)
    assert not part[: round(0.79 * RATE)].any()


def test_the_first_clip_is_the_loudest_window() -> None:
    waveform = Waveform(scene_sound(4, 6.0), RATE)
    meter = LoudnessMeter(RATE)
    for first in range(0, waveform.samples.size, 1000):
        meter.add(first, waveform.samples[first : first + 1000])
    loudness = meter.finish()
    assert loudness.duration_seconds == pytest.approx(6.0)
    assert float(loudness.power.mean()) == pytest.approx(float(np.square(waveform.samples).mean()), rel=1e-4)
    (start,) = loudness.loudest_starts(2.0, 1, 0.0)
    expected = windows(waveform, 2.0, "loudest")[0]
    first = round(start * RATE)
    assert np.array_equal(waveform.samples[first : first + expected.size], expected)


def test_more_clips_come_by_loudness_and_never_overlap() -> None:
    power = np.full(2000, 1e-9)
    power[300:400], power[1200:1300], power[700:800] = 0.1, 0.5, 0.3
    loudness = Loudness(power, 20.0)
    assert loudness.loudest_starts(1.0, 9, 1e-6)[:3] == [12.0, 7.0, 3.0]
    assert len(loudness.loudest_starts(1.0, 9, 1e-6)) == 3  # the others are silent
    starts = sorted(loudness.loudest_starts(1.5, 100, 0.0))
    assert len(starts) > 8
    assert np.diff(starts).min() >= 1.5
    assert loudness.peak_seconds(11.0, 3.0) == pytest.approx(12.5, abs=0.5)
    assert Loudness(np.zeros(50), 0.5).loudest_starts(1.0, 3, 0.0) == [0.0]


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 96_000])
def test_loudness_keeps_time_at_any_rate(rate: int) -> None:
    samples = np.zeros(rate * 30, np.float32)
    samples[rate * 29 : rate * 29 + rate // 10] = 0.5
    meter = LoudnessMeter(rate)
    meter.add(0, samples)
    assert meter.finish().peak_seconds(0.0, 30.0) == pytest.approx(29.05, abs=0.06)


def test_sound_is_stored_without_clipping_at_no_more_than_48_khz() -> None:
    loud = Waveform(np.float32(2.5) * np.sin(np.arange(96_000, dtype=np.float32) / 9), 96_000)
    content, _ = encode_flac(loud)
    stored = decode(content)
    assert stored.sample_rate == 48_000
    assert stored.duration_seconds == pytest.approx(1.0)
    assert 0.98 < np.abs(stored.samples).max() <= 1.0
    assert np.corrcoef(stored.samples, loud.samples[::2])[0, 1] > 0.999
    quiet = Waveform(scene_sound(1), RATE)
    assert np.abs(decode(encode_flac(quiet)[0]).samples - quiet.samples).max() < 1e-4


def test_an_hour_of_video_costs_little_memory(tmp_path: Path) -> None:
    rate, seconds = 1000, 3600
    sound = np.full(rate * seconds, 0.001, np.float32)
    sound[rate * 3000 : rate * 3001] = 0.5
    frames = [scene_picture(index % 4) for index in range(60)]
    times = [60.0 * index for index in range(60)]
    path = write_film(tmp_path / "hour.mkv", Film(frames, sound, times, sound_rate=rate, codecs=("mpeg4", "pcm_s16le")))
    del sound
    TrackSound(path, "hour").part(0.0, 1.0)  # imports and caches are not counted
    tracemalloc.start()
    track = TrackSound(path, "hour")
    loudness = track.loudness()
    (start,) = loudness.loudest_starts(10.0, 1, 0.0)
    part = track.part(start, 10.0)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert loudness.duration_seconds == pytest.approx(3600, abs=0.1)
    assert 2990 <= start <= 3000
    assert np.abs(part.samples).max() == pytest.approx(0.5, abs=0.01)
    assert picked(path, start, reach=0.5).seconds in (2940.0, 3000.0)
    assert peak_bytes < 20_000_000  # as float32 the sound alone would take 14 MB, at 48 kHz 690


def test_still_pictures_are_read_upright_on_white(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter
    Image.fromarray(quarters()).save(tmp_path / "a.jpg", exif=exif, quality=95)
    pixels = pictures.read_picture(tmp_path / "a.jpg", "a.jpg", 512)
    assert middles(pixels) == middles(np.rot90(quarters(), -1))
    clear = np.dstack([quarters(), np.zeros((HEIGHT, WIDTH), np.uint8)])
    clear[:32, :48, 3] = 255
    Image.fromarray(clear).save(tmp_path / "b.png")
    assert middles(pictures.read_picture(tmp_path / "b.png", "b.png", 512)) == [[255, 0, 0], *[[255, 255, 255]] * 3]
    deep = (np.asarray(Image.fromarray(quarters()).convert("L")).astype(np.uint16)) * 257
    Image.fromarray(deep).save(tmp_path / "c.png")
    assert pictures.read_picture(tmp_path / "c.png", "c.png", 16).shape == (16, 24, 3)


def test_unreadable_pictures_give_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tmp_path / "whole.png"
    Image.fromarray(scene_picture(0)).save(whole)
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:2000])
    Image.fromarray(BLACK).save(tmp_path / "black.png")
    for name, kind in (("text.png", "unreadable"), ("cut.png", "unreadable"), ("black.png", "black")):
        with pytest.raises(UnusableClipError) as caught:
            pictures.read_picture(tmp_path / name, name, 64)
        assert caught.value.kind == kind
        assert name in caught.value.reason
    monkeypatch.setattr(pictures, "MOST_PIXELS", 6000)
    with pytest.raises(UnusableClipError, match="96 x 64 pixels"):
        pictures.read_picture(whole, "whole.png", 64)


def test_a_sound_file_gives_its_parts(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", scene_sound(1), RATE, subtype="FLOAT")
    sound = FileSound(tmp_path / "a.wav", "a.wav")
    assert np.array_equal(sound.part(0.5, 0.25).samples, scene_sound(1)[RATE // 2 : RATE // 2 + RATE // 4])
    assert sound.part(1.9, 5.0).duration_seconds == pytest.approx(0.1)
    assert sound.loudness().duration_seconds == pytest.approx(2.0)
