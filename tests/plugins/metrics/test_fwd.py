"""FWD: the paper's protocol, and everything that a reader must know beside the number."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import count, islice

import numpy as np
import pytest

from crystalbench import (
    Dataset,
    Encoded,
    Invalid,
    MetricResult,
    Need,
    NotComputable,
    Protostructure,
    SamplerInput,
    SampleSet,
    ScoreInput,
    Subset,
)
from crystalbench.crystals.samples import Converted
from crystalbench.plugins import Plugins
from crystalbench.runs.config import RunConfig
from crystalbench.runs.embeddings import CachedEncoder
from crystalbench.runs.encoder_plan import plan_encoders
from crystalbench.runs.score import cached_encoders
from crystalbench.testing import CountingEncoder, check_metric, example_encoder
from crystalbench_plugins.metrics import fwd
from crystalbench_plugins.metrics._embedded import reference_rows
from crystalbench_plugins.metrics._frechet import Gaussian, chance, corrected, distance, fit
from tests.plugins.metrics.metric_inputs import EMPTY, dataset, spec

Real = tuple[CachedEncoder, Dataset, Plugins]
ELEMENTS = ("Li", "Na", "K", "Rb", "Cs", "Mg", "Ca", "Sr", "Ba", "Al")
FORMS = (
    (225, "a", "b"), (221, "a", "b"), (216, "a", "c"), (194, "c", "a"), (166, "a", "c"), (139, "a", "e"),
    (62, "c", "c"), (15, "e", "f"), (14, "e", "e"), (12, "i", "i"), (2, "i", "i"), (1, "a", "a"),
)  # fmt: skip


def crystals(n: int, seed: int, low: int = 0) -> list[Protostructure]:
    """Binary crystals of assorted symmetry; ``low`` leaves out the most symmetric forms."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(n):
        group, *letters = FORMS[random.integers(low, len(FORMS))]
        count = 2 + int(group < 20) * int(random.integers(3))
        metals = random.choice(ELEMENTS, size=count, replace=False)
        places = [letters[0], letters[1], letters[1], letters[1]][:count]
        made.append(Protostructure(int(group), list(zip(metals.tolist(), map(str, places), strict=True))))
    return made


TRAIN = crystals(400, seed=0)


def given(items: Iterable[Converted], seed: int = 0, train: list[Protostructure] = TRAIN) -> ScoreInput:
    return ScoreInput(
        samples=SampleSet.of(items), parameters={}, seed=seed, dataset=dataset(train), encoder=example_encoder()
    )


def embedded(items: list[Protostructure]) -> np.ndarray:
    return example_encoder().encode([item.label for item in items]).embeddings


def test_it_is_the_distance_of_the_samples_to_as_many_random_reference_rows() -> None:
    samples = crystals(100, seed=1, low=3)
    inputs = given(samples)
    rows = [Protostructure.parse(label) for label in reference_rows(inputs, 100)]
    result = fwd.compute(inputs)
    assert result.value == pytest.approx(distance(fit(embedded(samples)), fit(embedded(rows))), rel=1e-12)
    assert (result.n, result.details["asked"], result.details["reference_rows"]) == (100, 100, 100)


def test_reference_rows_are_drawn_once_with_the_seed_and_more_begin_with_fewer() -> None:
    inputs = given(TRAIN)
    assert reference_rows(inputs, 100) == reference_rows(inputs, 300)[:100]
    assert sorted(reference_rows(inputs, 400)) == sorted(row.label for row in TRAIN)
    assert reference_rows(given(TRAIN, seed=1), 100) != reference_rows(inputs, 100)
    assert reference_rows(inputs, 100, skip=100) == reference_rows(inputs, 200)[100:]


def test_the_novel_column_meets_the_same_reference_rows_as_the_other() -> None:
    """Equal samples give equal values in both columns: nothing but the samples differs between them."""
    by_name = {metric.name: metric for metric in fwd.crystalbench_metrics()}
    samples = crystals(100, seed=1, low=3)
    assert by_name["fwd"].compute(given(samples)) == by_name["novel_fwd"].compute(given(samples))
    assert by_name["novel_fwd"].subset is Subset.NOVEL
    assert all(metric.needs == {Need.REFERENCE, Need.ENCODER} for metric in by_name.values())


