"""The card's tables of what a model draws, counted by hand."""

from crystalbench import Protostructure, Split
from wyckoffdiff.marginals import marginals

ROCKSALT, PEROVSKITE, RUTILE = "AB_cF8_225_a_b:Cl-Na", "AB3C_cP5_221_a_c_b:Ba-O-Ti", "A2B_tP6_136_f_a:O-Ti"


def split(*labels: str) -> Split:
    crystals = [Protostructure.parse(label) for label in labels]
    return Split(tuple(crystal.label for crystal in crystals), tuple(crystal.prototype for crystal in crystals))


def rows(text: str) -> dict[str, list[str]]:
    return {
        line.split("|")[1].strip(): [x.strip() for x in line.split("|")[2:-1]] for line in text.splitlines() if line
    }


def test_shares_distances_and_new_prototypes_are_those_counted_by_hand() -> None:
    train, held = split(ROCKSALT, ROCKSALT, PEROVSKITE, ROCKSALT), split(ROCKSALT, PEROVSKITE, ROCKSALT, ROCKSALT)
    samples = [Protostructure.parse(label) for label in (ROCKSALT, RUTILE, RUTILE, PEROVSKITE)]
    found = rows(marginals(samples, train, held))
    assert found["2 elements, %"] == ["75.0", "75.0", "75.0"]
    assert found["3 elements, %"] == ["25.0", "25.0", "25.0"]
    assert found["total variation: number of elements"] == ["", "0.000", "0.000"]
    assert found["total variation: anonymous formula"] == ["", "0.000", "0.500"]
    assert found["total variation: prototype"] == ["", "0.000", "0.500"]
    assert found["all"] == ["4", "50.0"]
    assert (found["tetragonal"], found["cubic"]) == (["2", "100.0"], ["2", "0.0"])
    assert (found["2 orbits"], found["3 orbits"], found["trigonal"]) == (["3", "66.7"], ["1", "0.0"], ["0", "–"])


def test_a_dataset_without_held_out_rows_has_no_column_for_them() -> None:
    found = rows(marginals([Protostructure.parse(RUTILE)], split(RUTILE), None))
    assert found["2 elements, %"] == ["100.0", "100.0"]
