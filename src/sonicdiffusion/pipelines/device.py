"""Which device a pipeline runs on."""

import torch

from sonicdiffusion.errors import ConfigError


def choose_device(name: str | torch.device | None = None) -> torch.device:
    """Return the device called `name`, or the best there is: a CUDA GPU, Apple's GPU, else the CPU.

    Raises:
        ConfigError: if torch does not know the name or cannot compute on the device here.
    """
    if name is None:
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.ones(1, device=device).item()  # "meta" makes tensors, but they hold no numbers
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # torch has no one error for this
        raise ConfigError(
            f"The device {str(name)!r} cannot be used here. Choose {choose_device().type}, or leave it out."
        ) from error
    return device