def test_order_does_not_matter() -> None:
    samples = crystals(60, seed=2)
    for compute in (fwd.compute, fwd.compute_corrected):
        assert compute(given(samples)) == compute(given(samples[::-1]))


def test_what_is_unlike_the_training_set_is_farther_than_what_is_like_it() -> None:
    alike, unlike = crystals(150, seed=3), crystals(150, seed=3, low=8)
    for compute in (fwd.compute, fwd.compute_corrected):
        assert compute(given(alike)).value < 0.1 * compute(given(unlike)).value


def test_the_floor_is_what_reference_rows_are_from_other_reference_rows() -> None:
    inputs = given(crystals(150, seed=3))
    rows = [Protostructure.parse(label) for label in reference_rows(inputs, 300)]
    mean, most = chance(embedded(rows), 0)
    result = fwd.compute(inputs)
    assert (result.details["floor"], result.details["floor_95"]) == (mean, most)
    assert any("150 reference rows against as many others" in note for note in result.notes)


def test_there_is_no_floor_where_the_reference_rows_do_not_suffice_for_two_sets() -> None:
    result = fwd.compute(given(crystals(250, seed=3)))
    assert result.details["floor"] is None
    assert not any("as many others" in note for note in result.notes)


def test_a_smaller_training_set_is_used_whole() -> None:
    result = fwd.compute(given(crystals(100, seed=3), train=TRAIN[:30]))
    assert (result.n, result.details["reference_rows"]) == (100, 30)


def test_invalid_samples_have_no_embedding_and_count_among_the_asked() -> None:
    samples: list[Converted] = [*crystals(60, seed=3), EMPTY, EMPTY]
    for compute in (fwd.compute, fwd.compute_corrected):
        result = compute(given(samples))
        assert (result.n, result.details["asked"]) == (60, 62)
        assert not any("no embedding" in note for note in result.notes)  # the counts below every table say it
        assert result.value == compute(given(samples[:60])).value


def rank_notes(result: MetricResult) -> list[str]:
    return [note for note in result.notes if "dimensions" in note]


def test_fewer_samples_than_dimensions_are_not_passed_over_in_silence() -> None:
    few, many = given(crystals(4, seed=3)), given(crystals(50, seed=3))
    assert rank_notes(fwd.compute(few)) == []  # the floor of so few says it
    assert rank_notes(fwd.compute(given(crystals(4, seed=3), train=TRAIN[:4]))) == [
        "4 samples are fewer than the embedding has dimensions (5): far above the value of many samples"
    ]
    assert rank_notes(fwd.compute_corrected(few)) != []
    assert rank_notes(fwd.compute_corrected(given(crystals(8, seed=3)))) != []
    assert rank_notes(fwd.compute(many)) == rank_notes(fwd.compute_corrected(many)) == []


def test_the_corrected_value_has_an_interval_around_it_and_is_the_smaller() -> None:
    inputs = given(crystals(150, seed=3, low=4))
    plain, better = fwd.compute(inputs), fwd.compute_corrected(inputs)
    assert plain.interval is None
    assert better.interval is not None
    assert better.interval[0] < better.value < better.interval[1]
    assert better.value < plain.value


def test_a_value_below_zero_is_explained() -> None:
    """Samples of the training set's own distribution are often a little nearer than chance."""
    results = [fwd.compute_corrected(given(crystals(150, seed=seed))) for seed in range(10)]
    assert any(result.value < 0 for result in results)
    for result in results:
        assert (fwd.NEGATIVE in result.notes) == (result.value < 0)
        assert result.interval is not None
        assert result.interval[0] >= 0


@pytest.mark.parametrize("items", [[], [EMPTY] * 9, crystals(1, seed=0)])
def test_no_distance_without_samples(items: list[Converted | Invalid]) -> None:
    with pytest.raises(NotComputable, match="valid samples"):
        fwd.compute(given(items))
    with pytest.raises(NotComputable, match="valid samples"):
        fwd.compute_corrected(given(items))


