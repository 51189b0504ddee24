"""The built-in generators are legal, repeatable, and stand in a known order."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from crystalbench import (
    Dataset,
    DatasetError,
    DatasetSpec,
    GeneratorSpec,
    Protostructure,
    Sampler,
    SamplerInput,
    Split,
)
from crystalbench.crystals import wyckoff
from crystalbench.crystals.wyckoff import Table
from crystalbench.testing import check_generator
from crystalbench_plugins.datasets.bundled import BUNDLED
from crystalbench_plugins.reference_generators import (
    CHUNK,
    Marginal,
    crystalbench_generators,
    element_marginal,
    group_marginals,
)

BY_NAME = {spec.name: spec for spec in crystalbench_generators()}
every = pytest.mark.parametrize("spec", BY_NAME.values(), ids=BY_NAME)


@pytest.fixture(scope="module")
def wbm() -> Dataset:
    return Dataset(BUNDLED[0].spec)


@pytest.fixture(scope="module")
def carbon() -> Dataset:
    return Dataset(BUNDLED[1].spec)


def small(**splits: list[Protostructure]) -> Dataset:
    """A dataset of the given rows."""

    def load(name: str, table: Table) -> Split:
        rows = splits[name]
        return Split(tuple(row.label for row in rows), tuple(row.prototype for row in rows))

    return Dataset(
        DatasetSpec(
            name="small", version="1", title="", description="", splits=tuple(splits),
            load=load, identity=lambda: "0" * 64, card=lambda: "card",
        )
    )  # fmt: skip


def start(spec: GeneratorSpec, dataset: Dataset, seed: int = 0) -> Sampler:
    assert spec.start is not None
    return spec.start(SamplerInput(parameters={}, seed=seed, dataset=dataset))


def items(spec: GeneratorSpec, dataset: Dataset, chunks: int, seed: int = 0) -> list[Protostructure]:
    sampler = start(spec, dataset, seed)
    draws = [sampler.draw(chunk) for chunk in range(chunks)]
    return [item for draw in draws if draw for item in draw.items if isinstance(item, Protostructure)]


@every
def test_the_contract_holds(spec: GeneratorSpec, wbm: Dataset) -> None:
    check_generator(spec, wbm)
    assert spec.reference


@every
def test_a_chunk_does_not_depend_on_those_before_it(spec: GeneratorSpec, wbm: Dataset) -> None:
    alone = start(spec, wbm).draw(3)
    assert alone is not None
    assert list(alone.items) == items(spec, wbm, 4)[3 * CHUNK :]


@every
def test_every_chunk_is_full(spec: GeneratorSpec, wbm: Dataset) -> None:
    assert spec.chunk_size == CHUNK
    assert len(items(spec, wbm, 4)) == 4 * CHUNK


@every
def test_seeds_give_different_samples(spec: GeneratorSpec, wbm: Dataset) -> None:
    assert items(spec, wbm, 1, seed=0) != items(spec, wbm, 1, seed=1)


@every
def test_samples_are_legal_and_canonical(spec: GeneratorSpec, wbm: Dataset, carbon: Dataset) -> None:
    for dataset in (wbm, carbon):
        for item in items(spec, dataset, 4):
            assert Protostructure.parse(item.label) == item
            letters = [orbit.letter for orbit in item.orbits]
            for letter in set(letters):
                assert wyckoff.position(item.spacegroup, letter).dof or letters.count(letter) == 1


@every
def test_samples_are_of_the_table_of_the_run(spec: GeneratorSpec) -> None:
    dataset = Dataset(BUNDLED[0].spec, Table.PYMATGEN)
    drawn = items(spec, dataset, 2)
    assert {item.table for item in drawn} == {Table.PYMATGEN}
    assert all(Protostructure.parse(item.label, Table.PYMATGEN).label == item.label for item in drawn)


@every
def test_looking_rows_up_has_no_clock_so_no_speed_stands_beside_that_of_a_model(
    spec: GeneratorSpec, wbm: Dataset
) -> None:
    draw = start(spec, wbm).draw(0)
    assert draw is not None
    assert draw.timing is None


def shares(dataset: Dataset, drawn: list[Protostructure]) -> tuple[float, float, float]:
    """Novelty, uniqueness, and share of samples whose prototype is not in training."""
    n = len(drawn)
    novel = sum(item.label not in dataset.train.label_set for item in drawn) / n
    return (
        novel,
        len({item.label for item in drawn}) / n,
        sum(item.prototype not in dataset.train.prototype_set for item in drawn) / n,
    )


def test_the_generators_stand_in_the_known_order(wbm: Dataset) -> None:
    novelty, unique, prototypes = {}, {}, {}
    for name, spec in BY_NAME.items():
        novelty[name], unique[name], prototypes[name] = shares(wbm, items(spec, wbm, 8))
    assert novelty["train"] == 0
    assert novelty["test"] == 1
    assert 0.9 < novelty["element-swap"] < 1
    assert 0.9 < novelty["random"] < 1
    assert prototypes["train"] == prototypes["element-swap"] == 0
    assert prototypes["test"] < 0.05 < 0.1 < prototypes["random"]
    assert min(unique["element-swap"], unique["random"]) > 0.99


def test_the_training_copy_is_a_permutation_and_then_another(carbon: Dataset) -> None:
    spec, n = BY_NAME["train"], len(carbon.train)
    drawn = [item.label for item in items(spec, carbon, 2 * n // CHUNK + 1)]
    assert Counter(drawn[:n]) == Counter(drawn[n : 2 * n]) == Counter(carbon.train.labels)
    assert drawn[:n] != drawn[n : 2 * n]


def test_a_tiny_training_set_fills_its_chunks() -> None:
    rows = [Protostructure(225, [("Na", "a"), ("Cl", "b")]), Protostructure(136, [("Ti", "a"), ("O", "f")])]
    drawn = items(BY_NAME["train"], small(train=rows), 2)
    assert Counter(item.label for item in drawn) == {row.label: CHUNK for row in rows}


def test_the_test_set_is_given_once_and_ends(carbon: Dataset) -> None:
    spec, n = BY_NAME["test"], len(carbon.split("test"))
    sampler = start(spec, carbon)
    full, rest = divmod(n, CHUNK)
    last = sampler.draw(full)
    assert last is not None
    assert len(last.items) == rest
    assert sampler.draw(full + 1) is None
    drawn = [item.label for item in items(spec, carbon, full + 2)]
    assert Counter(drawn) == Counter(carbon.split("test").labels)
    assert drawn != list(carbon.split("test").labels)


@every
def test_an_absent_or_empty_split_is_an_error(spec: GeneratorSpec) -> None:
    empty = small(train=[], test=[])
    with pytest.raises(DatasetError, match="of dataset 'small' is empty"):
        start(spec, empty)


def test_without_a_training_split_they_rest_on_the_split_that_is_compared_with() -> None:
    dataset = Dataset(BUNDLED[2].spec)
    drawn = {name: items(spec, dataset, 2) for name, spec in BY_NAME.items()}
    known = dataset.split("val")
    assert {item.label for item in drawn["train"]} <= known.label_set
    assert {item.label for item in drawn["test"]} <= dataset.split("test").label_set
    assert {item.prototype for item in drawn["element-swap"]} <= known.prototype_set
    assert {item.spacegroup for item in drawn["random"]} <= set(known.spacegroups.tolist())


def test_a_split_that_is_compared_with_is_not_held_out() -> None:
    rows = [Protostructure(225, [("Na", "a"), ("Cl", "b")])]
    dataset = small(test=rows)
    alone = Dataset(replace(dataset.spec, reference="test"))
    assert alone.held_out is None
    with pytest.raises(DatasetError, match="dataset 'small' has no held-out split"):
        start(BY_NAME["test"], alone)


def test_element_swap_keeps_the_number_of_elements(wbm: Dataset) -> None:
    known = Counter(len(label.partition(":")[2].split("-")) for label in wbm.train.labels)
    drawn = Counter(len(item.elements) for item in items(BY_NAME["element-swap"], wbm, 8))
    for n, count in known.items():
        assert drawn[n] / (8 * CHUNK) == pytest.approx(count / len(wbm.train), abs=0.04)


def test_element_swap_of_all_elements_is_a_permutation() -> None:
    rows = [Protostructure(225, [("Na", "a"), ("Cl", "b")])] * 3
    assert {item.label for item in items(BY_NAME["element-swap"], small(train=rows), 1)} == {rows[0].label}


def test_random_follows_the_training_set(wbm: Dataset) -> None:
    drawn = items(BY_NAME["random"], wbm, 16)
    groups = Counter(item.spacegroup for item in drawn)
    known = Counter(wbm.train.spacegroups.tolist())
    for group, n in known.most_common(10):
        share = n / len(wbm.train)
        assert groups[group] / len(drawn) == pytest.approx(share, abs=5 * np.sqrt(share / len(drawn)))
    elements = Counter(label.count("-") + 1 for label in wbm.train.labels)
    found = Counter(len(item.elements) for item in drawn)
    for n in (2, 3, 4):
        share = elements[n] / len(wbm.train)
        assert found[n] / len(drawn) == pytest.approx(share, abs=5 * np.sqrt(share / len(drawn)))
    _, marginals = group_marginals(wbm.train, Table.AFFINE)
    assert all(item.n_atoms <= marginals[str(item.spacegroup)].max_atoms for item in drawn)


def test_random_leaves_out_what_has_no_room() -> None:
    """Group 221 with a, b and 2 atoms at most: a and b once each, never a twice, never 3c."""
    rows = [Protostructure(221, [("Cu", "a"), ("Zn", "b")])]
    drawn = items(BY_NAME["random"], small(train=rows), 1)
    letters = {tuple(orbit.letter for orbit in sorted(item.orbits, key=lambda o: o.letter)) for item in drawn}
    assert letters == {("a", "b")}
    assert {item.elements for item in drawn} == {("Cu", "Zn")}
    assert len({item.label for item in items(BY_NAME["random"], small(train=rows), 4)}) == 1  # a and b are equivalent


def test_marginals_are_counts_of_rows() -> None:
    rows = [Protostructure(225, [("Na", "a"), ("Cl", "b")]), Protostructure(1, [("Na", "a"), ("Na", "a")])]
    split = small(train=rows).train
    elements = element_marginal(split)
    assert dict(zip(elements.values, elements.counts.tolist(), strict=True)) == {"Cl": 1, "Na": 2}
    groups, marginals = group_marginals(split, Table.AFFINE)
    assert groups.values == ("1", "225")
    assert marginals["225"].max_atoms == 8
    assert marginals["1"].letters.counts.tolist() == [2]
    assert marginals["1"].sizes.values == ("2 1",)


def test_a_marginal_draws_in_proportion_and_never_what_is_not_allowed() -> None:
    random = np.random.default_rng(0)
    marginal = Marginal.of(Counter({"a": 1, "b": 3}))
    drawn = Counter(marginal.draw(random) for _ in range(4000))
    assert drawn[1] / 4000 == pytest.approx(0.75, abs=0.03)
    assert {marginal.draw(random, np.array([True, False])) for _ in range(100)} == {0}
    assert {tuple(sorted(marginal.draw_distinct(2, random))) for _ in range(20)} == {("a", "b")}
