"""Resampling, windows, levels, log-mel spectra and their pictures."""

from pathlib import Path

import numpy as np
import pytest

from sonicdiffusion.audio.level import FLOOR_DBFS, level_dbfs, peak_dbfs
from sonicdiffusion.audio.log_mel import (
    MSCLAP_LOG_MEL,
    LogMelSettings,
    hertz_to_mel,
    log_mel,
    mel_filterbank,
    mel_to_hertz,
)
from sonicdiffusion.audio.resample import resample
from sonicdiffusion.audio.spectrogram import spectrogram_picture
from sonicdiffusion.audio.window import CROP_POLICIES, windows
from sonicdiffusion.errors import AudioError, ConfigError
from sonicdiffusion.values import Waveform

DATA = Path(__file__).parent / "data"


def sine(hertz: float, seconds: float, sample_rate: int, amplitude: float = 1.0) -> Waveform:
    times = np.arange(round(seconds * sample_rate)) / sample_rate
    return Waveform((amplitude * np.sin(2 * np.pi * hertz * times)).astype(np.float32), sample_rate)


def global_state() -> np.ndarray:
    return np.array(np.random.get_state(legacy=True)[1])  # type: ignore  # noqa: NPY002


def counting(num_samples: int, sample_rate: int = 1000) -> Waveform:
    return Waveform(np.arange(num_samples, dtype=np.float32), sample_rate)


@pytest.mark.parametrize("target", [16_000, 32_000, 48_000, 96_000])
def test_resampling_keeps_a_sine(target: int) -> None:
    after = resample(sine(1000, 1.0, 44_100, 0.5), target)
    expected = sine(1000, 1.0, target, 0.5)
    assert after.sample_rate == target
    inner = slice(target // 10, -target // 10)
    assert np.abs(after.samples[inner] - expected.samples[inner]).max() < 1e-4


def test_resampling_removes_what_the_lower_rate_cannot_hold() -> None:
    assert level_dbfs(Waveform(resample(sine(12_000, 1.0, 48_000), 16_000).samples[1000:-1000], 16_000)) < -90


def test_resampling_to_the_same_rate_returns_the_same_object() -> None:
    waveform = sine(440, 0.1, 48_000)
    assert resample(waveform, 48_000) is waveform


def test_resampling_to_no_rate_is_refused() -> None:
    with pytest.raises(AudioError, match="must be positive, got 0 Hz"):
        resample(sine(440, 0.1, 48_000), 0)


@pytest.mark.parametrize("policy", CROP_POLICIES)
@pytest.mark.parametrize("num_samples", [1, 300, 999, 1000])
def test_short_clip_is_repeated_until_it_fills_the_window(policy, num_samples: int) -> None:
    clip = counting(num_samples)
    cut = windows(clip, 1.0, policy)
    assert cut.shape == (1, 1000)
    assert np.array_equal(cut[0], np.arange(1000) % num_samples)


def test_start_and_centre_take_their_part_of_a_long_clip() -> None:
    assert windows(counting(2500), 1.0, "start")[0, 0] == 0
    assert windows(counting(2500), 1.0, "centre")[0, 0] == 750


@pytest.mark.parametrize("first", [0, 1230, 2500])
def test_loudest_finds_the_burst(first: int) -> None:
    rng = np.random.default_rng(0)
    samples = rng.normal(0, 0.01, 3500)
    samples[first : first + 1000] += rng.normal(0, 0.3, 1000)
    cut = windows(Waveform(samples.astype(np.float32), 1000), 1.0, "loudest")
    assert np.array_equal(cut[0], samples[first : first + 1000].astype(np.float32))


def test_loudest_of_an_even_clip_is_its_start() -> None:
    # Repetitions of one noise: every window has the same energy but for rounding.
    period = np.random.default_rng(0).normal(0, 0.1, 441).astype(np.float32)
    marked = np.tile(period, 1000)
    marked[:441] *= -1  # the same energy, recognisable
    cut = windows(Waveform(marked[: 441 * 999 + 17], 44_100), 1.0, "loudest")
    assert np.array_equal(cut[0, :441], -period)


def test_loudest_of_silence_is_silence() -> None:
    silence = Waveform(np.zeros(2500, np.float32), 1000)
    assert np.array_equal(windows(silence, 1.0, "loudest"), np.zeros((1, 1000)))


@pytest.mark.parametrize(("num_samples", "count"), [(1001, 2), (2000, 2), (2001, 3), (3500, 4)])
def test_whole_covers_every_sample_evenly(num_samples: int, count: int) -> None:
    cut = windows(counting(num_samples), 1.0, "whole")
    assert cut.shape == (count, 1000)
    assert set(cut.ravel()) == set(range(num_samples))
    steps = np.diff(cut[:, 0])
    assert steps.max() - steps.min() <= 1


@pytest.mark.parametrize("policy", CROP_POLICIES)
def test_windows_are_the_same_every_time(policy) -> None:
    clip = Waveform(np.random.default_rng(3).normal(0, 0.1, 44_100 * 5 + 1).astype(np.float32), 44_100)
    before = global_state()
    first, second = windows(clip, 1.7, policy), windows(clip, 1.7, policy)
    assert np.array_equal(first, second)
    assert first.dtype == np.float32
    assert first.flags.writeable
    assert not np.shares_memory(first, clip.samples)
    assert np.array_equal(before, global_state())


def test_unknown_policy_and_impossible_window_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"Unknown crop policy 'random'\. Known are: start, centre, loudest, whole"):
        windows(counting(10), 1.0, "random")  # type: ignore
    for seconds in (0.0, -1.0, float("nan"), float("inf"), 1e-9):
        with pytest.raises(ConfigError, match="at least one sample"):
            windows(counting(10), seconds, "start")


