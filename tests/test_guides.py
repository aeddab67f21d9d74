"""The examples of the guides run as they stand."""

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from stock_pipelines import HALF, PHOTO, build_pipeline, tiny_adapter

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize(("guide", "made"), [("pipelines.md", "storm.png"), ("editing.md", "burning.png")])
@pytest.mark.filterwarnings("ignore:.*safety checker.*")
def test_the_examples_of_a_guide_run(guide: str, made: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # What a reader has: a model of Stable Diffusion's shape, an adapter for it, files.
    text = (DOCS / guide).read_text(encoding="utf-8")
    text = text.replace("stable-diffusion-v1-5/stable-diffusion-v1-5", "a-model")
    build_pipeline("inpainting").save_pretrained("a-model")
    tiny_adapter(tmp_path / "landscape")
    PHOTO.save("valley.png")
    HALF.save("hole.png")
    soundfile.write("river.wav", np.random.default_rng(0).normal(scale=0.1, size=8000), 8000)
    assert "@@" not in text, "a placeholder was left"
    examples = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(examples) >= 2
    names: dict[str, object] = {}
    for example in examples:
        exec(compile(example, guide, "exec"), names)
    assert (tmp_path / made).is_file()
