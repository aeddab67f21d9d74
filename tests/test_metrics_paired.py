"""Paired differences: by hand, against scipy, and how often their intervals hold."""

import numpy as np
import pytest
from scipy.stats import permutation_test

from sonicdiffusion.errors import ConfigError
from sonicdiffusion.metrics.intervals import paired_difference
from sonicdiffusion.metrics.significance import holm, sign_flip_test


def test_equal_lists_differ_by_nothing() -> None:
    same = np.random.default_rng(0).normal(size=30)
    found = paired_difference(same, same)
    assert (found.value, found.low, found.high, found.count) == (0.0, 0.0, 0.0, 30)
    assert sign_flip_test(same, same) == 1.0


def test_a_shift_is_found_though_the_trials_vary_more() -> None:
    hard = np.random.default_rng(1).normal(scale=100.0, size=40)
    found = paired_difference(hard + 0.25, hard)
    assert [found.value, found.low, found.high] == pytest.approx([0.25] * 3)
    assert paired_difference(hard, hard + 0.25).value == pytest.approx(-0.25)
    assert sign_flip_test(hard + 0.25, hard) < 0.001


def test_a_case_worked_by_hand() -> None:
    # Differences 1, 1, 1 and 0: of the eight ways to flip three signs, two reach a sum of 3 in size.
    first, second = np.array([1.0, 1.0, 1.0, 0.0]), np.zeros(4)
    assert paired_difference(first, second).value == 0.75
    assert sign_flip_test(first, second) == pytest.approx(2 / 8, abs=0.01)


def test_seeds_of_one_clip_are_not_independent() -> None:
    rng = np.random.default_rng(2)
    by_clip = rng.normal(size=12).repeat(10)
    clips = [f"clip {number}" for number in np.arange(12).repeat(10)]
    alone, together = (paired_difference(by_clip, np.zeros(120), groups) for groups in (None, clips))
    assert together.value == pytest.approx(alone.value)
    assert together.high - together.low > 2 * (alone.high - alone.low)
    assert sign_flip_test(by_clip, np.zeros(120), clips) > sign_flip_test(by_clip, np.zeros(120))


def test_groups_of_unequal_size_weigh_by_their_trials() -> None:
    found = paired_difference(np.array([1.0, 1.0, 1.0, 0.0]), np.zeros(4), ["a", "a", "a", "b"])
    assert (found.value, found.low, found.high) == (0.75, 0.0, 1.0)


def test_the_interval_holds_about_as_often_as_it_says() -> None:
    rng, held = np.random.default_rng(3), 0
    for seed in range(200):
        shared = rng.normal(size=60)  # what makes a trial hard for both
        first, second = (shared + rng.normal(0.3 * k, 1.0, 60) > 0 for k in (1, 0))
        truth = 0.0840  # Phi(0.3 / sqrt(2)) - 1/2
        found = paired_difference(first.astype(float), second.astype(float), num_resamples=400, seed=seed)
        held += found.low <= truth <= found.high
    assert 0.89 <= held / 200 <= 0.99


def test_the_sign_flips_agree_with_scipy() -> None:
    rng = np.random.default_rng(4)
    first, second = rng.normal(0.4, 1.0, 12), rng.normal(size=12)
    theirs = permutation_test(
        (first, second), lambda a, b: np.mean(a - b), permutation_type="samples", n_resamples=5000
    )
    assert sign_flip_test(first, second) == pytest.approx(float(theirs.pvalue), abs=0.01)


def test_chance_alone_is_rarely_called_a_difference() -> None:
    rng = np.random.default_rng(5)
    chances = [sign_flip_test(*rng.normal(size=(2, 25)), num_flips=400, seed=seed) for seed in range(300)]
    assert 0.01 <= np.mean(np.array(chances) < 0.05) <= 0.09


def test_holm_has_the_values_worked_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []
    with pytest.raises(ConfigError, match="probabilities"):
        holm([1.5])


@pytest.mark.parametrize(
    ("first", "second", "groups"), [([1.0], [1.0, 2.0], None), ([], [], None), ([1.0], [2.0], ["a", "b"])]
)
def test_lists_that_do_not_fit_are_refused(first: list[float], second: list[float], groups: list[str] | None) -> None:
    with pytest.raises(ConfigError, match="same trials"):
        paired_difference(np.array(first), np.array(second), groups)


def test_a_missing_number_is_refused() -> None:
    with pytest.raises(ConfigError, match="without a number"):
        paired_difference(np.array([1.0, np.nan]), np.zeros(2))
