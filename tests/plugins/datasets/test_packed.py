"""The packed file gives back exactly what went in, and a damaged one is an error that names it."""

import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crystalbench import DatasetError, Protostructure
from crystalbench.crystals import wyckoff
from crystalbench.crystals.protostructure import ELEMENTS
from crystalbench.crystals.wyckoff import Table
from crystalbench_plugins.datasets.packed import ENERGY_UNIT, Packed, pack
from crystalbench_plugins.datasets.rows import Rejected, Rows, grouped_split, read_labels, write_ledger

SALT = Protostructure(225, [("Na", "a"), ("Cl", "b")], Table.AVIARY)


@st.composite
def protostructures(draw: st.DrawFn) -> Protostructure:
    """Any legal protostructure of up to six orbits under the finest table."""
    spacegroup = draw(st.integers(1, 230))
    known = wyckoff.by_letter(spacegroup)
    letters = draw(st.lists(st.sampled_from(sorted(known)), min_size=1, max_size=6))
    legal = [x for i, x in enumerate(letters) if known[x].dof or x not in letters[:i]]
    elements = draw(st.lists(st.sampled_from(ELEMENTS), min_size=len(legal), max_size=len(legal)))
    return Protostructure(spacegroup, zip(elements, legal, strict=True), Table.AVIARY)


def packed(tmp_path: Path, **splits: Rows) -> Packed:
    path = tmp_path / "set.npz"
    pack(splits, {}, path)
    return Packed("set", path, "make it again")


@settings(deadline=None, max_examples=50)
@given(st.lists(protostructures(), min_size=1, max_size=20), st.data())
def test_packing_is_exact_under_every_table(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Protostructure], data: st.DataObject
) -> None:
    n = len(rows)
    energies = np.array(data.draw(st.lists(st.floats(-10, 10) | st.just(np.nan), min_size=n, max_size=n)))
    ids = data.draw(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1),
                             min_size=n, max_size=n))  # fmt: skip
    one = packed(tmp_path_factory.mktemp("packed"), train=Rows.of(rows, energies, ids))
    for table in Table:
        split = one.split("train", table)
        same = [Protostructure.parse(row.label, table) for row in rows]
        assert split.labels == tuple(row.label for row in same)
        assert split.prototypes == tuple(row.prototype for row in same)
        assert split.energies is not None
        np.testing.assert_allclose(split.energies, energies, rtol=0, atol=ENERGY_UNIT / 2 + 1e-6)
        assert [split.protostructure(i).label for i in range(n)] == [row.label for row in same]
    assert one.ids("train") == tuple(ids)


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    rows = Rows.of([SALT, SALT], np.array([1.0, np.nan]), ["a", "b"])
    for name in ("one", "two"):
        pack({"train": rows}, {"sources": {"x": "y"}}, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_the_file_opens_with_numpy_alone(tmp_path: Path) -> None:
    one = packed(tmp_path, train=Rows.of([SALT]))
    with np.load(one.path, allow_pickle=False) as archive:
        assert archive["train.elements"].tolist() == [[17], [11]]
        assert archive["aflow"][archive["train.aflow"]].tolist() == [b"AB_cF8_225_a_b"]
        assert json.loads(archive["about.json"])["splits"]["train"]["rows"] == 1


def test_without_energies_and_identifiers_there_are_none(tmp_path: Path) -> None:
    one = packed(tmp_path, train=Rows.of([SALT]))
    assert one.split("train").energies is None
    assert one.ids("train") == ()


def test_counts_are_of_distinct_things(tmp_path: Path) -> None:
    iodide = Protostructure(225, [("K", "a"), ("I", "b")], Table.AVIARY)
    one = packed(tmp_path, train=Rows.of([SALT, SALT, iodide], np.array([1.0, np.nan, 2.0])))
    assert one.about["splits"]["train"] == {
        "rows": 3, "protostructures": 2, "prototypes": 1, "space groups": 1, "elements": 4, "with energy": 2,
    }  # fmt: skip


def test_a_finer_table_than_that_of_the_labels_is_refused(tmp_path: Path) -> None:
    one = packed(tmp_path, train=Rows.of([SALT], table=Table.PYMATGEN))
    assert len(one.split("train", Table.AFFINE)) == len(one.split("train", Table.PYMATGEN)) == 1
    with pytest.raises(DatasetError, match=r"aviary-1\.1\.1.*use one of pymatgen, affine"):
        one.split("train", Table.AVIARY)


def test_an_unknown_split_is_named_with_the_known_ones(tmp_path: Path) -> None:
    one = packed(tmp_path, val=Rows.of([SALT]))
    for call in (one.split, one.ids):
        with pytest.raises(DatasetError, match="no split 'train'; its splits: val"):
            call("train")


def test_an_absent_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"there is no file .*gone\.npz; make it again"):
        Packed("set", tmp_path / "gone.npz", "make it again").split("train")


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_an_error(tmp_path: Path, keep: float) -> None:
    one = packed(tmp_path, train=Rows.of([SALT] * 50, np.linspace(0, 1, 50)))
    content = one.path.read_bytes()
    one.path.write_bytes(content[: int(keep * len(content))])
    with pytest.raises(DatasetError, match=r"cannot read .*set\.npz.*make it again"):
        Packed("set", one.path, "make it again").split("train")


