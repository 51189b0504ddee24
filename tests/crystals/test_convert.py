import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from crystalbench.crystals.convert import Backend, ConversionSettings, Converter, convert
from crystalbench.crystals.protostructure import Protostructure
from crystalbench.crystals.samples import Converted, Invalid, InvalidReason, RawStructure, Sample
from crystalbench.crystals.symmetry import search
from crystalbench.crystals.wyckoff import TABLE_VERSION, Table
from crystalbench.errors import ConfigError, PluginError
from crystalbench.executors import Executors, Lost, Task

SETTINGS = ConversionSettings()
CUBE = 4.0 * np.eye(3)
SALT = RawStructure.of(CUBE, [[0.0, 0.0, 0.0], [0.5, 0.5, 0.5]], [55, 17])
SALT_LABEL = "AB_cP2_221_a_b:Cl-Cs"


def assorted(n: int, seed: int = 0) -> list[Sample]:
    """Structures with and without symmetry, invalid ones, and samples that are converted already."""
    rng = np.random.default_rng(seed)
    samples: list[Sample] = []
    for k in range(n):
        match k % 5:
            case 0:
                samples.append(
                    RawStructure.of((3.5 + rng.random()) * np.eye(3), SALT.frac_coords, rng.choice(90, 2) + 1)
                )
            case 1:
                size = int(rng.integers(1, 30))
                samples.append(RawStructure.of(12 * np.eye(3), rng.random((size, 3)), rng.integers(1, 9, size)))
            case 2:
                samples.append(RawStructure.of(CUBE, [[0.0, 0.0, 0.0], [0.5, np.nan, 0.5]], [1, 1]))
            case 3:
                samples.append(Protostructure(221, [("Cs", "a"), ("Cl", "b")]))
            case _:
                samples.append(Invalid(InvalidReason.UNREADABLE, f"record {k}"))
    return samples


def converted(samples: list[Sample], workers: int = 1, settings: ConversionSettings = SETTINGS) -> list[Converted]:
    with Converter(settings, Executors(workers=workers)) as converter:
        return converter.convert(samples)


# --- settings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"symprec": 0},
        {"symprec": float("nan")},
        {"symprec": 2.0},
        {"angle_tolerance": 0},
        {"angle_tolerance": 45.0},
        {"min_distance": -0.1},
        {"max_atoms": 0},
        {"timeout": 0},
        {"timeout": float("inf")},
        {"backend": "spglibb"},
        {"table": "affin"},
    ],
)
def test_settings_without_sense_are_refused_by_name(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=str(next(iter(wrong.values())))):
        ConversionSettings(**wrong)  # type: ignore[arg-type]


def test_settings_take_names_from_configuration_files() -> None:
    settings = ConversionSettings(backend="moyo", table="pymatgen")  # type: ignore[arg-type]
    assert settings.backend is Backend.MOYO
    assert settings.table is Table.PYMATGEN


@pytest.mark.parametrize(
    "other",
    [
        {"backend": Backend.MOYO},
        {"symprec": 0.01},
        {"angle_tolerance": -1.0},
        {"table": Table.PYMATGEN},
        {"min_distance": 0.0},
        {"max_atoms": 50},
    ],
)
def test_what_changes_results_changes_the_identity(other: dict[str, object]) -> None:
    assert ConversionSettings(**other).identity() != SETTINGS.identity()  # type: ignore[arg-type]


def test_the_identity_holds_versions_and_leaves_out_what_changes_nothing() -> None:
    identity = SETTINGS.identity()
    assert identity["backend_version"] == Backend.SPGLIB.version
    assert identity["table_version"] == TABLE_VERSION
    assert json.loads(json.dumps(identity)) == identity
    assert ConversionSettings(timeout=1.0).identity() == identity
    moyo = [ConversionSettings(backend=Backend.MOYO, angle_tolerance=a).identity() for a in (1.0, 5.0)]
    assert moyo[0] == moyo[1]