def test_full_scale_sine_measures_minus_three_decibels() -> None:
    waveform = sine(441, 1.0, 44_100)
    assert level_dbfs(waveform) == pytest.approx(-3.0103, abs=1e-3)
    assert peak_dbfs(waveform) == pytest.approx(0.0, abs=1e-3)


def test_ten_times_quieter_is_twenty_decibels_less() -> None:
    loud, quiet = sine(441, 1.0, 44_100, 0.8), sine(441, 1.0, 44_100, 0.08)
    assert level_dbfs(loud) - level_dbfs(quiet) == pytest.approx(20.0, abs=1e-4)
    assert peak_dbfs(loud) - peak_dbfs(quiet) == pytest.approx(20.0, abs=1e-4)


def test_silence_has_the_floor_for_a_level() -> None:
    silence = Waveform(np.zeros(100, np.float32), 8000)
    assert level_dbfs(silence) == peak_dbfs(silence) == pytest.approx(FLOOR_DBFS)


def test_log_mel_is_that_of_the_published_front_end() -> None:
    with np.load(DATA / "msclap_log_mel.npz") as case:
        waveform, expected = case["waveform"], case["log_mel"]
    ours = log_mel(waveform, MSCLAP_LOG_MEL)[:, :100]
    # In decibels. The stored numbers are themselves up to 5e-4 dB from a computation in double precision.
    assert np.abs(ours - expected).max() < 1e-3
    assert np.abs(ours - expected).mean() < 5e-5