@pytest.mark.parametrize("name", ["fwd", "fwd_corrected", "novel_fwd", "novel_fwd_corrected"])
def test_every_column_keeps_the_contract(name: str) -> None:
    check_metric(spec(fwd.crystalbench_metrics, name))


class Choosy(CountingEncoder):
    """Knows no barium."""

    def encode(self, labels: Sequence[str], /) -> Encoded:
        encoded = super().encode(labels)
        unknown = ["Ba" in label for label in labels]
        encoded.embeddings[unknown] = encoded.energies[unknown] = np.nan
        return encoded


def test_samples_and_reference_rows_that_the_encoder_cannot_encode_are_left_out_and_told() -> None:
    samples = crystals(150, seed=3)
    known = [item for item in samples if "Ba" not in item.elements]
    choosy = replace(example_encoder().spec, load=lambda parameters: Choosy())
    for compute in (fwd.compute, fwd.compute_corrected):
        result = compute(replace(given(samples), encoder=CachedEncoder(choosy, {}, "0" * 64)))
        assert (result.n, result.details["asked"]) == (len(known), 150)
        rows = result.details["reference_rows"]
        assert isinstance(rows, int)
        assert rows < len(known)
        assert f"from {len(known)} of 150 valid samples: the others have no embedding" in result.notes


# --- with the bundled encoder -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real() -> Real:
    """The default encoder and dataset; embeddings are computed here, never taken from a cache."""
    plugins = Plugins.load()
    encoders, missing = plan_encoders(RunConfig(generators=("test",)), plugins)
    if missing:
        pytest.skip(missing)
    dataset = Dataset(plugins.datasets["wbm-rebuilt"])
    (encoder,) = cached_encoders(encoders, dataset).values()
    return encoder, dataset, plugins


def drawn(name: str, n: int, real: Real) -> list[Protostructure]:
    _, dataset, plugins = real
    start = plugins.generators[name].start
    assert start is not None
    sampler = start(SamplerInput(parameters={}, seed=0, dataset=dataset))
    chunks = (sampler.draw(k) for k in count())
    items = (item for chunk in chunks if chunk is not None for item in chunk.items)
    return [item for item in islice(items, n) if isinstance(item, Protostructure)]


@pytest.mark.slow
def test_held_out_materials_are_near_swapped_elements_far_and_random_orbits_farther(real: Real) -> None:
    encoder, dataset, _ = real
    found = {}
    for name in ("train", "test", "element-swap", "random"):
        inputs = ScoreInput(
            samples=SampleSet.of(drawn(name, 5000, real)), parameters={}, seed=0, dataset=dataset, encoder=encoder
        )
        found[name] = fwd.compute(inputs)
    floor = found["test"].details["floor"]
    assert isinstance(floor, float)
    assert found["train"].value < 2 * floor
    assert 10 * found["test"].value < found["element-swap"].value
    assert 1.2 * found["element-swap"].value < found["random"].value


@pytest.mark.slow
@pytest.mark.parametrize("name", ["train", "test", "element-swap", "random"])
def test_intervals_cover_the_truth_on_real_embeddings(name: str, real: Real) -> None:
    """Samples of finite populations of embeddings, whose distance is known; of 25 intervals at least 20 cover it.

    Fewer do so with probability 0.001 where each covers it with probability 0.95.
    """
    encoder, dataset, _ = real
    own = encoder.encode([p.label for p in drawn(name, 4000, real)]).embeddings.astype(np.float64)
    train = encoder.encode(dataset.train.labels[:4000]).embeddings.astype(np.float64)
    truth = distance(population(own), population(train))
    covered = 0
    for seed in range(25):
        random = np.random.default_rng(seed)
        x, y = (rows[random.integers(len(rows), size=1000)] for rows in (own, train))
        low, high = corrected(x, y, seed).interval
        covered += low <= truth <= high
    assert covered >= 20


def population(rows: np.ndarray) -> Gaussian:
    """The Gaussian with the covariance of all there is, not an estimate of it."""
    made = fit(rows)
    return Gaussian(made.n, made.mean, made.root * np.sqrt((made.n - 1) / made.n))
