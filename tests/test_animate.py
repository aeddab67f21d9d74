from pathlib import Path

import av
import numpy as np
import pytest

from sonicdiffusion import Waveform
from sonicdiffusion.audio.course import activity, loudness_db, onsets
from sonicdiffusion.errors import AudioError, ConfigError
from sonicdiffusion.pipelines.animate import STYLES, AnimationPipeline, effect_over_time

RATE = 16_000


def clap(at: float, seconds: float = 3.0) -> Waveform:
    rng, times = np.random.default_rng(0), np.arange(round(seconds * RATE)) / RATE
    noise = rng.normal(0, 1, times.size)
    loud = np.where(times >= at, np.exp(-(times - at) / 0.5), 0.0)
    return Waveform((0.1 * loud * noise + 0.001 * rng.normal(0, 1, times.size)).astype(np.float32), RATE)


def test_onsets_are_found_within_thirty_milliseconds() -> None:
    samples = np.random.default_rng(0).normal(0, 1e-4, 4 * RATE).astype(np.float32)
    wanted = np.array([0.5, 1.13, 1.9, 3.2])
    for time in wanted:
        samples[round(time * RATE) :][:200] += 0.5 * np.random.default_rng(1).normal(0, 1, 200).astype(np.float32)
    found, _ = onsets(Waveform(samples, RATE))
    assert len(found) == len(wanted)
    assert np.abs(found - wanted).max() <= 0.03


def test_a_steady_sound_stays_active_and_a_quiet_background_does_not() -> None:
    steady = np.random.default_rng(0).normal(0, 0.1, 3 * RATE).astype(np.float32)
    assert activity(loudness_db(Waveform(steady, RATE))).min() > 0.6
    assert activity(loudness_db(clap(2.0)))[:180].max() < 0.2


@pytest.mark.parametrize("style", STYLES)
def test_a_clap_acts_within_a_quarter_of_a_second(style: str) -> None:
    effect = effect_over_time(clap(1.5), STYLES[style], frame_rate=12)
    assert effect[:17].max() < 0.2
    assert effect[18:21].max() > 0.7


def test_a_loop_ends_where_it_began() -> None:
    effect = effect_over_time(clap(2.7), STYLES["soundscape"], frame_rate=12, is_loop=True)
    assert abs(effect[-1] - effect[0]) < 0.1


@pytest.fixture
def animation(model: Path) -> AnimationPipeline:
    return AnimationPipeline.from_pretrained(model, device="cpu")


def test_a_film_is_as_long_as_its_sound_and_repeats(animation: AnimationPipeline, tmp_path: Path) -> None:
    sound = clap(1.0, 2.3)
    for name in ("a.mp4", "b.mp4"):
        animation(sound, tmp_path / name, num_steps=1, seed=3)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "b.mp4"]  # no work folder
    with av.open(str(tmp_path / "a.mp4")) as film:
        assert '"seed": 3' in film.metadata["comment"]
        track = film.streams.audio[0]
        assert track.duration is not None
        assert track.time_base is not None
        assert abs(float(track.duration * track.time_base) - 2.3) < 1e-3
        assert sum(1 for _ in film.decode(video=0)) == 28


def test_a_stopped_film_goes_on_and_comes_out_the_same(animation: AnimationPipeline, tmp_path: Path) -> None:
    sound = clap(1.0, 2.3)
    animation(sound, tmp_path / "whole" / "film.mp4", num_steps=1)

    def stop(*_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        animation(sound, tmp_path / "film.mp4", num_steps=1, on_progress=stop)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob(".film.*.work/*.npy")}
    assert kept
    assert not (tmp_path / "film.mp4").exists()
    animation(sound, tmp_path / "film.mp4", num_steps=1)
    assert (tmp_path / "film.mp4").read_bytes() == (tmp_path / "whole" / "film.mp4").read_bytes()


def test_what_cannot_be_filmed_is_refused(animation: AnimationPipeline, tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="not silent"):
        animation(Waveform(np.zeros(RATE, np.float32), RATE), tmp_path / "a.mp4")
    with pytest.raises(ConfigError, match="8 to 30"):
        animation(clap(1.0), tmp_path / "a.mp4", frame_rate=60)
    with pytest.raises(ConfigError, match="style"):
        animation(clap(1.0), tmp_path / "a.mp4", style="jazz")
