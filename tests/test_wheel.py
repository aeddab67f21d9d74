import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]


def run(*command: object, cwd: Path) -> str:
    # Without the variables that would let the checkout in.
    clean = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, cwd=cwd, env=clean)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_wheel_makes_a_picture_in_a_clean_environment(tmp_path: Path) -> None:
    run(sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, ROOT, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert any(name.startswith("sonicdiffusion/bundled/mini/") for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert wheel.stat().st_size < 60_000_000

    venv.create(tmp_path / "clean", with_pip=True)
    python = tmp_path / "clean" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt", wheel, cwd=tmp_path)
    home = run(python, "-c", "import sonicdiffusion; print(sonicdiffusion.__file__)", cwd=tmp_path)
    assert str(tmp_path / "clean") in home

    program = tmp_path / "clean" / "bin" / "sonicdiffusion"
    run(program, "soundscapes", "--out", "world", "--count", 1, "--seed", 2_000_000_000, cwd=tmp_path)
    run(program, "generate", "world/sounds", "--out", "pictures", cwd=tmp_path)
    (picture,) = (tmp_path / "pictures").glob("*.png")
    with Image.open(picture) as image:
        assert min(image.size) >= 128
