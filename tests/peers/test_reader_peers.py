"""Readers held against PyTorch, pymatgen and ASE on files that those read safely or wrote themselves."""

import argparse
import gzip
import json
import re
import tarfile
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path

import ase
import ase.io
import numpy as np
import pandas
import pytest
import torch
from pymatgen.core import Element, Lattice, Structure
from pymatgen.io.cif import CifWriter
from pymatgen.io.vasp import Poscar

from crystalbench import Invalid, Protostructure, RawStructure, ReaderSpec
from crystalbench.crystals.convert import ConversionSettings, convert
from crystalbench_baselines import _cif, cdvae, cif, diffcsppp, extxyz, poscar, pymatgen_json, symmcd
from crystalbench_baselines._archive import TorchArchive
from crystalbench_baselines._pickle_as_data import TensorRecord

pytestmark = pytest.mark.peer

EXAMPLES = [spec.example() for module in (cdvae, diffcsppp, symmcd) for spec in module.crystalbench_generators()
            if spec.example is not None]  # fmt: skip


def reader(module: object) -> ReaderSpec:
    (spec,) = module.crystalbench_readers()  # type: ignore[attr-defined]
    return spec  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def crystals(shared: Path) -> list[Structure]:
    """Return 300 crystals of MP-20's validation split, evenly spread."""
    table = pandas.read_feather(shared / "mp_20_val_test" / "mp_20_val.feather")
    texts = table["cif"].iloc[:: len(table) // 300][:300]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [Structure.from_str(text, "cif") for text in texts]


def as_raw(structure: Structure) -> RawStructure:
    return RawStructure.of(structure.lattice.matrix, structure.frac_coords, structure.atomic_numbers)


def assert_same_cell(ours: object, theirs: Structure, tolerance: float = 1e-5) -> None:
    """Same lengths, angles and atoms in the same order; orientation in space is free."""
    assert isinstance(ours, RawStructure), ours
    lattice = Lattice(ours.lattice)
    assert np.allclose(lattice.parameters, theirs.lattice.parameters, atol=tolerance)
    assert ours.numbers.tolist() == list(theirs.atomic_numbers)
    difference = ours.frac_coords - theirs.frac_coords
    assert abs(difference - difference.round()).max() < tolerance


# --- PyTorch ----------------------------------------------------------------------------------------------------------


def tensor_files(shared: Path) -> Iterator[Path]:
    yield from (path for path in (shared / "generator_outputs").glob("*/*.pt") if "diff" not in path.name)
    yield from EXAMPLES


def test_tensors_are_bitwise_those_that_pytorch_loads(shared: Path) -> None:
    compared = 0
    for path in tensor_files(shared):
        if "flowmm" in str(path):
            continue  # PyTorch's safe loader refuses it
        with torch.serialization.safe_globals([argparse.Namespace]):
            theirs = torch.load(path, weights_only=True)
        with TorchArchive(path) as archive:
            assert isinstance(archive.content, dict)
            assert list(archive.content) == list(theirs)
            for key, record in archive.content.items():
                if isinstance(record, TensorRecord):
                    ours = archive.array(record)
                    assert ours.dtype == theirs[key].numpy().dtype, key
                    assert ours.tobytes() == theirs[key].numpy().tobytes(), key
                    compared += 1
    assert compared >= 40


def test_every_kind_of_tensor_is_read_as_by_pytorch(tmp_path: Path) -> None:
    kinds = (torch.float64, torch.float32, torch.float16, torch.int64, torch.int32, torch.int16, torch.int8,
             torch.uint8, torch.bool)  # fmt: skip
    base = torch.arange(24).reshape(2, 3, 4)
    content = {str(kind): base.to(kind) for kind in kinds}
    content |= {
        "transposed": base.permute(2, 0, 1),
        "part": base[:, 1:, ::2],
        "expanded": torch.ones(5, 1)[:, :1],
        "scalar": torch.tensor(3.5),
        "empty": torch.zeros(0, 3),
        "grad": torch.ones(2, requires_grad=True),
    }
    torch.save(content, tmp_path / "x.pt")
    with TorchArchive(tmp_path / "x.pt") as archive:
        assert isinstance(archive.content, dict)
        for key, tensor in content.items():
            ours = archive.array(archive.content[key])
            assert ours.shape == tuple(tensor.shape), key
            assert (ours == tensor.detach().numpy()).all(), key


def test_what_pytorchs_safe_loader_refuses_is_refused_here_or_inert(shared: Path) -> None:
    for name in ("diffcsp_pp/eval_diff_known.pt", "flowmm/consolidated_generate.pt"):
        path = shared / "generator_outputs" / name
        with torch.serialization.safe_globals([argparse.Namespace]), pytest.raises(Exception, match="torch_geometric"):
            torch.load(path, weights_only=True)
        with TorchArchive(path) as archive:
            assert isinstance(archive.content, dict)


# --- CIF --------------------------------------------------------------------------------------------------------------


def test_cif_files_of_pymatgen_and_ase_are_read_as_written(crystals: list[Structure], tmp_path: Path) -> None:
    for structure in crystals:
        assert_same_cell(_cif.structure(str(CifWriter(structure))), structure)
    for structure in crystals[::10]:
        atoms = ase.Atoms(
            numbers=structure.atomic_numbers, cell=structure.lattice.matrix,
            scaled_positions=structure.frac_coords, pbc=True,
        )  # fmt: skip
        ase.io.write(tmp_path / "x.cif", atoms)
        assert_same_cell(_cif.structure((tmp_path / "x.cif").read_text()), structure, 1e-4)


def test_symmetrised_cif_files_are_expanded_as_by_pymatgen(crystals: list[Structure]) -> None:
    for structure in crystals:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            text = str(CifWriter(structure, symprec=0.01))
            theirs = Structure.from_str(text, "cif")
        ours = _cif.structure(text)
        assert isinstance(ours, RawStructure)
        assert sorted(ours.numbers) == sorted(theirs.atomic_numbers), structure.formula
        assert np.isclose(abs(np.linalg.det(ours.lattice)), theirs.volume)


def identity_only(text: str) -> str:
    """Leave of the operations only the identity, as CrystaLLM's raw texts have it."""
    return "\n".join(line for line in text.splitlines() if not re.match(r"\s*(?!1 )[0-9]+\s+'", line))


def test_named_groups_restore_what_the_list_of_operations_says(crystals: list[Structure]) -> None:
    """Also without the stated multiplicities, where the first setting has to do."""
    for structure in crystals:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            text = str(CifWriter(structure, symprec=0.01))
        whole = _cif.structure(text)
        assert isinstance(whole, RawStructure)
        raw = identity_only(text)
        assert raw.count("'x, y, z'") == 1
        for variant in (raw, raw.replace("_atom_site_symmetry_multiplicity", "_atom_site_x")):
            again = _cif.structure(variant)
            assert isinstance(again, RawStructure)
            assert sorted(again.numbers) == sorted(whole.numbers), structure.formula
            settings = ConversionSettings()
            ours, theirs = convert(again, settings), convert(whole, settings)
            assert isinstance(ours, Protostructure)
            assert ours == theirs, structure.formula


def test_crystallm_texts_are_read_as_by_pymatgen(shared: Path) -> None:
    path = shared / "generator_outputs/crystallm/generated.tar.gz"
    ours = list(reader(cif).read(path, {}))
    with tarfile.open(path) as archive:
        texts = [archive.extractfile(member).read().decode() for member in archive]  # type: ignore[union-attr]
    for sample, text in zip(ours, texts, strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                theirs = Structure.from_str(text, "cif")
            except ValueError:
                assert isinstance(sample, Invalid)
                continue
        assert isinstance(sample, RawStructure)
        assert convert(sample, ConversionSettings()) == convert(as_raw(theirs), ConversionSettings())


def test_mattergens_zip_is_read_as_by_ase(shared: Path) -> None:
    path = shared / "generator_outputs/mattergen/generated_crystals_cif.zip"
    ours = list(reader(cif).read(path, {}))
    with zipfile.ZipFile(path) as archive:
        for i, sample in enumerate(ours):
            with archive.open(f"gen_{i}.cif") as file, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                theirs = ase.io.read(file, format="cif")
            assert isinstance(sample, RawStructure)
            # ASE drops atoms that share a place: of the overlapping crystal it keeps 11 of 12.
            assert len(sample.numbers) == len(theirs) or i == 4
            if i != 4:
                assert sample.numbers.tolist() == theirs.numbers.tolist()
                assert np.allclose(Lattice(sample.lattice).parameters, theirs.cell.cellpar())


# --- the others -------------------------------------------------------------------------------------------------------


def test_frames_are_those_that_ase_reads(shared: Path) -> None:
    path = shared / "generator_outputs/mattergen/generated_crystals.extxyz"
    theirs = ase.io.read(path, index=":")
    ours = list(reader(extxyz).read(path, {}))
    for sample, atoms in zip(ours, theirs, strict=True):
        assert isinstance(sample, RawStructure)
        assert (sample.lattice == atoms.cell.array).all()
        assert sample.numbers.tolist() == atoms.numbers.tolist()
        assert np.allclose(sample.frac_coords @ sample.lattice, atoms.positions)


def test_frames_of_ase_come_back(crystals: list[Structure], tmp_path: Path) -> None:
    frames = [
        ase.Atoms(numbers=s.atomic_numbers, cell=s.lattice.matrix, scaled_positions=s.frac_coords, pbc=True)
        for s in crystals
    ]
    ase.io.write(tmp_path / "x.extxyz", frames)
    for sample, structure in zip(reader(extxyz).read(tmp_path / "x.extxyz", {}), crystals, strict=True):
        assert_same_cell(sample, structure)


def test_poscars_of_pymatgen_come_back(crystals: list[Structure], tmp_path: Path) -> None:
    for i, structure in enumerate(crystals):
        Poscar(structure.get_sorted_structure()).write_file(tmp_path / f"POSCAR-{i}", direct=bool(i % 2))
    for sample, structure in zip(reader(poscar).read(tmp_path, {}), crystals, strict=True):
        assert_same_cell(sample, structure.get_sorted_structure())


def test_json_of_pymatgen_comes_back(crystals: list[Structure], tmp_path: Path) -> None:
    path = tmp_path / "x.json.gz"
    path.write_bytes(gzip.compress(json.dumps([structure.as_dict() for structure in crystals]).encode()))
    assert reader(pymatgen_json).detect(path)
    for sample, structure in zip(reader(pymatgen_json).read(path, {}), crystals, strict=True):
        assert_same_cell(sample, structure, 1e-9)


def test_element_symbols_are_those_of_pymatgen() -> None:
    from crystalbench_baselines._elements import NUMBERS

    named = {element.symbol: element.Z for element in Element}
    assert {symbol: NUMBERS[symbol] for symbol in named} == named


# --- speed ------------------------------------------------------------------------------------------------------------


@pytest.mark.benchmark
@pytest.mark.parametrize("name", ["cdvae", "symmcd"])
def test_time_for_ten_thousand_crystals(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import time

    rng = np.random.default_rng(0)
    count = 10_000
    sizes = torch.tensor(rng.integers(1, 41 if name == "symmcd" else 21, count))
    atoms = int(sizes.sum())
    content: dict[str, torch.Tensor] = {
        "num_atoms": sizes, "frac_coords": torch.rand(atoms, 3), "atom_types": torch.randint(1, 95, (atoms,)),
        "lengths": torch.rand(count, 3) * 10 + 2, "angles": torch.rand(count, 3) * 20 + 80,
    }  # fmt: skip
    if name == "symmcd":
        content["atom_types"] = torch.nn.functional.one_hot(content["atom_types"] - 1, 94).float()
        content |= {"spacegroups": torch.ones(count), "site_symmetries": torch.zeros(atoms, 15, 13)}
    else:
        content = {key: value[None] for key, value in content.items()}
    path = tmp_path / "x.pt"
    torch.save(content, path)
    spec = reader({"cdvae": cdvae, "symmcd": symmcd}[name])
    start = time.perf_counter()
    assert spec.detect(path)
    detected = time.perf_counter()
    assert sum(1 for _ in spec.read(path, {})) == count
    read = time.perf_counter()
    with torch.serialization.safe_globals([argparse.Namespace]):
        torch.load(path, weights_only=True)
    loaded = time.perf_counter()
    with capsys.disabled():
        print(
            f"\n{name}: {count} crystals, {atoms} atoms, {path.stat().st_size / 1e6:.0f} MB: detected in "
            f"{detected - start:.4f} s, read in {read - detected:.2f} s; torch.load alone {loaded - read:.2f} s"
        )
