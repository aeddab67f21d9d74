"""Structural similarity of two pictures (SSIM), everywhere or outside a mask.

Reference: Wang et al. 2004, "Image Quality Assessment: From Error Visibility to Structural Similarity".
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, gaussian_filter

from sonicdiffusion.errors import ConfigError

_SIGMA, _RADIUS = 1.5, 5  # a window of 11 by 11 (Wang et al. 2004, section III.C)
_K1, _K2 = 0.01, 0.03
_RANGE = 255.0


def similarity_map(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the similarity around each pixel whose window lies inside the picture, averaged over the colours.

    Args:
        first: shape (height, width, 3), at least 11 pixels each way.
        second: of the same shape.

    Returns:
        Shape (height - 10, width - 10), at most 1, which is for equal windows.

    Raises:
        ConfigError: if the shapes differ or a picture is smaller than the window.

    Source: Wang et al. 2004, equation 13, with a Gaussian window of standard deviation 1.5.
    """
    if first.shape != second.shape or first.ndim != 3 or min(first.shape[:2]) < 2 * _RADIUS + 1:
        raise ConfigError(
            f"Expected two pictures of one shape, at least 11 pixels each way; got {first.shape} and {second.shape}."
        )
    x, y = first.astype(np.float64), second.astype(np.float64)

    def smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
        blurred = gaussian_filter(values, _SIGMA, radius=_RADIUS, axes=(0, 1))
        return blurred[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS]

    mean_x, mean_y = smooth(x), smooth(y)
    var_x, var_y = smooth(x * x) - mean_x**2, smooth(y * y) - mean_y**2
    both = smooth(x * y) - mean_x * mean_y
    c1, c2 = (_K1 * _RANGE) ** 2, (_K2 * _RANGE) ** 2
    top = (2.0 * mean_x * mean_y + c1) * (2.0 * both + c2)
    return (top / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))).mean(axis=2)


def structural_similarity(
    first: NDArray[np.uint8], second: NDArray[np.uint8], mask: NDArray[np.bool_] | None = None
) -> float:
    """Return the mean similarity of two pictures; with a mask, over windows that do not touch it.

    Args:
        first: shape (height, width, 3).
        second: of the same shape.
        mask: true where an edit may act, shape (height, width); what lies there has no influence at all.

    Returns:
        At most 1, for equal pictures; NaN if the mask leaves no window.

    Raises:
        ConfigError: if the shapes differ or a picture is smaller than the window of 11 pixels.

    Source: Wang et al. 2004, equation 17; leaving out the mask is ours.
    """
    found = similarity_map(first, second)
    if mask is None:
        return float(found.mean())
    if mask.shape != first.shape[:2]:
        raise ConfigError(f"The mask has shape {mask.shape}, the picture {first.shape[:2]}. Resize the mask.")
    reached = np.asarray(binary_dilation(mask, np.ones((2 * _RADIUS + 1,) * 2, bool)), bool)
    touched = reached[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS]
    return float(found[~touched].mean()) if (~touched).any() else float("nan")
