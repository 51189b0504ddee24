"""A protostructure and its variables (s, z0, zinf) are the same thing, for every material of every bundled dataset."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from crystalbench import Dataset, Protostructure, ProtostructureError
from crystalbench.crystals.protostructure import ELEMENTS
from crystalbench_plugins.datasets.bundled import BUNDLED
from wyckoffdiff.encoding import OutOfRangeError, Record, check_range, decode, encode, from_dense
from wyckoffdiff.layout import layout

N_ELEMENTS, MAX_ORBITS = 100, 54  # the paper's
every_split = pytest.mark.parametrize(
    ("dataset", "split"), [(b, s) for b in BUNDLED for s in b.splits], ids=lambda x: getattr(x, "name", x)
)


def to_dense(record: Record) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return z0 (n0,) and zinf (ninf, N_a): the inverse of `from_dense`; refuses what they cannot hold."""
    check_range(record, N_ELEMENTS, MAX_ORBITS)
    shape = layout(record.spacegroup)
    z0 = np.zeros(len(shape.constrained), dtype=np.int64)
    zinf = np.zeros((len(shape.unconstrained), N_ELEMENTS), dtype=np.int64)
    for position, z, orbits in record.entries:
        if shape.dof[position]:
            zinf[shape.slot[position], z - 1] = orbits
        else:
            z0[shape.slot[position]] = z
    return z0, zinf


def there_and_back(label: str) -> str:
    """Through the dense variables, as the model has them."""
    record = encode(Protostructure.from_canonical(label))
    return decode(from_dense(record.spacegroup, *to_dense(record))).label


@every_split
def test_a_sample_of_every_bundled_dataset_comes_back_exactly(dataset, split: str) -> None:
    labels = Dataset(dataset.spec).split(split).labels
    chosen = np.random.default_rng(0).choice(len(labels), min(1000, len(labels)), replace=False)
    for row in chosen.tolist():
        assert there_and_back(labels[row]) == labels[row]


@pytest.mark.slow
@every_split
def test_every_material_of_every_bundled_dataset_comes_back_exactly(dataset, split: str) -> None:
    for label in set(Dataset(dataset.spec).split(split).labels):
        assert there_and_back(label) == label


@st.composite
def records(draw: st.DrawFn) -> Record:
    shape = layout(draw(st.integers(1, 230)))
    entries = {}
    for position in draw(st.sets(st.integers(0, len(shape) - 1), min_size=1, max_size=5)):
        for z in draw(st.sets(st.integers(1, 100), min_size=1, max_size=1 if shape.dof[position] == 0 else 3)):
            entries[position, z] = draw(st.integers(1, 54)) if shape.dof[position] else 1
    return Record(shape.spacegroup, tuple((*key, entries[key]) for key in sorted(entries)))


@given(records())
@settings(max_examples=200, deadline=None)
def test_dense_variables_hold_exactly_the_record(record: Record) -> None:
    z0, zinf = to_dense(record)
    shape = layout(record.spacegroup)
    assert z0.shape == shape.constrained.shape
    assert zinf.shape == (len(shape.unconstrained), N_ELEMENTS)
    assert from_dense(record.spacegroup, z0, zinf) == record
    assert np.count_nonzero(z0) + np.count_nonzero(zinf) == len(record.entries)


@given(records(), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_every_equivalent_lettering_decodes_to_the_same_protostructure(record: Record, random) -> None:
    if len({z for _, z, _ in record.entries}) > 26:
        return
    lettering = random.choice(layout(record.spacegroup).letterings.tolist())
    other = Record(record.spacegroup, tuple(sorted((lettering[p], z, k) for p, z, k in record.entries)))
    assert decode(other) == decode(record)


def test_rutile_by_hand() -> None:
    record = encode(Protostructure.parse("A2B_tP6_136_f_a:O-Ti"))
    assert record == Record(136, ((0, 22, 1), (5, 8, 1)))
    z0, zinf = to_dense(record)
    assert z0.tolist() == [22, 0, 0, 0]  # a, b, c, d
    assert zinf.shape == (7, 100)  # e, f, g, h, i, j, k
    assert zinf[1, 8 - 1] == 1
    assert zinf.sum() == 1


def test_several_orbits_on_one_position_are_a_count() -> None:
    record = encode(Protostructure.parse("A_mC12_12_3i:C"))
    assert [(layout(12).letters[p], z, k) for p, z, k in record.entries] == [("i", 6, 3)]


def test_an_element_beyond_the_limit_is_refused_by_name() -> None:
    record = encode(Protostructure(225, [("Og", "a"), ("O", "b")]))
    with pytest.raises(OutOfRangeError, match=r"Og \(atomic number 118\).*N_a = 100"):
        check_range(record, 100, 54)


def test_too_many_orbits_are_refused_and_not_cut_down() -> None:
    record = encode(Protostructure(1, [("C", "a")] * 11))
    check_range(record, 100, 11)
    with pytest.raises(OutOfRangeError, match=r"11 orbits of C on position a of space group 1.*P = 10"):
        check_range(record, 100, 10)


def test_a_void_material_is_no_protostructure() -> None:
    with pytest.raises(ProtostructureError):
        decode(Record(225, ()))


def test_atomic_numbers_are_those_of_the_elements() -> None:
    for z in (1, 6, 26, 92, 100):
        record = encode(Protostructure(225, [(ELEMENTS[z - 1], "a")]))
        assert {entry[1] for entry in record.entries} == {z}
