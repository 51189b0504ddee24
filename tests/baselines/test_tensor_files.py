"""Files of the layout that CDVAE introduced: what was written is read, and contradictions are refused."""

import argparse
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crystalbench import ConfigError, Invalid, InvalidReason, RawStructure, ReadError, Sample
from crystalbench_baselines import _tensors

from .conftest import READERS, detected

Content = dict[str, Any]


def flat(sizes: list[int], seed: int = 0) -> Content:
    """Return the tensors of random crystals of the given sizes, as DiffCSP++ writes them."""
    rng = np.random.default_rng(seed)
    atoms, crystals = sum(sizes), len(sizes)
    return {
        "eval_setting": argparse.Namespace(model_path="x", label="", seed=9999, tasks=["gen"]),
        "frac_coords": torch.tensor(rng.random((atoms, 3)), dtype=torch.float32),
        "num_atoms": torch.tensor(sizes, dtype=torch.int64),
        "atom_types": torch.tensor(rng.integers(1, 95, atoms)),
        "lengths": torch.tensor(rng.uniform(2, 12, (crystals, 3)), dtype=torch.float32),
        "angles": torch.tensor(rng.uniform(75, 105, (crystals, 3)), dtype=torch.float32),
    }


def one_hot(classes: int) -> Callable[[Content], Content]:
    def change(content: Content) -> Content:
        types = torch.nn.functional.one_hot(content["atom_types"] - 1, classes).float()
        return {**content, "atom_types": types}

    return change


def cdvae(content: Content) -> Content:
    """Put a leading axis of two evaluations, the second with other coordinates and types."""
    first = {key: value for key, value in content.items() if isinstance(value, torch.Tensor)}
    second = {**first, "frac_coords": 1 - first["frac_coords"], "atom_types": first["atom_types"].flip(0)}
    both = {key: torch.stack([first[key], second[key]]) for key in first}
    return {"eval_setting": content["eval_setting"], **both, "all_frac_coords_stack": [], "time": 1.5}


def bits(content: Content) -> Content:
    digits = (content["atom_types"][:, None] - 1) >> torch.arange(7) & 1
    return {**content, "atom_types": digits * 1.7 - 0.8}


def runs(content: Content) -> Content:
    """Make a list for each key, as FlowMM's consolidated file."""
    listed = {key: [value] for key, value in bits(content).items() if isinstance(value, torch.Tensor)}
    return {**listed, "eval_setting": None}


def symmcd(content: Content) -> Content:
    atoms = len(content["atom_types"])
    return {
        **one_hot(94)(content),
        "frac_coords": content["frac_coords"].double(),
        "spacegroups": torch.ones(len(content["num_atoms"]), dtype=torch.int64),
        "site_symmetries": torch.zeros(atoms, 15, 13),
    }


LAYOUTS: dict[str, tuple[str, Callable[[Content], Content]]] = {
    "cdvae": ("cdvae", cdvae),
    "diffcsp++": ("diffcsp++", lambda content: content),
    "diffcsp": ("diffcsp", one_hot(100)),
    "symmcd": ("symmcd", symmcd),
    "symmcd with mask": ("symmcd", one_hot(95)),
    "flowmm": ("flowmm", runs),
    "flowmm for DFT": ("flowmm", bits),
}


def save(content: object, folder: Path) -> Path:
    path = folder / "samples.pt"
    torch.save(content, path)
    return path


def read(path: Path, **parameters: int) -> list[Sample]:
    return list(_tensors.read(path, parameters))


def same(sample: Sample, content: Content, crystal: int) -> bool:
    """Return whether the sample is this crystal of flat tensors."""
    ends = content["num_atoms"].cumsum(0)
    atoms = slice(int(ends[crystal] - content["num_atoms"][crystal]), int(ends[crystal]))
    wanted = RawStructure.from_parameters(
        content["lengths"][crystal].numpy(),
        content["angles"][crystal].numpy(),
        content["frac_coords"][atoms].numpy(),
        content["atom_types"][atoms].numpy(),
    )
    assert isinstance(wanted, RawStructure)
    return isinstance(sample, RawStructure) and sample.digest() == wanted.digest()


@pytest.mark.parametrize("layout", LAYOUTS)
@given(sizes=st.lists(st.integers(0, 7), min_size=1, max_size=6), seed=st.integers(0, 99))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_was_written_is_read(layout: str, tmp_path: Path, sizes: list[int], seed: int) -> None:
    content = flat(sizes, seed)
    reader, change = LAYOUTS[layout]
    path = save(change(content), tmp_path)
    samples = read(path)
    assert len(samples) == len(sizes)
    assert all(same(sample, content, i) for i, sample in enumerate(samples))
    _tensors._layout.cache_clear()
    assert detected(path) == [reader]


