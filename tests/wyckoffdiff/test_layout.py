"""Layouts hold what `crystalbench.crystals.wyckoff` says of each space group."""

import numpy as np
import pytest

from crystalbench import ProtostructureError
from crystalbench.crystals import wyckoff
from wyckoffdiff.layout import layout, stacked

GROUPS = range(1, 231)


def test_all_groups_together_have_the_known_numbers_of_positions() -> None:
    """1,731 positions, 616 of them constrained, at most 27 and 8; 85 groups have no constrained one."""
    n0 = [len(layout(s).constrained) for s in GROUPS]
    n = [len(layout(s)) for s in GROUPS]
    assert (sum(n), sum(n0), max(n), max(n0), n0.count(0)) == (1731, 616, 27, 8, 85)
    assert n[47 - 1] == 27


def test_positions_stand_in_letter_order_with_their_dof_and_multiplicity() -> None:
    for s in GROUPS:
        shape = layout(s)
        rows = list(zip(shape.letters, shape.multiplicity.tolist(), shape.dof.tolist(), strict=True))
        assert rows == [(p.letter, p.multiplicity, p.dof) for p in wyckoff.positions(s)]


def test_constrained_and_unconstrained_positions_partition_the_positions() -> None:
    for s in GROUPS:
        shape = layout(s)
        assert sorted([*shape.constrained, *shape.unconstrained]) == list(range(len(shape)))
        assert (shape.dof[shape.constrained] == 0).all()
        assert (shape.dof[shape.unconstrained] > 0).all()
        for part in (shape.constrained, shape.unconstrained):
            assert shape.slot[part].tolist() == list(range(len(part)))


def test_letterings_permute_positions_of_one_kind() -> None:
    for s in GROUPS:
        shape = layout(s)
        assert shape.letterings[0].tolist() == list(range(len(shape)))
        for lettering in shape.letterings:
            assert sorted(lettering) == list(range(len(shape)))
            np.testing.assert_array_equal(shape.dof[lettering], shape.dof)
            np.testing.assert_array_equal(shape.multiplicity[lettering], shape.multiplicity)


def test_rutile_by_hand() -> None:
    shape = layout(136)  # P4_2/mnm: a and b (2, fixed), c (4, fixed), d (4, fixed), e, f, g (4), h (8), ...
    assert shape.letters == "abcdefghijk"
    assert shape.constrained.tolist() == [0, 1, 2, 3]
    assert shape.multiplicity.tolist() == [2, 2, 4, 4, 4, 4, 4, 8, 8, 8, 16]
    assert [1, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10] in shape.letterings.tolist()  # the origin moved by c/2


def test_stacked_layouts_repeat_each_group() -> None:
    every = stacked()
    for s in GROUPS:
        shape = layout(s)
        rows = slice(every.first[s], every.first[s] + every.size[s])
        assert (every.n0[s], every.ninf[s]) == (len(shape.constrained), len(shape.unconstrained))
        for name in ("dof", "multiplicity", "slot"):
            np.testing.assert_array_equal(getattr(every, name)[rows], getattr(shape, name))
        np.testing.assert_array_equal(every.letter[rows], np.arange(len(shape)))
        maps = every.letterings[every.first_lettering[s] : every.first_lettering[s] + every.n_letterings[s]]
        np.testing.assert_array_equal(maps[:, : len(shape)], shape.letterings)


def test_a_group_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ProtostructureError, match="231"):
        layout(231)
