"""How an adapter is trained on one's own recordings, as one typed file."""

from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from sonicdiffusion.audio.window import CropPolicy
from sonicdiffusion.config import load_recipe, nearest
from sonicdiffusion.errors import ConfigError
from sonicdiffusion.training.augment import Variation
from sonicdiffusion.training.stage1 import Stage1Recipe
from sonicdiffusion.training.stage2 import Stage2Recipe


@dataclass(frozen=True)
class GenerationDefaults:
    """What a trained model proposes for generation.

    Args:
        crop_policy: how a long recording becomes windows.
        text_guidance: how far to follow the text.
        audio_guidance: how far to follow the sound.
        num_steps: sampling steps.
    """

    crop_policy: CropPolicy = "loudest"
    text_guidance: float = 5.0
    audio_guidance: float = 5.0
    num_steps: int = 25


@dataclass(frozen=True)
class FeatureRecipe:
    """What is computed of each pair before training.

    Args:
        picture_size: side in pixels; 0 takes the model's own.
        picture_copies: latents of each picture, the first of its middle, others varied.
        sound_copies: embeddings of each sound, the first as generation would hear it, others varied.
        mixtures: embeddings of each sound mixed with another one, for stage 1, under both captions.
        variation: how far copies differ.
        batch_size: pairs that are encoded at once.
        seed: of the variations.

    Raises:
        ConfigError: if a number is out of range.
    """

    picture_size: int = 0
    picture_copies: int = 2
    sound_copies: int = 2
    mixtures: int = 0
    variation: Variation = field(default_factory=Variation)
    batch_size: int = 16
    seed: int = 0

    def __post_init__(self) -> None:
        if (
            min(self.picture_copies, self.sound_copies, self.batch_size) < 1
            or min(self.mixtures, self.picture_size) < 0
        ):
            raise ConfigError("Copies and batch_size start at 1, mixtures and picture_size at 0.")


@dataclass(frozen=True)
class AdapterRecipe:
    """Everything that an adapter's training depends on besides the data.

    Args:
        base: bundled name, folder or hub id of the image model, which stays as it is.
        encoder: folder or hub id of the audio encoder; a bundled model's name takes the encoder of that model.
        base_family: the image models it will fit, for example "stable-diffusion-1".
        features: what is computed before training.
        stage1: the projector's training.
        stage2: the training of projector and audio layers.
        generation: what the adapter proposes.
    """

    base: str
    encoder: str
    base_family: str
    features: FeatureRecipe = field(default_factory=FeatureRecipe)
    stage1: Stage1Recipe = field(default_factory=Stage1Recipe)
    stage2: Stage2Recipe = field(default_factory=Stage2Recipe)
    generation: GenerationDefaults = field(default_factory=GenerationDefaults)


def adapter_recipes() -> tuple[str, ...]:
    """Return the names of the recipes that come with the package."""
    return tuple(sorted(path.stem for path in _folder().glob("*.toml")))


def recipe_file(name: str) -> Path:
    """Return the file of a recipe of the package, or of one's own.

    Raises:
        ConfigError: if there is none.
    """
    own = _folder() / f"{name}.toml"
    if own.is_file():
        return own
    if Path(name).suffix != ".toml":
        raise ConfigError(
            f"There is no recipe {name!r}. {nearest(name, adapter_recipes())} Or give a .toml file of your own."
        )
    return Path(name)


def load_adapter_recipe(name: str) -> AdapterRecipe:
    """Read a recipe by its name or file.

    Raises:
        MissingFileError: if there is no such file.
        ConfigError: if there is no such recipe, or it has a mistake.
    """
    return load_recipe(recipe_file(name), AdapterRecipe)


def _folder() -> Path:
    return Path(str(files("sonicdiffusion.training"))) / "recipes"
