"""Packed materials hold the split, batches hold the materials, and their order depends on the seed alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from crystalbench import Dataset, Protostructure
from crystalbench_plugins.datasets.bundled import BUNDLED
from wyckoffdiff.batches import Batch, Noise, make_batch, part, splits
from wyckoffdiff.data import Materials, epoch_order
from wyckoffdiff.encoding import Record, decode, encode, from_dense
from wyckoffdiff.layout import layout
from wyckoffdiff.settings import ModelSettings, Prior

SMALL = ModelSettings(n_elements=100, max_orbits=36, timesteps=50)


@pytest.fixture(scope="module")
def labels() -> list[str]:
    """Every 400th training label of WBM."""
    return list(Dataset(BUNDLED[0].spec).train.labels[::400])


@pytest.fixture(scope="module")
def materials(labels: list[str]) -> Materials:
    return Materials.of_labels(labels, 100, None)


def unpack(batch: Batch) -> list[Record]:
    """The records of a batch, from its dense variables."""
    positions, records = batch.positions, []
    for number in range(len(batch)):
        own = positions.material == number
        z0 = batch.z0[own[positions.constrained]].numpy()
        zinf = batch.zinf[own[positions.unconstrained]].numpy()
        records.append(from_dense(int(positions.spacegroup[own][0]), z0, zinf))
    return records


def test_packed_materials_are_the_encoded_labels(labels: list[str], materials: Materials) -> None:
    assert len(materials) == len(labels)
    assert [materials.record(row) for row in range(len(labels))] == [
        encode(Protostructure.from_canonical(label)) for label in labels
    ]


def test_a_material_takes_tens_of_bytes(materials: Materials) -> None:
    arrays = (materials.spacegroup, materials.first, materials.position, materials.element, materials.orbits)
    assert sum(array.nbytes for array in arrays) / len(materials) < 40


def test_materials_out_of_range_are_counted(labels: list[str]) -> None:
    many = [f"A_aP{k}_1_{k if k > 1 else ''}a:C" for k in (1, 5, 6)]
    kept = Materials.of_labels([*many, *labels[:5]], 100, 5)
    assert (len(kept), kept.refused, kept.max_orbits) == (7, 1, 5)
    assert Materials.of_labels(labels, 1, None).refused == len(labels)


def test_the_digest_changes_with_any_material_and_with_their_order(labels: list[str], materials: Materials) -> None:
    assert Materials.of_labels(labels, 100, None).digest == materials.digest
    assert Materials.of_labels(labels[:-1], 100, None).digest != materials.digest
    assert Materials.of_labels(labels[::-1], 100, None).digest != materials.digest


def test_counts_of_values_are_those_of_the_dense_variables(materials: Materials) -> None:
    z0 = np.zeros(101, dtype=int)
    zinf = np.zeros((100, 37), dtype=int)
    batch = make_batch(materials, np.arange(len(materials)), 100)
    np.add.at(z0, batch.z0.numpy(), 1)
    for element in range(100):
        zinf[element] = np.bincount(batch.zinf[:, element].numpy(), minlength=37)
    counted = materials.variable_counts(100, 36)
    np.testing.assert_array_equal(counted[0], z0)
    np.testing.assert_array_equal(counted[1], zinf)
    assert materials.spacegroup_counts().sum() == len(materials)


def test_a_batch_holds_its_materials_sorted_by_number_of_positions(materials: Materials) -> None:
    rows = np.random.default_rng(1).choice(len(materials), 64, replace=False)
    batch = make_batch(materials, rows, 100)
    records = unpack(batch)
    assert sorted(map(repr, records)) == sorted(repr(materials.record(row)) for row in rows)
    sizes = [len(layout(record.spacegroup)) for record in records]
    assert sizes == sorted(sizes)
    assert batch.positions.sizes == tuple((sizes.count(n), n) for n in sorted(set(sizes)))
    for number, record in enumerate(records):
        shape = layout(record.spacegroup)
        own = batch.positions.material == number
        for name in ("dof", "multiplicity"):
            np.testing.assert_array_equal(getattr(batch.positions, name)[own].numpy(), getattr(shape, name))
        assert batch.positions.letter[own].tolist() == list(range(len(shape)))
        assert int(batch.variables[number]) == len(shape.constrained) + 100 * len(shape.unconstrained)


def test_relettering_changes_the_variables_and_never_the_material(materials: Materials) -> None:
    rows = np.arange(len(materials))
    plain = unpack(make_batch(materials, rows, 100))
    changed = unpack(make_batch(materials, rows, 100, np.random.default_rng(0)))
    assert [decode(a) for a in changed] == [decode(b) for b in plain]
    assert sum(a != b for a, b in zip(changed, plain, strict=True)) > len(plain) / 4


def test_every_equivalent_lettering_is_drawn_equally_often() -> None:
    """La on a of group 221 can be on b as well; Cs2 on e of 225 and so on follow one of two letterings."""
    one = Materials.of_labels([Protostructure(225, [("Cs", "a"), ("O", "b"), ("F", "c")]).label], 100, None)
    batch = make_batch(one, np.zeros(4000, dtype=np.int64), 100, np.random.default_rng(3))
    seen, counts = np.unique([repr(record) for record in unpack(batch)], return_counts=True)
    assert len(seen) == len(layout(225).letterings) == 2
    assert abs(counts[0] - 2000) < 4 * np.sqrt(1000)


def test_the_order_of_an_epoch_is_a_permutation_that_depends_on_seed_and_epoch() -> None:
    first = epoch_order(1000, 0, 0).copy()
    assert sorted(first) == list(range(1000))
    assert not np.array_equal(first, epoch_order(1000, 0, 1))
    assert not np.array_equal(first, epoch_order(1000, 1, 0))
    np.testing.assert_array_equal(first, epoch_order(1000, 0, 0))


def test_batches_of_an_epoch_cover_every_material_once() -> None:
    assert [row for rows in splits(10, 4) for row in range(10)[rows]] == list(range(10))


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_the_parts_of_the_processes_are_the_batch(materials: Materials, processes: int) -> None:
    batch = make_batch(materials, np.arange(50), 100)
    whole = unpack(batch)
    for rank in range(processes):
        own, chosen = part(batch, rank, processes)
        assert chosen.tolist() == list(range(rank, 50, processes))
        assert unpack(own) == [whole[k] for k in chosen.tolist()]
        expected = make_batch(materials, np.array([0]), 100)  # the same fields, rebuilt from the records
        assert own.positions.__slots__ == expected.positions.__slots__
        assert own.variables.tolist() == batch.variables[chosen].tolist()
        n = [len(layout(record.spacegroup)) for record in unpack(own)]
        assert own.positions.sizes == tuple((n.count(k), k) for k in sorted(set(n)))


@pytest.mark.parametrize("prior", list(Prior))
def test_noise_keeps_x_0_at_the_first_step_and_forgets_it_at_the_last(materials: Materials, prior: Prior) -> None:
    counts = materials.variable_counts(100, 36)
    noise = Noise.of(prior, SMALL, (torch.from_numpy(counts[0]), torch.from_numpy(counts[1].sum(0))))
    batch = make_batch(materials, np.arange(len(materials)), 100)
    generator = torch.Generator().manual_seed(0)
    occupied = batch.zinf > 0
    early = noise.apply(batch, torch.ones(len(batch), dtype=torch.int64), generator)
    late = noise.apply(batch, torch.full((len(batch),), 50), generator)
    assert (early.zinf[occupied] == batch.zinf[occupied]).float().mean() > 0.95
    kept = (late.zinf[occupied] == batch.zinf[occupied]).float().mean()
    assert kept < 0.1
    if prior is Prior.ZEROS:
        assert not late.zinf.any() or kept > 0  # only what is kept is not zero
        assert ((early.zinf == 0) | (early.zinf == batch.zinf)).all()


def test_times_are_uniform_from_1_to_t(materials: Materials) -> None:
    noise = Noise.of(Prior.ZEROS, replace(SMALL, timesteps=4))
    batch = make_batch(materials, np.zeros(8000, dtype=np.int64), 100)
    counts = torch.bincount(noise.times(batch, torch.Generator().manual_seed(0)), minlength=5)
    assert counts[0] == 0
    assert (counts[1:] - 2000).abs().max() < 5 * np.sqrt(1500)
