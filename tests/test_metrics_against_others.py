"""The published metrics: cases worked by hand, and the same numbers as the implementations that others use."""

import tracemalloc

import numpy as np
import pytest
import torch
from prdc import compute_prdc
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance
from torchmetrics.image.ssim import StructuralSimilarityIndexMeasure

from sonicdiffusion.errors import ConfigError
from sonicdiffusion.metrics.agreement import clip_score, nearest_label, preservation_distance, ranking_share
from sonicdiffusion.metrics.frechet import FeatureStatistics, frechet_distance, frechet_distance_of
from sonicdiffusion.metrics.intervals import bootstrap
from sonicdiffusion.metrics.kernel_distance import clip_mmd, squared_mmd
from sonicdiffusion.metrics.neighbours import density_and_coverage
from sonicdiffusion.metrics.structural_similarity import structural_similarity


class Flat(nn.Module):
    """Takes pictures for their own features, as the others' classes want them."""

    num_features = 12

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return pictures.flatten(1).double()


@pytest.fixture(scope="module")
def two_sets() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(12, 12))
    first = rng.normal(size=(300, 12)) @ mixing
    return first, rng.normal(0.3, 1.2, size=(250, 12)) @ mixing


def pictures_of(features: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(features).reshape(len(features), 3, 2, 2)


def test_frechet_distance_of_gaussians_worked_by_hand() -> None:
    # Means 0 and 3, variances 1 and 4 in one dimension: 9 + (1 - 2)^2.
    first, second = FeatureStatistics(1), FeatureStatistics(1)
    first.add(np.array([[-1.0], [0.0], [1.0]]))
    second.add(np.array([[1.0], [3.0], [5.0]]))
    assert frechet_distance(first, second) == pytest.approx(10.0)
    assert frechet_distance(first, first) == pytest.approx(0.0, abs=1e-9)


def test_frechet_distance_is_that_of_torchmetrics(two_sets: tuple[np.ndarray, np.ndarray]) -> None:
    theirs = FrechetInceptionDistance(feature=Flat(), input_img_size=(3, 2, 2)).set_dtype(torch.float64)
    for features, is_real in zip(two_sets, (True, False), strict=True):
        theirs.update(pictures_of(features), real=is_real)
    ours = [FeatureStatistics.of(features) for features in two_sets]
    assert frechet_distance(*ours) == pytest.approx(float(theirs.compute()), rel=1e-3)


@pytest.mark.parametrize("counts", [(5, 9), (9, 5), (40, 60)])
def test_frechet_distance_of_few_is_that_of_statistics(counts: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    sets = [rng.normal(shift, 1.0, size=(count, 16)) for count, shift in zip(counts, (0.0, 0.5), strict=True)]
    expected = frechet_distance(*(FeatureStatistics.of(one) for one in sets))
    assert frechet_distance_of(*sets) == pytest.approx(expected, rel=1e-6)


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance` will save")
def test_kernel_distance_is_that_of_torchmetrics(two_sets: tuple[np.ndarray, np.ndarray]) -> None:
    first, second = two_sets[0][:250], two_sets[1]
    theirs = KernelInceptionDistance(feature=Flat(), subsets=1, subset_size=250)
    theirs.update(pictures_of(first), real=True)
    theirs.update(pictures_of(second), real=False)
    assert squared_mmd(first, second) == pytest.approx(float(theirs.compute()[0]), rel=1e-3)


def test_density_and_coverage_are_those_of_prdc(two_sets: tuple[np.ndarray, np.ndarray]) -> None:
    theirs = compute_prdc(*two_sets, nearest_k=5)
    ours = density_and_coverage(*two_sets)
    assert (ours.density, ours.coverage) == pytest.approx((theirs["density"], theirs["coverage"]))


def test_density_and_coverage_worked_by_hand() -> None:
    # With k = 1 the balls around 0, 1 and 10 reach 1, 1 and 9: 0.5 lies in the first two, 100 in none.
    true, generated = np.array([[0.0], [1.0], [10.0]]), np.array([[0.5], [100.0]])
    found = density_and_coverage(true, generated, nearest=1)
    assert (found.density, found.coverage) == (1.0, pytest.approx(2 / 3))
    with pytest.raises(ConfigError, match="more than 5"):
        density_and_coverage(true, generated)


@pytest.mark.parametrize("seed", range(2))
def test_structural_similarity_is_that_of_torchmetrics(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 256, (40, 33, 3)).astype(np.uint8)
    second = np.clip(first + rng.normal(0, 40, first.shape), 0, 255).astype(np.uint8)
    theirs = StructuralSimilarityIndexMeasure(data_range=255.0, return_full_image=True)
    tensors = [torch.from_numpy(p).permute(2, 0, 1)[None].double() for p in (first, second)]
    inside = theirs(*tensors)[1][..., 5:-5, 5:-5]  # theirs counts the mirrored border, too
    assert structural_similarity(first, second) == pytest.approx(float(inside.mean()), rel=1e-6)
    assert structural_similarity(first, first) == pytest.approx(1.0)


def test_what_happens_inside_the_mask_does_not_count() -> None:
    rng = np.random.default_rng(2)
    before = rng.integers(0, 256, (40, 40, 3)).astype(np.uint8)
    mask = np.zeros((40, 40), bool)
    mask[10:20, 10:20] = True
    after = before.copy()
    after[mask] = 0
    assert structural_similarity(before, after, mask) == pytest.approx(1.0)
    assert structural_similarity(before, after) < 0.95
    after[35, 35] ^= 255
    assert structural_similarity(before, after, mask) < 1.0
    assert np.isnan(structural_similarity(before, after, np.ones_like(mask)))


def test_clip_mmd_worked_by_hand() -> None:
    # Unit vectors at a right angle are sqrt(2) apart, opposite ones 2.
    east, west = np.array([[3.0, 0.0], [1.0, 0.0]]), np.array([[-1.0, 0.0], [0.0, 5.0]])
    within = 1.0 + (1.0 + np.exp(-2 / 200)) / 2
    across = (np.exp(-4 / 200) + np.exp(-2 / 200)) / 2
    assert clip_mmd(east, west) == pytest.approx(1000 * (within - 2 * across))
    assert clip_mmd(east, east) == pytest.approx(0.0, abs=1e-9)


def test_ranking_share_worked_by_hand() -> None:
    pictures, own = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[1.0, 1.0], [-1.0, 1.0]])
    references = np.array([[2.0, 0.1], [0.0, 1.0], [-1.0, 0.0], [5.0, 5.0]])  # the last is just as like as one's own
    assert ranking_share(pictures, own, references).tolist() == [0.5, 0.5]
    with pytest.raises(ConfigError, match="references"):
        ranking_share(pictures, own, np.zeros((0, 2)))


def test_ranking_share_of_unrelated_embeddings_is_chance() -> None:
    pictures, own, references = np.random.default_rng(3).normal(size=(3, 400, 16))
    assert ranking_share(pictures, own, references).mean() == pytest.approx(0.5, abs=0.06)


def test_labels_and_scores_worked_by_hand() -> None:
    pictures = np.array([[1.0, 0.2], [0.1, 3.0], [-1.0, 0.0]])
    assert nearest_label(pictures, np.eye(2)).tolist() == [0, 1, 1]
    texts = np.array([[1.0, 0.2], [1.0, 0.0], [1.0, 0.0]])
    assert clip_score(pictures, texts) == pytest.approx([100.0, 100 * 0.1 / np.sqrt(9.01), 0.0])
    assert preservation_distance(pictures, -pictures) == pytest.approx([2.0, 2.0, 2.0])


def test_streamed_statistics_of_50000_rows_are_those_of_one_shot_in_little_memory() -> None:
    def batches() -> list[np.random.Generator]:
        return [np.random.default_rng(i) for i in range(100)]

    tracemalloc.start()
    halves = FeatureStatistics(64), FeatureStatistics(64)
    for index, rng in enumerate(batches()):
        halves[index % 2].add(rng.normal(1e3, 1.0, size=(500, 64)).astype(np.float32))
    halves[0].merge(halves[1])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    everything = np.concatenate([rng.normal(1e3, 1.0, size=(500, 64)).astype(np.float32) for rng in batches()])
    assert halves[0].count == 50_000
    assert np.abs(halves[0].mean - everything.mean(axis=0, dtype=np.float64)).max() < 1e-9
    assert np.abs(halves[0].covariance - np.cov(everything.astype(np.float64), rowvar=False)).max() < 1e-8
    assert peak < 3_000_000  # the rows themselves take 12.8 million bytes


def test_statistics_refuse_what_does_not_fit() -> None:
    statistics = FeatureStatistics(3)
    with pytest.raises(ConfigError, match="width 3"):
        statistics.add(np.zeros((2, 4)))
    with pytest.raises(ConfigError, match="at least 2"):
        frechet_distance(statistics, statistics)
    with pytest.raises(ConfigError, match="width 4"):
        statistics.merge(FeatureStatistics(4))


def test_a_centred_interval_holds_a_distance_that_resampling_enlarges() -> None:
    true, generated = np.random.default_rng(4).normal(size=(2, 60, 8))
    reference = FeatureStatistics.of(true)

    def distance(groups: object) -> float:
        return frechet_distance(FeatureStatistics.of(groups[0]), reference)  # type: ignore[index]

    plain = bootstrap([generated], distance, num_resamples=100)
    centred = bootstrap([generated], distance, num_resamples=100, is_centred=True)
    assert plain.low > plain.value  # the fault that centring is for
    assert centred.low < centred.value < centred.high
    assert centred.high - centred.low == pytest.approx(plain.high - plain.low)