# --- one structure ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", Backend)
def test_a_structure_becomes_a_protostructure(backend: Backend) -> None:
    found = convert(SALT, ConversionSettings(backend=backend))
    assert isinstance(found, Protostructure)
    assert found.label == SALT_LABEL


def test_the_screen_comes_first() -> None:
    found = convert(RawStructure.of(np.nan * CUBE, SALT.frac_coords, SALT.numbers), SETTINGS)
    assert isinstance(found, Invalid)
    assert found.reason is InvalidReason.NON_FINITE


def test_the_smallest_distance_is_a_parameter() -> None:
    close = RawStructure.of(CUBE, [[0.0, 0.0, 0.0], [0.0, 0.0, 0.1]], [1, 8])
    assert isinstance(convert(close, SETTINGS), Invalid)
    assert isinstance(convert(close, ConversionSettings(min_distance=0.3)), Protostructure)


def test_the_letter_table_is_a_parameter() -> None:
    # Two atoms of group 2 on inversion centres that only the affine normaliser maps on a and b.
    lattice = [[4.1, 0, 0], [0.7, 5.2, 0], [1.1, -0.8, 6.3]]
    structure = RawStructure.of(lattice, [[0.0, 0.0, 0.0], [0.5, 0.5, 0.0]], [11, 17])
    exact = convert(structure, SETTINGS)
    euclidean = convert(structure, ConversionSettings(table=Table.PYMATGEN))
    assert isinstance(exact, Protostructure)
    assert isinstance(euclidean, Protostructure)
    assert exact.label == "AB_aP2_2_a_b:Cl-Na"
    assert exact == Protostructure(2, [("Na", "a"), ("Cl", "e")])
    assert euclidean.label != exact.label


# --- many structures ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", Backend)
def test_results_depend_neither_on_workers_nor_on_order(backend: Backend) -> None:
    settings = ConversionSettings(backend=backend)
    samples = assorted(300)
    expected = [convert(s, settings) if isinstance(s, RawStructure) else s for s in samples]
    assert {type(item) for item in expected} == {Protostructure, Invalid}
    assert converted(samples, 1, settings) == expected
    order = np.random.default_rng(1).permutation(len(samples)).tolist()
    shuffled = converted([samples[i] for i in order], 3, settings)
    assert repr(shuffled) == repr([expected[i] for i in order])


def test_what_is_converted_already_is_passed_through() -> None:
    samples: list[Sample] = [Protostructure(221, [("Cs", "a")]), SALT, Invalid(InvalidReason.EMPTY, "none")]
    found = converted(samples)
    assert found[0] is samples[0]
    assert found[2] is samples[2]
    assert str(found[1]) == SALT_LABEL


def test_protostructures_of_another_table_keep_it() -> None:
    settings = ConversionSettings(table=Table.AVIARY)
    (found,) = converted([SALT], settings=settings)
    assert isinstance(found, Protostructure)
    assert found.table is Table.AVIARY


def test_nothing_converts_to_nothing() -> None:
    assert converted([]) == []


def test_progress_counts_every_sample_once() -> None:
    done: list[int] = []
    samples = assorted(200)
    with Converter(SETTINGS, Executors(workers=2)) as converter:
        converter.convert(samples, done.append)
    assert sum(done) == len(samples)


def test_a_converter_can_be_used_again() -> None:
    with Converter(SETTINGS) as converter:
        assert converter.convert([SALT]) == converter.convert([SALT])


def test_a_structure_that_never_ends_becomes_a_timeout_and_costs_nobody_else() -> None:
    # The distances and the symmetry of 27,000 atoms take minutes.
    steps = np.arange(30) / 30
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    giant = RawStructure.of(90 * np.eye(3), grid, np.full(len(grid), 29))
    settings = ConversionSettings(max_atoms=10**5, timeout=1.5)
    before, found, after = converted([SALT, giant, SALT], 2, settings)
    assert found == Invalid(InvalidReason.TIMEOUT, "no answer within 1.5 s")
    assert str(before) == str(after) == SALT_LABEL


