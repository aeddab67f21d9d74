"""`sonicdiffusion convert-weights`: a published checkpoint of Inception or Wav2CLIP becomes safetensors."""

from pathlib import Path
from typing import Annotated

import typer


def convert_weights(
    checkpoint: Annotated[Path, typer.Argument(help="A published checkpoint of named tensors.")],
    out: Annotated[Path, typer.Option(help="Safetensors file to write.")],
) -> None:
    """Turn a checkpoint into safetensors, for `evaluate --inception` and `--wav2clip`; code in it is refused."""
    from sonicdiffusion.errors import ConfigError
    from sonicdiffusion.models.convert import read_published
    from sonicdiffusion.models.folders import write_tensors

    if out.suffix != ".safetensors" or out.exists():
        raise ConfigError(f"'{out}' must be a new file that ends in .safetensors. Choose another name.")
    tensors = read_published(checkpoint)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_tensors(out, tensors)
    print(f"{len(tensors)} tensors are in {out}.")
