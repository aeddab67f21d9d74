"""Recordings of every kind come in as mono waveforms; everything else is refused in one clear message."""

import contextlib
import io
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile

from sonicdiffusion.audio.collection import list_sounds
from sonicdiffusion.audio.decode import decode
from sonicdiffusion.audio.limits import BoundedSamples, DecodeLimits
from sonicdiffusion.errors import AudioError

RATE = 48_000
TONE_HERTZ = 440.0


def tone(seconds: float = 2.0) -> np.ndarray:
    """Left at half of full scale, right at a quarter; their mean is 0.375. Shape (samples, 2)."""
    mono = np.sin(2 * np.pi * TONE_HERTZ * np.arange(round(seconds * RATE)) / RATE)
    return np.stack([0.5 * mono, 0.25 * mono], axis=1).astype(np.float32)


def encoded(container: str, samples: np.ndarray, subtype: str | None = None) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format=container, subtype=subtype)
    return file.getvalue()


def muxed(container: str, codec: str | None, video: bool = False) -> bytes:
    """Two seconds of the tone, 20 pictures of video or both, written by FFmpeg."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        picture_track: Any = output.add_stream("mpeg4", rate=10) if video else None
        sound_track: Any = output.add_stream(codec, rate=RATE, layout="stereo") if codec else None
        if picture_track is not None:
            picture_track.width = picture_track.height = 32
            picture_track.pix_fmt = "yuv420p"
            for shade in range(20):
                picture = np.full((32, 32, 3), shade, np.uint8)
                output.mux(picture_track.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            output.mux(picture_track.encode(None))
        if sound_track is not None:
            frame = av.AudioFrame.from_ndarray(tone().T.copy(), format="fltp", layout="stereo")
            frame.sample_rate = RATE
            context = sound_track.codec_context
            resampler = av.AudioResampler(
                format=context.format, layout="stereo", rate=RATE, frame_size=context.frame_size or 1024
            )
            for piece in [*resampler.resample(frame), *resampler.resample(None)]:
                output.mux(sound_track.encode(piece))
            output.mux(sound_track.encode(None))
    return file.getvalue()


def wav(payload: bytes, *, rate: int = RATE, channels: int = 1, bits: int = 16, claim: int | None = None) -> bytes:
    """A WAV file whose header says whatever the test wants; 16 bits are integers, 32 and 64 floats."""
    claim = len(payload) if claim is None else claim
    frame_bytes = channels * bits // 8
    header = struct.pack(
        "<HHIIHH",
        1 if bits == 16 else 3,
        channels,
        rate,
        (rate * frame_bytes) % 2**32,
        frame_bytes % 2**16,
        bits,
    )
    riff_size = min(claim + 36, 2**32 - 1)
    chunks = b"fmt " + struct.pack("<I", 16) + header + b"data" + struct.pack("<I", claim) + payload
    return b"RIFF" + struct.pack("<I", riff_size) + b"WAVE" + chunks


def loudest_hertz(samples: np.ndarray, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
    return float(spectrum.argmax() * rate / samples.size)


PCM = (tone()[:, 0] * 32767).astype("<i2").tobytes()


@pytest.mark.parametrize(
    ("container", "subtype"),
    [
        ("WAV", "PCM_16"),
        ("WAV", "PCM_U8"),
        ("WAV", "PCM_24"),
        ("WAV", "DOUBLE"),
        ("FLAC", None),
        ("AIFF", None),
        ("CAF", None),
        ("OGG", "VORBIS"),
        ("OGG", "OPUS"),
        ("MP3", None),
    ],
)
def test_sound_files_are_decoded_to_the_mean_of_their_channels(container: str, subtype: str | None) -> None:
    waveform = decode(encoded(container, tone(), subtype))
    middle = waveform.samples[RATE // 2 : 3 * RATE // 2]
    assert waveform.sample_rate == RATE
    assert waveform.samples.dtype == np.float32
    assert waveform.duration_seconds == pytest.approx(2.0, abs=0.06)
    assert loudest_hertz(middle, RATE) == pytest.approx(TONE_HERTZ, abs=2)
    assert np.sqrt(2 * np.mean(middle**2)) == pytest.approx(0.375, rel=0.02)


@pytest.mark.parametrize(
    ("container", "codec", "video"),
    [
        ("ipod", "aac", False),
        ("adts", "aac", False),
        ("webm", "libopus", False),
        ("mp4", "aac", True),
        ("matroska", "pcm_u8", True),
        ("matroska", "pcm_s32le", False),
        ("wav", "pcm_s64le", False),
        ("mov", "pcm_s16le", True),
        ("avi", "mp2", True),  # not LAME, which encodes everything 5% quieter
    ],
)
def test_sound_tracks_of_other_containers_are_decoded(container: str, codec: str, video: bool) -> None:
    waveform = decode(muxed(container, codec, video))
    middle = waveform.samples[RATE // 2 : 3 * RATE // 2]
    assert waveform.sample_rate == RATE
    assert waveform.duration_seconds == pytest.approx(2.0, abs=0.08)
    assert loudest_hertz(middle, RATE) == pytest.approx(TONE_HERTZ, abs=2)
    assert np.sqrt(2 * np.mean(middle**2)) == pytest.approx(0.375, rel=0.03)
    assert abs(float(middle.mean())) < 0.01


# Written by libsndfile, or by FFmpeg as a container and codec. Nothing here writes .ape, which FFmpeg reads as well.
KINDS = {
    "ac3": ("ac3", "ac3"),
    "flac": None,
    "m4b": ("ipod", "aac"),
    "m4v": ("mp4", "aac"),
    "mp2": ("mp2", "mp2"),
    "rf64": None,
    "tta": ("tta", "tta"),
    "wv": ("wv", "wavpack"),
}


def test_a_folder_gives_every_kind_that_can_be_decoded(tmp_path: Path) -> None:
    for suffix, kind in KINDS.items():
        (tmp_path / f"clip.{suffix}").write_bytes(muxed(*kind) if kind else encoded(suffix, tone()))
    names = list_sounds([str(tmp_path)])
    assert names == [str(tmp_path / f"clip.{suffix}") for suffix in sorted(KINDS)]
    for name in names:
        assert decode(name).duration_seconds == pytest.approx(2.0, abs=0.08)


@pytest.mark.parametrize(("container", "subtype"), [("WAV", None), ("FLAC", None), ("OGG", "VORBIS"), ("MP3", None)])
def test_truncated_file_gives_what_is_there(container: str, subtype: str | None) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (5 * RATE, 1))
    content = encoded(container, noise, subtype)
    waveform = decode(content[: len(content) // 2])
    assert 1.5 < waveform.duration_seconds < 3.0


@pytest.mark.parametrize("container", ["WAV", "FLAC", "OGG", "MP3"])
def test_file_truncated_to_almost_nothing_is_refused(container: str) -> None:
    with pytest.raises(AudioError, match=r"cannot be read|can be decoded"):
        decode(encoded(container, tone())[:150])


def test_truncated_m4a_without_its_index_is_refused() -> None:
    content = muxed("ipod", "aac")
    with pytest.raises(AudioError, match="cannot be read"):
        decode(content[: len(content) // 2])


def test_damaged_mp3_is_decoded_past_the_damage() -> None:
    content = bytearray(encoded("MP3", tone(5.0)))
    middle = len(content) // 2
    content[middle : middle + 3000] = np.random.default_rng(0).bytes(3000)
    assert decode(bytes(content)).duration_seconds > 3.5


def changed(content: bytes, start: int, value: bytes) -> bytes:
    return content[:start] + value + content[start + len(value) :]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(
            changed(encoded("AIFF", tone()), 36, b"\xff" * 4), id="AIFF that sends its reader before its start"
        ),
        pytest.param(changed(muxed("mp3", "libmp3lame"), 8000, bytes(2000)), id="damaged MP3"),
        pytest.param(changed(encoded("SDS", tone()[:, :1], "PCM_16"), 18, b"\xff" * 4), id="damaged sample dump"),
        pytest.param(wav(np.array([np.inf, -np.inf] * RATE, "<f4").tobytes(), channels=2, bits=32), id="infinities"),
    ],
)
def test_damaged_files_are_decoded_or_refused_in_silence(content: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with contextlib.suppress(AudioError):
        decode(content)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "is empty", id="zero bytes"),
        pytest.param(b"not a sound, only words\n" * 200, "cannot be read", id="text"),
        pytest.param(np.random.default_rng(1).bytes(300_000), "cannot be read", id="noise bytes"),
        pytest.param(bytes(100_000), "cannot be read", id="zeros"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(3000), "cannot be read", id="picture"),
        pytest.param(wav(PCM, rate=0), "cannot be read", id="rate zero"),
        pytest.param(wav(PCM, rate=2_000_000), "sample rate of 2000000 Hz", id="rate too high"),
        pytest.param(wav(PCM, rate=999), "sample rate of 999 Hz", id="rate too low"),
        pytest.param(wav(PCM, rate=2**32 - 1), "cannot be read", id="rate of 4 GHz"),
        pytest.param(wav(PCM, channels=1000), "1000 channels", id="a thousand channels"),
        pytest.param(wav(PCM, channels=65535), "channels|cannot be read", id="65535 channels"),
        pytest.param(wav(PCM, channels=0), "channels|cannot be read", id="no channels"),
        pytest.param(wav(b""), "0.000 seconds", id="header alone"),
        pytest.param(wav(PCM[:200]), "expected at least 0.02", id="two milliseconds"),
        pytest.param(wav(np.full(RATE, np.nan, "<f4").tobytes(), bits=32), "NaN", id="NaN"),
        pytest.param(wav(np.full(RATE, np.inf, "<f4").tobytes(), bits=32), "infinite", id="infinity"),
        pytest.param(wav(np.full(RATE, 1e300, "<f8").tobytes(), bits=64), "infinite", id="beyond float32"),
        pytest.param(wav(np.full(RATE, 1e20, "<f4").tobytes(), bits=32), "amplitude of 1e", id="absurdly loud"),
        pytest.param(muxed("mp4", None, video=True), "no sound track", id="video without sound"),
        pytest.param(b"#EXTM3U\n#EXTINF:1,\n/etc/hostname\n", "cannot be read", id="playlist"),
    ],
)
def test_unusable_content_is_refused_in_one_message(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "clip.wav"
    path.write_bytes(content)
    for source in (content, path):
        with pytest.raises(AudioError, match=message) as caught:
            decode(source)
        assert "\n" not in str(caught.value)
    assert "clip.wav" in str(caught.value)


def test_playlist_cannot_reach_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret.wav").write_bytes(wav(PCM))
    (tmp_path / "list.txt").write_text("ffconcat version 1.0\nfile secret.wav\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AudioError, match="cannot be read"):
        decode("list.txt")


def test_lying_length_costs_no_memory() -> None:
    content = wav(PCM, claim=2**32 - 1)
    decode(content)  # imports and caches are not counted
    tracemalloc.start()
    waveform = decode(content)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert waveform.samples.size == len(PCM) // 2
    assert peak_bytes < 4 * 1024 * 1024  # the header claims 4 GB, 8 as float32


@pytest.mark.parametrize("content", [wav(PCM), muxed("matroska", "pcm_s16le")], ids=["libsndfile", "FFmpeg"])
def test_recording_over_the_length_limit_is_refused_with_both_lengths(content: bytes) -> None:
    with pytest.raises(AudioError, match=r"is 2 seconds long; the limit is 1\.5 seconds.*max_seconds"):
        decode(content, limits=DecodeLimits(max_seconds=1.5))
    assert decode(content, limits=DecodeLimits(max_seconds=2.01)).duration_seconds == pytest.approx(2.0, abs=0.01)


def test_hour_long_recording_is_refused_after_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "hour.flac"
    soundfile.write(path, np.zeros(3600 * 1000, np.float32), 1000)
    with pytest.raises(AudioError, match="is 3600 seconds long; the limit is 600 seconds"):
        decode(path)


@pytest.mark.parametrize("content", [wav(PCM), muxed("matroska", "pcm_s16le")], ids=["libsndfile", "FFmpeg"])
def test_slow_decoding_is_stopped(content: bytes) -> None:
    with pytest.raises(AudioError, match="not decoded after 0 seconds"):
        decode(content, limits=DecodeLimits(max_decode_seconds=0.0))


def test_sample_count_is_limited_at_high_rates() -> None:
    with pytest.raises(AudioError, match="more than 50,000 samples"):
        decode(wav(PCM), limits=DecodeLimits(max_samples=50_000))


def test_first_frame_may_correct_the_rate_of_the_header() -> None:
    samples = BoundedSamples("the clip", DecodeLimits(), sample_rate=24_000)
    samples.set_stream(48_000, 2)
    samples.add(tone())
    assert samples.finish().duration_seconds == pytest.approx(2.0)
    with pytest.raises(AudioError, match="changes its sample rate on the way, from 48000 to 24000 Hz"):
        samples.set_stream(24_000, 2)
