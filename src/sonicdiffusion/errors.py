"""The errors a caller can cause; each says what was given, what was expected and what to do."""


class SonicDiffusionError(Exception):
    """The root of every error this package raises on purpose."""


class AudioError(SonicDiffusionError, ValueError):
    """A recording cannot be read or used as it is."""


class MissingFileError(SonicDiffusionError, FileNotFoundError):
    """A file or folder that was named does not exist."""

    def __str__(self) -> str:
        """Return the sentence alone, without the errno that `FileNotFoundError` would print."""
        return str(self.args[0]) if self.args else ""


class ConfigError(SonicDiffusionError, ValueError):
    """A setting or recipe is misspelt, out of range or contradicts another."""


class ModelError(SonicDiffusionError, ValueError):
    """A model folder, an adapter file or a pair of them does not fit."""


class TrainingError(SonicDiffusionError, RuntimeError):
    """A training has gone astray and stops."""


class PictureError(SonicDiffusionError, ValueError):
    """A picture cannot be read or used as it is."""
