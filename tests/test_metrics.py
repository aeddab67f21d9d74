"""Metrics are what their sources define."""

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import spearmanr

from sonicdiffusion.errors import ConfigError
from sonicdiffusion.metrics.diversity import mean_pairwise_distance
from sonicdiffusion.metrics.intervals import bootstrap, share_right, wilson
from sonicdiffusion.metrics.kernel_distance import kernel_distance, squared_mmd
from sonicdiffusion.metrics.ranking import confusion, macro_average, mean_spearman, spearman


def test_kernel_distance_of_a_case_worked_by_hand() -> None:
    # Within: (1 * 0 + 1)^3 = 1 and (2 * 1 + 1)^3 = 27; across: the mean of 27, 8, 1 and 1 is 9.25.
    assert squared_mmd(np.array([[1.0], [0.0]]), np.array([[2.0], [1.0]])) == pytest.approx(1 + 27 - 2 * 9.25)


def test_kernel_distance_equals_the_definition_summed_pair_by_pair() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(7, 5)), rng.normal(1.0, 2.0, size=(9, 5))

    def kernel(x: np.ndarray, y: np.ndarray) -> float:
        return (sum(a * b for a, b in zip(x, y, strict=True)) / 5 + 1) ** 3

    within = [np.mean([kernel(x, y) for x, y in combinations(one, 2)]) for one in (first, second)]
    across = np.mean([kernel(x, y) for x in first for y in second])
    assert squared_mmd(first, second) == pytest.approx(sum(within) - 2 * across)


def test_kernel_distance_is_unbiased_for_equal_distributions() -> None:
    rng = np.random.default_rng(1)
    values = [squared_mmd(*rng.normal(size=(2, 20, 4))) for _ in range(300)]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(300)
    assert min(values) < 0


def test_kernel_distance_grows_with_the_shift_of_a_set() -> None:
    rng = np.random.default_rng(2)
    true, near, far = rng.normal(size=(3, 200, 8)) + np.array([0.0, 0.3, 1.0])[:, None, None]
    distances = [kernel_distance(other, true, num_subsets=20) for other in (near, far)]
    assert 0 < distances[0].value < distances[1].value
    assert distances[0].subset_size == 100
    assert distances[0].spread > 0


@pytest.mark.parametrize("shapes", [((1, 3), (5, 3)), ((5, 3), (5, 4)), ((5,), (5,))])
def test_kernel_distance_refuses_sets_that_do_not_fit(shapes: tuple) -> None:
    with pytest.raises(ConfigError, match="at least 2 embeddings"):
        squared_mmd(np.zeros(shapes[0]), np.zeros(shapes[1]))


@pytest.mark.parametrize(
    ("right", "count", "low", "high"),  # computed from the formula in Wilson 1927 with z = 1.959964
    [(8, 10, 0.4902, 0.9433), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (50, 100, 0.4038, 0.5962)],
)
def test_wilson_interval_has_the_published_values(right: int, count: int, low: float, high: float) -> None:
    found = wilson(right, count)
    assert (found.value, found.count) == (right / count, count)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)


def test_wilson_ends_exactly_at_none_and_all() -> None:
    assert [(wilson(0, n).low, wilson(n, n).high) for n in (1, 48, 500)] == [(0.0, 1.0)] * 3


def test_wilson_refuses_no_trials() -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        share_right(np.zeros(0, bool))


def test_bootstrap_of_a_mean_agrees_with_the_normal_interval() -> None:
    sample = np.random.default_rng(3).normal(5.0, 2.0, 400)
    found = bootstrap([sample], lambda groups: float(groups[0].mean()))
    half = 1.96 * sample.std() / np.sqrt(400)
    assert found.value == pytest.approx(sample.mean())
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half), abs=0.04)


def test_bootstrap_keeps_the_examples_of_each_group_apart() -> None:
    found = bootstrap([np.ones(30), np.zeros(3)], macro_average)
    assert (found.value, found.low, found.high, found.count) == (0.5, 0.5, 0.5, 33)


def test_bootstrap_refuses_an_empty_group() -> None:
    with pytest.raises(ConfigError, match="an example in each"):
        bootstrap([np.ones(3), np.ones(0)], macro_average)


def test_spearman_equals_scipy_with_ties() -> None:
    rng = np.random.default_rng(4)
    first, second = rng.integers(0, 6, (2, 40)).astype(float)
    assert spearman(first, second) == pytest.approx(spearmanr(first, second).statistic)  # type: ignore[attr-defined]


def test_spearman_of_a_constant_is_no_number_and_counts_as_no_answer() -> None:
    rising, constant = np.arange(5.0), np.ones(5)
    assert np.isnan(spearman(rising, constant))
    assert mean_spearman([np.stack([rising, rising**3], 1), np.stack([rising, constant], 1)]) == pytest.approx(0.5)


def test_macro_average_counts_every_class_the_same() -> None:
    assert macro_average([np.ones(99), np.zeros(1)]) == 0.5


def test_confusion_counts_rows_by_truth() -> None:
    table = confusion(np.array([0, 0, 1]), np.array([1, 1, 0]), 3)
    assert table.tolist() == [[0, 2, 0], [1, 0, 0], [0, 0, 0]]


def test_diversity_equals_the_mean_over_pairs() -> None:
    embeddings = np.random.default_rng(5).normal(size=(6, 3))
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    pairs = [1 - unit[i] @ unit[j] for i, j in combinations(range(6), 2)]
    assert mean_pairwise_distance(embeddings) == pytest.approx(np.mean(pairs))


def test_diversity_is_0_for_equal_and_1_for_unrelated_pictures() -> None:
    assert mean_pairwise_distance(np.ones((4, 3))) == pytest.approx(0)
    assert mean_pairwise_distance(np.eye(3)) == pytest.approx(1)
    with pytest.raises(ConfigError, match="at least 2 embeddings"):
        mean_pairwise_distance(np.ones((1, 3)))
