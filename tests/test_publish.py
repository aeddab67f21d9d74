"""An adapter that was saved for others loads as it was; and embeddings are kept in a file."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch
from safetensors.torch import load_file
from small_models import save_tiny_model
from stock_pipelines import build_pipeline, draw, tiny_adapter
from test_stock_pipelines import clip, largest
from typer.testing import CliRunner

from sonicdiffusion import load_audio_adapter, push_audio_adapter, save_audio_adapter, unload_audio_adapter
from sonicdiffusion.cli.main import app
from sonicdiffusion.errors import MissingFileError, ModelError

KIND = "text-to-image"


def test_a_saved_adapter_sounds_the_same(tmp_path: Path) -> None:
    pipe = build_pipeline(KIND)
    load_audio_adapter(pipe, tiny_adapter(tmp_path / "first"))
    heard = draw(pipe, KIND, audio=clip())
    folder = save_audio_adapter(pipe, tmp_path / "deep" / "saved")
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md", "adapter.safetensors", "audio_encoder", "config.json",
    ]  # fmt: skip
    assert [path.name for path in folder.parent.iterdir()] == ["saved"]
    card = (folder / "README.md").read_text()
    assert "`tiny`" in card
    assert "8000 Hz" in card
    with pytest.raises(ModelError, match="exists already"):
        save_audio_adapter(pipe, folder)
    unload_audio_adapter(pipe)
    with pytest.raises(ModelError, match="no audio adapter"):
        save_audio_adapter(pipe, tmp_path / "other")
    load_audio_adapter(pipe, folder)
    assert largest(draw(pipe, KIND, audio=clip()), heard) == 0


def test_only_an_adapter_is_uploaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(huggingface_hub.HfApi, "create_repo", lambda _hub, name, **_: calls.append({"name": name}))
    monkeypatch.setattr(
        huggingface_hub.HfApi, "upload_folder", lambda _hub, **given: calls.append(given) or "https://example.org"
    )
    folder = tiny_adapter(tmp_path / "adapter")
    assert push_audio_adapter(folder, "me/mine") == "https://example.org"
    assert calls == [{"name": "me/mine"}, {"repo_id": "me/mine", "folder_path": str(folder)}]
    with pytest.raises(MissingFileError):
        push_audio_adapter(tmp_path, "me/mine")

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("no network")

    monkeypatch.setattr(huggingface_hub.HfApi, "create_repo", refuse)
    with pytest.raises(ModelError, match="no network"):
        push_audio_adapter(folder, "me/mine")


def test_embeddings_are_written_under_the_names_of_the_recordings(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model")
    paths = [tmp_path / f"{index}.wav" for index in range(2)]
    for index, path in enumerate(paths):
        soundfile.write(path, clip(index).samples, 8000)
    bad = tmp_path / "bad.wav"
    bad.write_text("nothing")
    out = tmp_path / "new" / "embeddings.safetensors"
    arguments = ["embed", *map(str, paths), "--model", str(model), "--device", "cpu", "--out", str(out)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    found = load_file(out)
    assert set(found) == set(map(str, paths))
    assert all(value.shape == (1, 32) for value in found.values())
    assert not torch.equal(*found.values())
    shutil.rmtree(out.parent)
    result = CliRunner().invoke(app, [*arguments, str(bad)])
    assert result.exit_code == 1
    assert len(load_file(out)) == 2
