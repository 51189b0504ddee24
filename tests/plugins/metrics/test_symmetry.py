"""Space groups of samples and training split."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from crystalbench import Dataset, Invalid, NotComputable, Protostructure
from crystalbench.crystals.samples import Converted
from crystalbench_plugins.datasets.bundled import BUNDLED
from crystalbench_plugins.metrics.symmetry import (
    compute_divergence,
    compute_p1,
    compute_triclinic_monoclinic,
    divergence_interval,
    histogram,
    jackknife,
    jensen_shannon,
)
from tests.plugins.metrics.metric_inputs import (
    CRASH,
    MONOCLINIC,
    RUTILE,
    SALT,
    SILICON,
    TRICLINIC,
    inputs,
    references,
    samples,
)

histograms = st.lists(st.integers(0, 1000), min_size=2, max_size=230).filter(any)


def test_shares_are_of_the_valid_samples() -> None:
    given_samples = inputs([TRICLINIC, MONOCLINIC, SALT, RUTILE, CRASH, CRASH])
    assert compute_p1(given_samples).value == 1 / 4
    assert compute_triclinic_monoclinic(given_samples).value == 2 / 4
    for result in (compute_p1(given_samples), compute_triclinic_monoclinic(given_samples)):
        assert result.n == 4
        assert result.details["denominator"] == "valid samples"
        assert result.details["invalid"] == 2


def test_group_15_is_the_last_monoclinic_one() -> None:
    orthorhombic = Protostructure(16, [("Mg", "a")])
    assert compute_triclinic_monoclinic(inputs([MONOCLINIC, orthorhombic])).value == 1 / 2


def test_divergence_of_equal_histograms_is_zero() -> None:
    train = [SALT, RUTILE, SILICON, SALT]
    assert compute_divergence(inputs([SALT, RUTILE, SALT, SILICON], train=train)).details["plain"] == 0


def test_divergence_of_disjoint_histograms_is_one_bit() -> None:
    assert compute_divergence(inputs([SALT, RUTILE], train=[SILICON])).value == 1


def test_divergence_by_hand() -> None:
    # p = (1, 0), q = (1/2, 1/2), m = (3/4, 1/4): (log2(4/3) + log2(2/3)/2 + log2(2)/2) / 2
    expected = (np.log2(4 / 3) + np.log2(2 / 3) / 2 + 1 / 2) / 2
    result = compute_divergence(inputs([SALT], train=[SALT, RUTILE]))
    assert result.details["plain"] == pytest.approx(expected, abs=1e-15)


@given(histograms.flatmap(lambda p: st.tuples(st.just(p), st.permutations(p))))
def test_divergence_is_the_square_of_scipys_distance(pair: tuple[list[int], list[int]]) -> None:
    p, q = (np.array(side) / sum(side) for side in pair)
    assert jensen_shannon(p, q) == pytest.approx(jensenshannon(p, q, base=2) ** 2, abs=1e-12)
    assert jensen_shannon(p, q) == pytest.approx(jensen_shannon(q, p), abs=1e-15)


def test_group_numbers_have_no_distance() -> None:
    """Relabelling the groups changes nothing, unlike in a Wasserstein distance over numbers."""
    near = compute_divergence(inputs([MONOCLINIC], train=[Protostructure(16, [("Mg", "a")])]))
    far = compute_divergence(inputs([TRICLINIC], train=[SILICON]))
    assert near.value == far.value == 1


def test_histogram_has_all_230_groups() -> None:
    counts = histogram(np.array([1, 230, 230], dtype=np.int16))
    assert counts.shape == (230,)
    assert (counts[0], counts[229], counts.sum()) == (1, 2, 3)


@given(samples.filter(lambda items: not all(isinstance(i, Invalid) for i in items)), references)
def test_order_does_not_matter(items: list[Converted], train: list[Protostructure]) -> None:
    for compute in (compute_p1, compute_triclinic_monoclinic, compute_divergence):
        assert compute(inputs(items, train=train)) == compute(inputs(items[::-1], train=train[::-1]))


def test_floor_is_the_known_bias_of_the_estimate() -> None:
    """For p = q, JSD is near chi-squared / (8 n ln 2) with (groups - 1) degrees of freedom."""
    train = [Protostructure(number, [("Mg", "a")]) for number in range(100, 140)]
    result = compute_divergence(inputs(train * 50, train=train))
    assert result.details["plain"] == 0
    assert result.details["groups"] == result.details["training_groups"] == 40
    assert result.details["floor_mean"] == pytest.approx(39 / (8 * 2000 * np.log(2)), rel=0.1)
    assert result.details["floor_q95"] > result.details["floor_mean"]


def test_floor_is_repeatable() -> None:
    first, second = (compute_divergence(inputs([SALT], train=[SALT, RUTILE], seed=3)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(("n", "least"), [(100, 2.5), (1000, 5.0)])
def test_the_correction_takes_out_most_of_what_is_owed_to_the_number_of_samples(n: int, least: float) -> None:
    """Real rows against others of one distribution, the space groups of MP-20: both are at no distance in truth."""
    random = np.random.default_rng(0)
    counts = histogram(Dataset(BUNDLED[2].spec).split("val").spacegroups)
    plain, better = [], []
    for _ in range(50):
        x, y = random.multinomial(n, counts / counts.sum()), random.multinomial(9047, counts / counts.sum())
        plain.append(float(jensen_shannon(x / x.sum(), y / y.sum())))
        better.append(jackknife(x, y))
    assert least * abs(np.mean(better)) < np.mean(plain)


def test_the_interval_of_the_divergence_holds_the_truth() -> None:
    """A tenth of the rows moved to group 1; of 40 intervals of 1,000 rows at least 32 hold the divergence, in 93 %."""
    counts = histogram(Dataset(BUNDLED[2].spec).split("val").spacegroups)
    shares = counts / counts.sum()
    moved = 0.9 * shares
    moved[0] += 0.1
    truth = float(jensen_shannon(moved, shares))
    random = np.random.default_rng(1)
    held = 0
    for _ in range(40):
        x, y = random.multinomial(1000, moved), random.multinomial(9047, shares)
        low, high = divergence_interval(jackknife(x, y), x, y, random)
        held += low <= truth <= high
    assert held >= 32


@pytest.mark.parametrize("value", [-0.1, 0.0, 1.0])
def test_an_interval_of_the_divergence_lies_where_divergences_do(value: float) -> None:
    """From 0 to 1 bit, also around a corrected value below zero and around one bit."""
    x, y = np.array([9, 1]), np.array([1, 9])
    low, high = divergence_interval(value, x, y, np.random.default_rng(0))
    assert 0 <= low <= high <= 1
    assert (low == 0) == (value < 1)
    assert (high == 1) == (value == 1)


def test_without_valid_samples_nothing_is_computable() -> None:
    for compute in (compute_p1, compute_triclinic_monoclinic, compute_divergence):
        with pytest.raises(NotComputable, match="no valid samples"):
            compute(inputs([CRASH], train=[SALT]))


def test_split_parses_its_space_groups_from_the_labels() -> None:
    split = inputs([], train=[SALT, TRICLINIC, SALT]).reference
    assert split.spacegroups.dtype == np.int16
    assert split.spacegroups.tolist() == [225, 1, 225]
    assert inputs([]).reference.spacegroups.shape == (0,)