def test_a_structure_that_breaks_the_code_becomes_a_crash_and_costs_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "crystalbench.crystals.convert.fault", lambda sample: ""
    )  # what no check of how samples are made has foreseen
    numbers = np.array([11.5, 17.0])
    broken = RawStructure(CUBE, SALT.frac_coords, numbers)
    before, found, after = converted([SALT, broken, SALT], 1)
    assert isinstance(found, Invalid)
    assert found.reason is InvalidReason.CRASH
    assert "Error" in found.detail
    assert str(before) == str(after) == SALT_LABEL


def test_arrays_that_do_not_fit_together_name_their_sample() -> None:
    unfit = RawStructure(CUBE, SALT.frac_coords[:1], SALT.numbers)
    with pytest.raises(PluginError, match="sample 1"):
        converted([SALT, unfit])


def search_unscreened(structures: list[RawStructure]) -> list[str]:
    return [type(search(structure, Backend.SPGLIB, 0.1, 5.0)).__name__ for structure in structures]


def test_without_the_screen_spglib_dies_of_nan_and_takes_only_its_own_worker() -> None:
    nan = RawStructure.of(CUBE, [[0.0, 0.0, 0.0], [0.5, np.nan, 0.5]], [55, 17])
    items = {0: SALT, 1: nan, 2: SALT}
    with Executors().start(Task(function=search_unscreened, pack=list, timeout=60)) as pool:
        found = pool.run(items, [[0, 1, 2]])
    assert found[0] == found[2] == "Symmetry"
    assert isinstance(found[1], Lost)
    assert "SIG" in found[1].detail


# --- crystals with known labels -----------------------------------------------------------------------------------

REFUSED = {
    "invalid: nan_coords": InvalidReason.NON_FINITE,
    "invalid: nan_lattice": InvalidReason.NON_FINITE,
    "invalid: inf_length": InvalidReason.NON_FINITE,
    "invalid: negative_length": InvalidReason.NON_POSITIVE_LATTICE,
    "invalid: impossible_angles": InvalidReason.IMPOSSIBLE_ANGLES,
    "invalid: tiny_length": InvalidReason.TINY_CELL,
    "invalid: overlapping_atoms": InvalidReason.OVERLAPPING_ATOMS,
}


def crystals_of_cdvae_file(path: Path) -> list[RawStructure | Invalid]:
    import torch

    with torch.serialization.safe_globals([argparse.Namespace]):
        data = torch.load(path, weights_only=True)
    take: Callable[[str], NDArray[np.generic]] = lambda key: data[key][0].numpy()  # noqa: E731
    ends = np.cumsum(take("num_atoms"))
    parts = (np.split(take(key), ends[:-1]) for key in ("frac_coords", "atom_types"))
    rows = zip(take("lengths"), take("angles"), *parts, strict=True)
    return [RawStructure.from_parameters(*row) for row in rows]


def test_crystals_through_cdvaes_own_file_keep_their_label_or_are_refused_for_what_is_wrong(shared: Path) -> None:
    folder = shared / "generator_outputs" / "cdvae"
    known = json.loads((folder / "expected.json").read_text())["eval_gen_known.pt"]["crystals"]
    samples = crystals_of_cdvae_file(folder / "eval_gen_known.pt")
    assert len(samples) == len(known) == 122
    found = converted(list(samples), settings=ConversionSettings(table=Table.PYMATGEN))
    different = {}
    for row, item in zip(known.values(), found, strict=True):
        wanted = row["protostructure"]
        got = item.reason if isinstance(item, Invalid) else item.label
        if got != REFUSED.get(wanted, wanted):
            different[wanted] = got
    assert different == {"A_mC8_15_2f:C": "A_mC8_15_f:C"}  # 16 sites for 8 atoms: the known slip of pymatgen
