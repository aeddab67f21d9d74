"""A recording comes from a path, bytes, a stream or standard input; anything else is refused at once."""

import hashlib
import io
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonicdiffusion.audio.collection import read_recording
from sonicdiffusion.audio.decode import decode
from sonicdiffusion.audio.limits import DecodeLimits
from sonicdiffusion.errors import AudioError, MissingFileError


def flac() -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.random.default_rng(0).normal(0, 0.1, (8000, 2)), 16_000, format="FLAC")
    return file.getvalue()


def test_path_bytes_stream_and_standard_input_give_the_same_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = flac()
    path = tmp_path / "a recording ± with odd name.bin"
    path.write_bytes(content)
    expected = decode(content).samples
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    for source in (path, str(path), io.BytesIO(content), "-"):
        assert np.array_equal(decode(source).samples, expected)


def test_closed_standard_input_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)  # as Python starts with `<&-`
    for read in (decode, read_recording):
        with pytest.raises(AudioError, match="Standard input is closed"):
            read("-")


def test_a_recording_is_known_by_the_digest_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = flac()
    (tmp_path / "clip.flac").write_bytes(content)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    for name in (str(tmp_path / "clip.flac"), "-"):
        assert read_recording(name).sha256 == hashlib.sha256(content).hexdigest()


def test_raw_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clip.raw"
    path.write_bytes(np.arange(1000).tobytes())
    with pytest.raises(AudioError, match="cannot be read"):
        decode(path)


class EndlessStream(io.RawIOBase):
    """A stream that never ends, as a stuck recorder would send."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        return len(buffer)


def test_endless_stream_is_read_up_to_the_limit() -> None:
    with pytest.raises(AudioError, match="larger than the limit of 3,000,000 bytes"):
        decode(io.BufferedReader(EndlessStream()), limits=DecodeLimits(max_bytes=3_000_000))


def test_large_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "large.wav"
    with path.open("wb") as file:
        file.truncate(10 * 2**30)  # sparse: takes no room on the disk
    with pytest.raises(AudioError, match="larger than the limit of 536,870,912 bytes"):
        decode(path)


@pytest.mark.parametrize("name", ["missing.wav", "missing/clip.wav", "http://example.com/a.wav", "\udcff.wav"])
def test_missing_file_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="There is no file") as caught:
        decode(str(tmp_path / name))
    str(caught.value).encode()  # printable, whatever the name


def test_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="is a folder"):
        decode(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes exist on Unix alone")
def test_named_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(AudioError, match="not a regular file"):
        decode(tmp_path / "pipe.wav")


def test_impossible_path_is_refused() -> None:
    with pytest.raises(AudioError, match="cannot be opened"):
        decode("a\0b.wav")
    with pytest.raises(AudioError, match="cannot be opened"):
        decode("a" * 5000)


def test_text_stream_and_foreign_objects_are_refused() -> None:
    with pytest.raises(AudioError, match="Pass an open binary stream"):
        decode(io.StringIO("text"))  # type: ignore
    closed = io.BytesIO(flac())
    closed.close()
    with pytest.raises(AudioError, match="Pass an open binary stream"):
        decode(closed)
    with pytest.raises(AudioError, match="Cannot decode a int"):
        decode(3)  # type: ignore