def test_flipped_bytes_are_an_error(tmp_path: Path) -> None:
    one = packed(tmp_path, train=Rows.of([SALT] * 50, np.linspace(0, 1, 50)))
    with zipfile.ZipFile(one.path) as archive:
        place = archive.getinfo("train.energies.npy").header_offset + 60
    content = bytearray(one.path.read_bytes())
    content[place] ^= 0xFF
    one.path.write_bytes(content)
    with pytest.raises(DatasetError, match="cannot read"):
        Packed("set", one.path, "make it again").split("train")


def rewritten(one: Packed, **members: bytes) -> Packed:
    """Replace or remove (empty) members of a packed file."""
    with zipfile.ZipFile(one.path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    target = one.path.with_name("rewritten.npz")
    with zipfile.ZipFile(target, "w") as archive:
        for name, member in (content | members).items():
            if member:
                archive.writestr(name, member)
    return Packed("set", target, "make it again")


def npy(tmp_path: Path, array: np.ndarray) -> bytes:
    np.save(tmp_path / "x.npy", array, allow_pickle=True)
    return (tmp_path / "x.npy").read_bytes()


def test_members_that_contradict_each_other_are_an_error(tmp_path: Path) -> None:
    one = packed(tmp_path, train=Rows.of([SALT]))
    outside = npy(tmp_path, np.array([7]))
    for members in ({"train.aflow.npy": outside}, {"train.elements.npy": b""}, {"affine.prototype.npy": outside}):
        with pytest.raises(DatasetError, match="damaged"):
            rewritten(one, **members).split("train")


def test_a_pickle_in_the_file_is_not_run(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "ran",))

    bomb = npy(tmp_path, np.array([Bomb()], dtype=object))
    assert pickle.dumps(Bomb())[:1] == b"\x80"
    one = rewritten(packed(tmp_path, train=Rows.of([SALT])), **{"train.aflow.npy": bomb})
    with pytest.raises(DatasetError, match="allow_pickle"):
        one.split("train")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("about", [b"[]", b"{", b'{"format": 1}', b""])
def test_a_file_that_is_no_dataset_is_an_error(tmp_path: Path, about: bytes) -> None:
    one = rewritten(packed(tmp_path, train=Rows.of([SALT])), **{"about.json": about})
    with pytest.raises(DatasetError, match="is no packed dataset; make it again"):
        one.split("train")


def test_labels_of_another_letter_table_are_not_served(tmp_path: Path) -> None:
    one = packed(tmp_path, train=Rows.of([SALT]))
    about = dict(one.about) | {"letter_table": "0-other"}
    with pytest.raises(DatasetError, match=r"0-other.*make it again"):
        rewritten(one, **{"about.json": json.dumps(about).encode()}).split("train")


def test_a_split_keeps_groups_together_and_reaches_the_wanted_sizes() -> None:
    groups = [f"g{i % 700}" for i in range(1000)]
    splits = grouped_split(groups, {"val": 100, "test": 100}, seed=0)
    assert {name: len(rows) for name, rows in splits.items()} == {"train": 800, "val": 100, "test": 100}
    assert sorted(row for rows in splits.values() for row in rows) == list(range(1000))
    members = {name: {groups[row] for row in rows} for name, rows in splits.items()}
    assert not members["train"] & members["val"] | members["train"] & members["test"] | members["val"] & members["test"]


def test_a_split_depends_on_the_seed_and_not_on_the_order_of_the_rows() -> None:
    groups = [f"g{i}" for i in range(100)]
    first = grouped_split(groups, {"test": 10}, seed=0)["test"]
    assert grouped_split(groups, {"test": 10}, seed=1)["test"] != first
    backwards = grouped_split(groups[::-1], {"test": 10}, seed=0)["test"]
    assert {groups[::-1][row] for row in backwards} == {groups[row] for row in first}


def test_a_group_larger_than_the_held_out_share_goes_to_train() -> None:
    assert grouped_split(["a"] * 20, {"test": 10}, seed=0) == {"train": list(range(20)), "test": []}


def test_bad_labels_are_kept_with_place_and_reason(tmp_path: Path) -> None:
    labels = ["AB_cF8_225_a_b:Cl-Na", "A_cP1_221_b_b:Po", " AB_cF8_225_b_a:Cl-Na\n"]
    good, structures, rejected = read_labels(labels, ["f row 2", "f row 3", "f row 4"], Table.AFFINE)
    assert good == [0, 2]
    assert structures[0] == structures[1]
    assert [(row.place, row.text) for row in rejected] == [("f row 3", "A_cP1_221_b_b:Po")]
    assert "not a protostructure label" in rejected[0].reason
    write_ledger([*rejected, Rejected("x", 'quote " and,\ncomma', "why")], tmp_path / "rejected.csv")
    lines = (tmp_path / "rejected.csv").read_text().splitlines()
    assert lines[0] == "place,text,reason"
    assert lines[2] == 'x,"quote "" and, comma",why'
