"""A linear classifier: how much a straight cut through features can tell."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

Features = NDArray[np.floating]


class LinearClassifier:
    """Multinomial logistic regression on standardised features, fitted to the optimum.

    Args:
        features: shape (examples, width).
        classes: index of each example's class, shape (examples,).
        num_classes: how many classes there are.
        weight_decay: penalty on the squared weights, against the mean loss of an example.
    """

    def __init__(
        self, features: Features, classes: NDArray[np.integer], num_classes: int, weight_decay: float = 1e-3
    ) -> None:
        self._mean, self._scale = features.mean(axis=0), features.std(axis=0) + 1e-6
        inputs, targets = torch.from_numpy(self._standardise(features)), torch.from_numpy(classes.astype(np.int64))
        weights = torch.zeros(features.shape[1] + 1, num_classes, dtype=torch.float64, requires_grad=True)
        # Convex, so that the start does not matter and nothing is random.
        optimiser = torch.optim.LBFGS([weights], max_iter=300, line_search_fn="strong_wolfe")

        def loss() -> torch.Tensor:
            optimiser.zero_grad()
            total = cross_entropy(inputs @ weights, targets) + weight_decay * weights[:-1].square().sum()
            total.backward()
            return total

        optimiser.step(loss)  # type: ignore[arg-type]
        self._weights = weights.detach().numpy()

    def predict(self, features: Features) -> NDArray[np.int64]:
        """Return the class of each example, shape (examples,)."""
        return (self._standardise(features) @ self._weights).argmax(axis=1)

    def _standardise(self, features: Features) -> NDArray[np.float64]:
        scaled = (features - self._mean) / self._scale
        return np.column_stack([scaled, np.ones(len(scaled))]).astype(np.float64)
