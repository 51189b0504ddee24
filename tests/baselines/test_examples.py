"""The example files: real crystals, in exactly the layout of each generator."""

import math
import zipfile
from pathlib import Path

import pytest

from crystalbench import GeneratorSpec, Invalid, RawStructure, ReadError
from crystalbench.crystals.convert import ConversionSettings, convert
from crystalbench.crystals.samples import SampleSet
from crystalbench.testing import check_generator, check_reader
from crystalbench_baselines._archive import TorchArchive
from crystalbench_baselines._pickle_as_data import TensorRecord
from crystalbench_baselines.build_examples import COUNT, EXAMPLES, compressed, known_crystals

from .conftest import MODULES, READERS, detected

GENERATORS: dict[str, GeneratorSpec] = {
    spec.name: spec
    for module in MODULES
    if hasattr(module, "crystalbench_generators")
    for spec in module.crystalbench_generators()
}
# spglib 2.7 and 2.8 announce on every call that a failure will raise in future.
SPGLIB_WARNS = pytest.mark.filterwarnings("ignore:Set OLD_ERROR_HANDLING")
INVALID = {
    "cdvae": ["non_positive_lattice", "tiny_cell", "overlapping_atoms", "impossible_angles", "empty"],
    "diffcsp++": ["non_finite", "non_finite", "overlapping_atoms", "huge_cell"],
    "symmcd": ["non_finite"] * 4 + ["overlapping_atoms"],
}


def example(name: str) -> Path:
    path = GENERATORS[name].example
    assert path is not None
    return path()


def test_three_generators_have_an_example() -> None:
    assert set(GENERATORS) == set(INVALID)
    assert len({example(name) for name in GENERATORS}) == 3


@pytest.mark.parametrize("name", INVALID)
def test_the_records_keep_the_contract(name: str) -> None:
    check_generator(GENERATORS[name])
    check_reader(READERS[GENERATORS[name].reader], example(name))


@pytest.mark.parametrize("name", INVALID)
def test_exactly_one_reader_detects_an_example(name: str) -> None:
    assert detected(example(name)) == [name]


@pytest.mark.parametrize("name", INVALID)
def test_an_example_is_small(name: str) -> None:
    assert example(name).stat().st_size < 20_000


@pytest.mark.parametrize("name", INVALID)
def test_an_example_holds_valid_crystals_duplicates_and_invalid_ones(name: str) -> None:
    samples = SampleSet.of(
        convert(sample, ConversionSettings()) if isinstance(sample, RawStructure) else sample
        for sample in READERS[name].read(example(name), {})
    )
    assert len(samples) == COUNT
    assert [item.reason for item in samples if isinstance(item, Invalid)] == INVALID[name]
    assert 60 <= len(set(samples.valid)) < len(samples.valid)


@SPGLIB_WARNS
def test_known_crystals_have_the_space_group_of_their_structure_type() -> None:
    for crystal in known_crystals():
        structure = RawStructure.from_parameters(
            crystal.cell[:3], crystal.cell[3:], crystal.frac_coords, crystal.numbers
        )
        assert isinstance(structure, RawStructure)
        found = convert(structure, ConversionSettings())
        assert not isinstance(found, Invalid)
        assert found.spacegroup == crystal.spacegroup


@SPGLIB_WARNS
@pytest.mark.parametrize("module", EXAMPLES)
def test_the_script_makes_the_committed_file(module: str, tmp_path: Path) -> None:
    """By content: compressed bytes differ between versions of zlib."""
    (tmp_path / "again.pt").write_bytes(compressed(EXAMPLES[module]()))
    committed = Path(example("cdvae")).with_name(f"{module}.pt")
    with TorchArchive(committed) as one, TorchArchive(tmp_path / "again.pt") as other:
        assert isinstance(one.content, dict)
        assert isinstance(other.content, dict)
        assert list(one.content) == list(other.content)
        for key, value in one.content.items():
            if isinstance(value, TensorRecord):
                a, b = one.array(value), other.array(other.content[key])
                assert a.shape == b.shape, key
                assert all(x == y or (math.isnan(x) and math.isnan(y)) for x, y in zip(a.flat, b.flat, strict=True)), (
                    key
                )


def test_reconstructions_are_refused(tmp_path: Path, shared: Path) -> None:
    """CDVAE's eval_recon is like eval_gen beside the known crystals; made here of DiffCSP++'s eval_diff."""
    source = shared / "generator_outputs/diffcsp_pp/eval_diff_known.pt"
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(tmp_path / "eval_recon.pt", "w") as new:
        for info in old.infolist():
            content = old.read(info)
            new.writestr(info.filename, content.replace(b"lattices", b"lattixes"))
    with pytest.raises(ReadError, match="reconstructions of known crystals"):
        list(READERS["cdvae"].read(tmp_path / "eval_recon.pt", {}))
