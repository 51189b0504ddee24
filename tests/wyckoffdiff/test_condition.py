"""What a user may ask of every sample, and how it is written."""

import numpy as np
import pytest

from crystalbench import ConfigError
from wyckoffdiff.condition import Condition
from wyckoffdiff.encoding import Record
from wyckoffdiff.layout import layout

LI, OX, F = 3, 8, 9


def test_space_groups_are_numbers_and_ranges() -> None:
    assert Condition.parse(spacegroups="225, 3-5,4").spacegroups == (3, 4, 5, 225)


def test_elements_are_symbols_in_any_order() -> None:
    condition = Condition.parse(elements="F,Li O", required="O")
    assert condition.elements == (LI, OX, F)
    assert condition.required == (OX,)


def test_given_positions_hold_exactly_what_is_said() -> None:
    condition = Condition.parse(spacegroups="62", given="a=Li c=2O+F b=")
    z0, zinf = condition.known(62, n_elements=10)
    shape = layout(62)
    assert z0[shape.slot[shape.letters.index("a")]] == LI
    assert z0[shape.slot[shape.letters.index("b")]] == 0
    c = zinf[shape.slot[shape.letters.index("c")]]
    assert (c[OX - 1], c[F - 1], c.sum()) == (2, 1, 3)
    assert (zinf[shape.slot[shape.letters.index("d")]] == -1).all()  # open: to be completed


def test_excluded_elements_are_known_to_be_absent_and_the_rest_is_open() -> None:
    condition = Condition.parse(elements="Li,O")
    _, zinf = condition.known(1, n_elements=10)
    assert np.flatnonzero(zinf[0] == -1).tolist() == [LI - 1, OX - 1]
    assert np.flatnonzero(condition.allowed(10)).tolist() == [0, LI, OX]


def test_without_a_condition_everything_is_open() -> None:
    z0, zinf = Condition().known(225, n_elements=10)
    assert (z0 == -1).all()
    assert (zinf == -1).all()
    assert Condition().allowed(10).all()
    assert Condition().accepts(Record(225, ()))


def test_required_elements_may_be_on_any_position() -> None:
    condition = Condition.parse(required="Li,O")
    assert condition.accepts(Record(62, ((0, LI, 1), (2, OX, 2))))
    assert not condition.accepts(Record(62, ((0, LI, 1),)))


def test_space_groups_keep_their_training_frequencies_among_those_allowed() -> None:
    counts = np.zeros(231, dtype=np.int64)
    counts[[2, 62, 225]] = 1, 3, 6
    assert Condition().spacegroup_weights(counts)[[2, 62, 225]].tolist() == [0.1, 0.3, 0.6]
    assert Condition.parse(spacegroups="2,62").spacegroup_weights(counts)[[2, 62, 225]].tolist() == [0.25, 0.75, 0.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ({"spacegroups": "231"}, "'231' is not within 1 to 230"),
        ({"spacegroups": "9-3"}, "'9-3' is not within"),
        ({"spacegroups": "Fm-3m"}, "'Fm-3m' is no number"),
        ({"elements": "Lii"}, "did you mean 'Li'"),
        ({"required": "X"}, "required: unknown element 'X'"),
        ({"given": "a=Li"}, "needs exactly one space group"),
        ({"spacegroups": "2,3", "given": "a=Li"}, "needs exactly one space group"),
        ({"spacegroups": "225", "given": "z=Li"}, "has the letters a to l"),
        ({"spacegroups": "225", "given": "a"}, "is not letter=atoms"),
        ({"spacegroups": "225", "given": "a=li"}, "'li' in 'a=li' is not an element"),
        ({"spacegroups": "225", "given": "a=Li a=Na"}, "position a twice"),
        ({"spacegroups": "225", "given": "a=2Li"}, "holds one orbit only"),
        ({"spacegroups": "225", "given": "a=Li+Na"}, "holds one orbit only"),
        ({"elements": "Li", "required": "O"}, "O: required or given, but not among the allowed elements"),
        ({"elements": "Li", "spacegroups": "225", "given": "a=O"}, "O: required or given"),
    ],
)
def test_a_condition_that_makes_no_sense_is_refused_with_its_place(text: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Condition.parse(**text)


def test_orbits_of_one_element_written_twice_add_up() -> None:
    assert Condition.parse(spacegroups="1", given="a=O+2O").given == ((0, ((OX, 3),)),)
