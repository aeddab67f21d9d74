"""What many tests start from: a whole model at the smallest size."""

from pathlib import Path

import pytest
from small_models import save_tiny_model

from sonicdiffusion import GenerationPipeline


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def pipeline(model: Path) -> GenerationPipeline:
    return GenerationPipeline.from_pretrained(model, device="cpu")
