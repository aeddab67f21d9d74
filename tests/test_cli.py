import functools
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from sonicdiffusion.cli.main import main
from sonicdiffusion.pipelines.picture_files import read_settings
from sonicdiffusion.training.mini import Workshop

PROGRAM = [sys.executable, "-m", "sonicdiffusion.cli.main"]


@dataclass(frozen=True)
class Done:
    code: int | str | None
    stdout: str
    stderr: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """Run the program within this process, where the heavy imports are paid once."""

    def run_program(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["sonicdiffusion", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        printed = capsys.readouterr()
        return Done(exit_.value.code, printed.out, printed.err)

    return run_program


Run = Callable[..., Done]


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "hiss é.wav"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 8000).astype(np.float32), 8000)
    return path


def assert_one_sentence(text: str) -> None:
    assert len(text.strip().splitlines()) == 1
    assert "Traceback" not in text


def test_a_picture_carries_what_is_needed_to_repeat_it(run: Run, model: Path, sound: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ("--model", model, "-p", "a sea, naïve", "--steps", 2, "--out", out)
    first = run("generate", sound, *options, "-n", 2, "--seed", 3)
    assert first.code == 0, first.stderr
    assert f"{out / 'sheet.png'} shows them together" in first.stdout
    assert "CPU" in first.stderr or "GPU" in first.stderr
    settings = read_settings(out / "hiss é-4.png")
    assert settings["prompt"] == "a sea, naïve"
    assert settings["sound"] == sound.name
    assert len(settings["sound_sha256"]) == 64
    again = run("generate", sound, *options, "--seed", settings["seeds"][0])
    assert again.stdout == f"The picture is {out / 'hiss é.png'}.\n"
    with Image.open(out / "hiss é-4.png") as picture, Image.open(out / "hiss é.png") as repeated:
        assert picture.tobytes() == repeated.tobytes()


def test_one_bad_sound_does_not_stop_the_others(run: Run, model: Path, sound: Path, tmp_path: Path) -> None:
    bad = tmp_path / "a note.txt"
    bad.write_text("this is not sound")
    out = tmp_path / "out"
    done = run("generate", bad, tmp_path / "gone.wav", sound, "--model", model, "--steps", 1, "--out", out)
    assert done.code == 1
    assert "a note.txt" in done.stderr
    assert "gone.wav" in done.stderr
    assert "Traceback" not in done.stderr
    assert (out / f"{sound.stem}.png").exists()


def test_a_file_name_need_not_be_valid_text(model: Path, sound: Path, tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"caf\xe9.wav")
    sound.rename(odd)
    command = [*PROGRAM, "generate", odd, odd, "--model", model, "--steps", "1", "--out", tmp_path / "out"]
    done = subprocess.run(command, capture_output=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert b"2 pictures are in" in done.stdout
    assert read_settings(tmp_path / "out" / os.fsdecode(b"caf\xe9.png"))["sound"] == "caf?.wav"


def test_pictures_are_never_overwritten(run: Run, model: Path, sound: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    content = sound.read_bytes()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / sound.name).write_bytes(content)
    (tmp_path / "folder" / "notes.txt").write_text("not listed")
    done = run("generate", sound, tmp_path / "folder", "--model", model, "--steps", 1, "--out", out)
    assert done.code == 0, done.stderr
    assert sorted(path.name for path in out.iterdir()) == [f"{sound.stem}.2.png", f"{sound.stem}.png", "sheet.png"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("generate", "gone.wav"), 1),
        (("generate", "."), 1),  # a folder without sounds
        (("generate", "SOUND", "--model", "no_such_model"), 1),
        (("soundscapes", "--out", "SOUND", "--count", "1"), 2),
        (("generate", "SOUND", "--out", "SOUND"), 2),
        (("generate", "SOUND", "--device", "abacus"), 2),
        (("generate", "SOUND", "--device", "meta"), 2),
    ],
)
def test_a_failure_is_one_sentence(
    run: Run, arguments: tuple[str, ...], code: int, sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    done = run(*[str(sound) if word == "SOUND" else word for word in arguments])
    assert done.code == code
    assert done.stdout == ""
    assert_one_sentence(done.stderr)
    assert not list(Path().iterdir())  # no folder for pictures that were not made


def test_brackets_in_names_are_no_markup(
    run: Run, model: Path, sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # shows the progress
    live = sound.rename(tmp_path / "[live] rain.wav")
    done = run("generate", live, "--model", model, "--steps", 1, "--out", tmp_path / "out")
    assert done.code == 0, done.stderr
    assert live.name in done.stderr
    monkeypatch.delenv("FORCE_COLOR")
    monkeypatch.setattr(Workshop, "run", lambda *_: iter(()))  # the step is done
    done = run("train", "mini", "mini-cpu", "base", "--folder", tmp_path / "runs[" / "v2]")
    assert done.code == 0, done.stderr
    assert "runs[/v2]" in "".join(done.stdout.split())


@pytest.mark.parametrize("arguments", [("genrate",), ("generate",), ("generate", "x.wav", "--steps", "many")])
def test_a_misused_option_exits_with_two(run: Run, arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.code == 2
    assert "Traceback" not in done.stderr


def test_info_names_version_devices_and_models(run: Run) -> None:
    done = run("info")
    assert done.code == 0, done.stderr
    for word in ("sonicdiffusion", "torch", "cpu", "models", "extra train"):
        assert word in done.stdout


def test_soundscapes_writes_a_data_set(run: Run, tmp_path: Path) -> None:
    done = run("soundscapes", "--out", tmp_path, "--count", 1, "--seed", 7, "--size", 80)
    assert done.code == 0, done.stderr
    assert json.loads((tmp_path / "metadata.jsonl").read_text())["seed"] == 7


@pytest.mark.skipif(os.name == "nt", reason="signals and pipes of POSIX")
def test_an_interrupt_says_stopped(tmp_path: Path) -> None:
    command = [*PROGRAM, "soundscapes", "--out", str(tmp_path), "--count", "100000", "--size", "80"]
    # A shell starts what it puts in the background with interrupts ignored, and that is inherited.
    heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heed)
    end = time.monotonic() + 60
    while not (tmp_path / "metadata.jsonl").exists() and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert errors.strip().endswith("Stopped.")
    assert "Traceback" not in errors


@pytest.mark.skipif(os.name == "nt", reason="signals and pipes of POSIX")
def test_a_reader_that_leaves_early_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*PROGRAM, "--version"], stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writer)
    assert done.stderr == ""


@pytest.mark.skipif(os.name == "nt", reason="closes streams as a POSIX shell does")
@pytest.mark.parametrize(("closing", "code"), [("--version >&-", 0), ("--version 2>&-", 0), ("generate - <&-", 1)])
def test_a_closed_stream_is_no_traceback(closing: str, code: int, tmp_path: Path) -> None:
    command = ["sh", "-c", f'"$0" -m sonicdiffusion.cli.main {closing}', sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd=tmp_path)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert ("Standard input is closed" in done.stderr) == (code == 1)


def test_standard_input_is_a_sound(
    run: Run, model: Path, sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sound.open("rb") as content:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(content))
        done = run("generate", "-", "--model", model, "--steps", 1, "--out", tmp_path / "out")
    assert done.code == 0, done.stderr
    settings = read_settings(tmp_path / "out" / "standard_input.png")
    assert settings["sound_sha256"] == hashlib.sha256(sound.read_bytes()).hexdigest()
