"""Energies: quantiles and histograms as the paper's Fig. 2 has them, and charts of them."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from crystalbench import NotComputable, Subset
from crystalbench.tables.charts import histograms, standalone
from crystalbench.tables.distribution import Distribution, distributions
from crystalbench.tables.results import JSON
from crystalbench.testing import check_metric, example_encoder
from crystalbench_plugins.metrics._embedded import reference_rows
from crystalbench_plugins.metrics._median import median_interval
from crystalbench_plugins.metrics.energies import BINS, LOW, WIDTH, crystalbench_metrics
from tests.plugins.metrics.metric_inputs import EMPTY, spec
from tests.plugins.metrics.test_fwd import crystals, given

SAMPLES = crystals(150, seed=3, low=4)


def test_the_value_is_the_median_of_what_the_encoder_says() -> None:
    result = spec(crystalbench_metrics, "energy").compute(given([*SAMPLES, EMPTY]))
    energies = example_encoder().encode([item.label for item in SAMPLES]).energies
    assert result.value == np.median(energies)
    assert (result.n, result.details["asked"]) == (150, 151)


def test_the_details_hold_quantiles_and_histograms_of_samples_and_reference_rows() -> None:
    inputs = given(SAMPLES)
    result = spec(crystalbench_metrics, "energy").compute(inputs)
    own, training = distributions(result.details)
    assert (own.name, training.name) == ("generated", "training")
    assert (len(own.counts), own.low, own.width) == (BINS, LOW, WIDTH)
    for found, labels in ((own, [p.label for p in SAMPLES]), (training, reference_rows(inputs, 150))):
        energies = example_encoder().encode(labels).energies.astype(float)
        assert sum(found.counts) == 150
        assert found.quantiles == pytest.approx(np.quantile(energies, (0.1, 0.5, 0.9)))
        edges = LOW + WIDTH * np.arange(BINS + 1)
        assert list(found.counts) == np.histogram(energies.clip(LOW, LOW + WIDTH * (BINS - 0.5)), edges)[0].tolist()


def test_novel_samples_have_their_own_column() -> None:
    novel = spec(crystalbench_metrics, "novel_energy")
    assert novel.subset is Subset.NOVEL
    assert distributions(novel.compute(given(SAMPLES)).details)[0].name == "novel"


@pytest.mark.parametrize("name", ["energy", "novel_energy"])
def test_the_contract_is_kept(name: str) -> None:
    check_metric(spec(crystalbench_metrics, name))


def test_no_energy_without_samples() -> None:
    with pytest.raises(NotComputable, match="at least 1 valid samples"):
        spec(crystalbench_metrics, "energy").compute(given([EMPTY]))


def test_the_interval_of_the_median_covers_it() -> None:
    random = np.random.default_rng(0)
    for n in (5, 50, 500):
        found = [median_interval(random.exponential(size=n)) for _ in range(400)]
        assert sum(low <= np.log(2) <= high for low, high in found) >= 0.92 * 400


# --- distributions and charts -------------------------------------------------------------------------------------


def test_values_outside_are_counted_at_the_ends() -> None:
    made = Distribution.of("x", np.array([-9.0, 0.05, 0.1, 0.29, 7.0]), 0.0, 0.1, 3)
    assert made.counts == (2, 1, 2)
    assert distributions({"distributions": [made.to_json()]}) == (made,)


GOOD = Distribution("x", 0.0, 0.1, (1, 2), (0.1, 0.2, 0.3)).to_json()


@pytest.mark.parametrize(
    "change",
    [
        {"name": 5}, {"low": "a"}, {"low": 1e300}, {"width": 0}, {"width": -1.0}, {"width": 1e-300},
        {"counts": []}, {"counts": [0, 0]}, {"counts": [-1, 2]}, {"counts": [1.5]}, {"counts": [True]},
        {"counts": [1] * 5000}, {"quantiles": [1.0]}, {"quantiles": "abc"}, {"extra": 1},
    ],
)  # fmt: skip
def test_what_a_stranger_malformed_is_not_drawn(change: dict[str, JSON]) -> None:
    assert distributions({"distributions": [GOOD]}) != ()
    assert distributions({"distributions": [GOOD | change]}) == ()
    assert distributions({"distributions": "none"}) == distributions({}) == ()


@hypothesis_given(
    st.lists(
        st.builds(
            Distribution,
            st.text(max_size=5),
            st.floats(-1e8, 1e8),
            st.floats(1e-8, 1e6),
            st.lists(st.integers(0, 10**8), min_size=1, max_size=20).filter(any).map(tuple),
            st.tuples(*[st.floats(-1e8, 1e8)] * 3),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_distribution_gives_a_chart_of_finite_numbers(series: list[Distribution]) -> None:
    text = standalone(histograms(series, "eV"))
    ElementTree.fromstring(text)
    assert not re.search(r"\b(nan|inf)\b", re.sub(r"<text.*?</text>|aria-label=\"[^\"]*\"", "", text))


def test_a_chart_has_a_line_and_three_quantiles_for_each_distribution() -> None:
    series = [Distribution("generated", 0.0, 0.5, (1, 3), (0.1, 0.6, 0.9)),
              Distribution("training", 0.0, 0.5, (2, 2), (0.2, 0.5, 0.8))]  # fmt: skip
    root = ElementTree.fromstring(histograms(series, "eV/atom"))
    assert [len([e for e in root.iter("line") if e.get("class") == f"s{i}"]) for i in (0, 1)] == [3, 3]
    words = [e.text for e in root.iter("text")]
    assert "generated: Q10 0.10, Q50 0.60, Q90 0.90" in words
    assert "eV/atom" in words


def test_a_step_is_as_high_as_its_share() -> None:
    root = ElementTree.fromstring(histograms([Distribution("x", 0.0, 1.0, (1, 3), (0.1, 0.6, 0.9))], ""))
    (line,) = [e for e in root.iter("path") if e.get("d", "").count("L") > 2]
    ys = [float(pair.split()[1]) for pair in line.get("d", "")[1:].split("L")]
    base, quarter, top = ys[0], ys[1], ys[3]
    assert (base - quarter) * 3 == pytest.approx(base - top, abs=0.5)