@pytest.mark.parametrize("reader", ["cdvae", "diffcsp", "diffcsp++", "symmcd", "flowmm"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_named_reader_takes_every_layout_of_the_family(layout: str, reader: str, tmp_path: Path) -> None:
    content = flat([2, 3])
    path = save(LAYOUTS[layout][1](content), tmp_path)
    assert same(list(READERS[reader].read(path, {}))[1], content, 1)


def test_the_second_evaluation_is_read_when_asked_for(tmp_path: Path) -> None:
    content = flat([1, 4, 2])
    path = save(cdvae(content), tmp_path)
    second = {
        **content,
        "frac_coords": 1 - content["frac_coords"],
        "atom_types": content["atom_types"].flip(0),
    }
    assert all(same(sample, second, i) for i, sample in enumerate(read(path, evaluation=1)))


@pytest.mark.parametrize("evaluation", [2, -1])
def test_an_evaluation_that_is_not_there_is_an_error(tmp_path: Path, evaluation: int) -> None:
    with pytest.raises(ConfigError, match=r"evaluation = -?\d, but .* holds 2"):
        read(save(cdvae(flat([1])), tmp_path), evaluation=evaluation)


def test_views_and_transposed_tensors_are_read(tmp_path: Path) -> None:
    content = flat([2, 3])
    block = torch.zeros(9, 3)
    block[2:7] = content["frac_coords"]
    strange = {
        **content,
        "frac_coords": block[2:7],  # an offset into a larger storage
        "lengths": content["lengths"].T.contiguous().T,  # strides (1, 2)
    }
    assert all(same(sample, content, i) for i, sample in enumerate(read(save(strange, tmp_path))))


def test_a_coordinate_of_exactly_one_is_kept(tmp_path: Path) -> None:
    content = flat([1])
    content["frac_coords"][:] = 1.0
    (sample,) = read(save(content, tmp_path))
    assert isinstance(sample, RawStructure)
    assert sample.frac_coords.tolist() == [[1, 1, 1]]


@pytest.mark.parametrize(
    ("lengths", "angles", "reason"),
    [
        ([-4, 4, 4], [90, 90, 90], InvalidReason.NON_POSITIVE_LATTICE),
        ([0, 4, 4], [90, 90, 90], InvalidReason.NON_POSITIVE_LATTICE),
        ([float("nan"), 4, 4], [90, 90, 90], InvalidReason.NON_FINITE),
        ([4, 4, float("inf")], [90, 90, 90], InvalidReason.NON_FINITE),
        ([4, 4, 4], [90, float("nan"), 90], InvalidReason.NON_FINITE),
        ([4, 4, 4], [90, 90, 180], InvalidReason.IMPOSSIBLE_ANGLES),
        ([4, 4, 4], [170, 20, 95], InvalidReason.IMPOSSIBLE_ANGLES),
    ],
)
def test_an_impossible_cell_costs_one_sample(
    tmp_path: Path, lengths: list[float], angles: list[float], reason: InvalidReason
) -> None:
    content = flat([1, 2, 1])
    content["lengths"][1] = torch.tensor(lengths)
    content["angles"][1] = torch.tensor(angles)
    samples = read(save(content, tmp_path))
    assert isinstance(samples[1], Invalid)
    assert samples[1].reason is reason
    assert same(samples[0], content, 0)
    assert same(samples[2], content, 2)


def test_the_mask_of_symmcd_is_no_element(tmp_path: Path) -> None:
    content = flat([2])
    types = torch.zeros(2, 95)
    types[0, 94] = types[1, 93] = 1
    (sample,) = read(save({**content, "atom_types": types}, tmp_path))
    assert isinstance(sample, RawStructure)
    assert sample.numbers.tolist() == [0, 94]


def test_bits_can_spell_128(tmp_path: Path) -> None:
    content = {**flat([1]), "atom_types": torch.ones(1, 7)}
    (sample,) = read(save(content, tmp_path))
    assert isinstance(sample, RawStructure)
    assert sample.numbers.tolist() == [128]


def test_nan_scores_of_elements_cost_one_sample(tmp_path: Path) -> None:
    content = one_hot(100)(flat([1, 2]))
    content["atom_types"][1, 5] = float("nan")
    samples = read(save(content, tmp_path))
    assert isinstance(samples[0], RawStructure)
    assert samples[1] == Invalid(InvalidReason.NON_FINITE, "NaN or infinity in the encoded atom types")


def test_crystals_that_symmcd_left_out_stay_in_the_denominator(tmp_path: Path) -> None:
    content = symmcd(flat([1, 2]))
    content["spacegroups"] = torch.ones(5, dtype=torch.int64)
    samples = read(save(content, tmp_path))
    assert [isinstance(sample, Invalid) for sample in samples] == [False, False, True, True, True]


def without(key: str) -> Callable[[Content], object]:
    return lambda content: {k: v for k, v in content.items() if k != key}


def changed(**values: Callable[[Content], object]) -> Callable[[Content], object]:
    return lambda content: {**content, **{key: value(content) for key, value in values.items()}}


CONTRADICTIONS: dict[str, tuple[Callable[[Content], object], str]] = {
    "a list": (lambda content: [content], "a dict of tensors was expected, found a list"),
    "no dict": (lambda content: 3.0, "a dict of tensors was expected"),
    "no angles": (without("angles"), "no angles; the file holds eval_setting, frac_coords"),
    "sum of num_atoms": (
        changed(num_atoms=lambda c: c["num_atoms"] + 1),
        r"frac_coords should be floats of shape \(7, 3\) by num_atoms, found float32 of shape \(5, 3\)",
    ),
    "negative num_atoms": (changed(num_atoms=lambda c: torch.tensor([6, -1])), "num_atoms holds -1"),
    "float num_atoms": (changed(num_atoms=lambda c: c["num_atoms"].float()), "should be integers"),
    "scalar num_atoms": (changed(num_atoms=lambda c: torch.tensor(5)), r"shape \(\), expected"),
    "float atom_types": (changed(atom_types=lambda c: c["atom_types"].float()), "integer atomic numbers"),
    "12 classes": (changed(atom_types=lambda c: torch.zeros(5, 12)), "12 columns; known are 7 bits"),
    "too few types": (changed(atom_types=lambda c: c["atom_types"][1:]), "atom_types should have 5 rows"),
    "integer coordinates": (changed(frac_coords=lambda c: c["frac_coords"].long()), "should be floats"),
    "lengths of others": (changed(lengths=lambda c: c["lengths"][:1]), r"lengths should be floats of shape \(2, 3\)"),
    "angles as numbers": (changed(angles=lambda c: 90.0), "angles should be a tensor, found float"),
    "half an axis": (
        changed(num_atoms=lambda c: c["num_atoms"][None]),
        "but num_atoms has 1 evaluations as leading axis",
    ),
    "half a list": (changed(num_atoms=lambda c: [c["num_atoms"]]), "lists of one length"),
    "too few space groups": (changed(spacegroups=lambda c: torch.ones(1)), "1 spacegroups, but"),
}  # fmt: skip


@pytest.mark.parametrize("what", CONTRADICTIONS)
def test_contradictions_are_refused_with_what_was_found(what: str, tmp_path: Path) -> None:
    change, message = CONTRADICTIONS[what]
    path = save(change(flat([2, 3])), tmp_path)
    with pytest.raises(ReadError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_no_crystals_at_all_is_an_empty_stream(tmp_path: Path) -> None:
    assert read(save(flat([]), tmp_path)) == []


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return save(cdvae(flat([2, 3, 1])), tmp_path_factory.mktemp("intact")).read_bytes()


@given(share=st.floats(0, 0.999))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_truncated_file_is_refused(tmp_path: Path, intact: bytes, share: float) -> None:
    path = tmp_path / "cut.pt"
    path.write_bytes(intact[: int(len(intact) * share)])
    with pytest.raises(ReadError, match=r"cut\.pt"):
        read(path)
    assert detected(path) == []


@given(places=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=4))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_damage_gives_samples_or_a_read_error(tmp_path: Path, intact: bytes, places: list[tuple[float, int]]) -> None:
    content = bytearray(intact)
    for share, value in places:
        content[int(len(content) * share)] = value
    path = tmp_path / "damaged.pt"
    path.write_bytes(content)
    with suppress(ReadError, ConfigError):
        assert all(isinstance(sample, RawStructure | Invalid) for sample in read(path))


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x03\x04", b"\x80\x02}q\x00.", b"<html>404</html>"])
def test_other_files_are_refused_and_not_detected(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.pt"
    path.write_bytes(content)
    assert detected(path) == []
    with pytest.raises(ReadError, match="not a complete PyTorch file"):
        read(path)


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"absent\.pt: no such file"):
        read(tmp_path / "absent.pt")