def test_batch_gives_the_same_as_single_clips() -> None:
    batch = np.random.default_rng(0).normal(0, 0.1, (3, 9999)).astype(np.float32)
    together = log_mel(batch, MSCLAP_LOG_MEL)
    assert together.shape == (3, 1 + 9999 // 320, 64)
    for clip, expected in zip(batch, together, strict=True):
        assert np.array_equal(log_mel(clip[None], MSCLAP_LOG_MEL)[0], expected)


def test_blocks_of_frames_leave_no_seam() -> None:
    settings = LogMelSettings(8000, 128, 8, 16, 50.0, 4000.0)
    samples = np.random.default_rng(0).normal(0, 0.1, (1, 8 * 3000)).astype(np.float32)
    spectra = log_mel(samples, settings)
    # Cut from a place away from both ends, the frames must be the same wherever blocks begin.
    assert spectra.shape[1] == 3001
    shifted = log_mel(samples[:, 8 * 500 :], settings)
    assert np.abs(shifted[0, 20:] - spectra[0, 520:]).max() < 1e-3


@pytest.mark.parametrize("window_samples", [255, 256])
@pytest.mark.parametrize("num_samples", [1, 2, 100, 1000])
def test_short_clips_and_odd_windows_have_all_their_frames(window_samples: int, num_samples: int) -> None:
    settings = LogMelSettings(8000, window_samples, 100, 8, 50.0, 4000.0)
    spectra = log_mel(np.ones((2, num_samples), np.float32), settings)
    assert spectra.shape == (2, 1 + num_samples // 100, 8)
    assert np.isfinite(spectra).all()


def test_silence_is_at_the_floor() -> None:
    assert np.allclose(log_mel(np.zeros((1, 5000), np.float32), MSCLAP_LOG_MEL), -100.0)


def test_mel_scale_has_its_known_points_and_inverts() -> None:
    hertz = np.array([0.0, 500.0, 1000.0, 6400.0])
    mel = hertz_to_mel(hertz)
    assert mel == pytest.approx([0.0, 7.5, 15.0, 42.0])  # Slaney 1998
    assert mel_to_hertz(mel) == pytest.approx(hertz)


def test_every_band_has_unit_area() -> None:
    weights = mel_filterbank(44_100, 16_384, 64, 50.0, 14_000.0)
    assert weights.shape == (8193, 64)
    assert weights.dtype == np.float32
    assert weights.sum(axis=0) * (44_100 / 16_384) == pytest.approx(np.ones(64), rel=0.01)


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigError, match="between 0 and 4000 Hz"):
        LogMelSettings(8000, 256, 100, 8, 50.0, 5000.0)
    with pytest.raises(ConfigError, match="must be positive"):
        LogMelSettings(8000, 256, 0, 8, 50.0, 4000.0)
    with pytest.raises(AudioError, match="Add a batch axis"):
        log_mel(np.zeros(100, np.float32), MSCLAP_LOG_MEL)


def brightest(picture: np.ndarray) -> tuple[int, int]:
    row, column = np.unravel_index(picture.astype(int).sum(axis=2).argmax(), picture.shape[:2])
    return int(row), int(column)


def test_picture_shows_high_tones_above_low_ones() -> None:
    low = spectrogram_picture(sine(200, 1.0, 44_100), 80, 60)
    high = spectrogram_picture(sine(6000, 1.0, 44_100), 80, 60)
    assert low.shape == (60, 80, 3)
    assert low.dtype == np.uint8
    assert brightest(high)[0] < 20 < 50 < brightest(low)[0]


def test_picture_shows_time_from_left_to_right() -> None:
    samples = np.zeros(44_100, np.float32)
    samples[33_000:33_400] = np.random.default_rng(0).normal(0, 0.5, 400)
    assert brightest(spectrogram_picture(Waveform(samples, 44_100), 100, 40))[1] == pytest.approx(75, abs=2)


def test_picture_does_not_change_with_gain() -> None:
    clip = Waveform(np.random.default_rng(0).normal(0, 0.1, 20_000).astype(np.float32), 16_000)
    louder = Waveform(clip.samples * 4, 16_000)
    difference = spectrogram_picture(clip, 50, 40).astype(int) - spectrogram_picture(louder, 50, 40)
    assert np.abs(difference).max() <= 2
    assert spectrogram_picture(clip, 50, 40).max() > 200


@pytest.mark.parametrize("num_samples", [1, 50, 2000])
@pytest.mark.parametrize("sample_rate", [1000, 768_000])
def test_picture_of_silence_is_even_at_any_length_and_rate(num_samples: int, sample_rate: int) -> None:
    picture = spectrogram_picture(Waveform(np.zeros(num_samples, np.float32), sample_rate), 37, 23)
    assert picture.shape == (23, 37, 3)
    assert (picture == picture[0, 0]).all()
    assert picture.max() < 10


def test_picture_without_pixels_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least 1 by 1"):
        spectrogram_picture(sine(440, 0.1, 8000), 0, 10)
