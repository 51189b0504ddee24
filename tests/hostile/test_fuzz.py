"""Whatever bytes a file has, a reader yields samples, or raises `ReadError` or `ConfigError`; so do labels and TOML."""

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crystalbench import ConfigError, Invalid, Protostructure, ProtostructureError, RawStructure, ReadError
from crystalbench.crystals.convert import ConversionSettings, convert
from crystalbench.runs.config import MAX_BYTES, RunConfig, merged, read_toml
from crystalbench_baselines import _pickle_as_data
from tests.baselines.conftest import READERS, detected
from tests.baselines.test_cif import cif
from tests.baselines.test_text_formats import RUTILE, frame, gene, poscar
from tests.hostile.makers import ODD, STRUCTURE, memo, nested_lists, with_odd_numbers

QUOTED = STRUCTURE.replace('"', '""')
LINE = '{"lattice":[[4,0,0],[0,4,0],[0,0,4]],"frac_coords":[[0,0,0],[0.5,0.5,NaN]],"numbers":[11,17]}'
SEEDS: dict[str, tuple[str, str]] = {
    "cif": ("a.cif", cif("Na Na1 0 0 0", "Cl Cl1 .5 .5 .5")),
    "csv": ("a.csv", f'cif,b\n"{QUOTED}",1\n{RUTILE},2\n'),
    "extxyz": ("a.xyz", frame() + frame(rest='pbc="T T T" a={1 2}')),
    "labels": ("a.txt", f"{RUTILE}\nA2B3_hR30_167_c_e:Fe-O\n"),
    "poscar": ("POSCAR", poscar("0 0 0 T T F", ".5 .5 .5")),
    "pymatgen-json": ("a.json", f'{{"structure":{{"0":{STRUCTURE},"1":null}}}}'),
    "samples": ("a.samples", f'"{RUTILE}"\n["empty","x"]\n{LINE}\n'),
    "wyckoff-genes": ("a.json", f"[{gene()}]".replace("'", '"')),
}
TOML = 'n = 1\ngenerators = ["a"]\n[conversion]\nmax_atoms = 5\n[generator.a]\nsamples = ["x"]\nevaluation = 0\n'
PIECES = st.one_of(
    st.sampled_from(
        [*ODD, "", " ", "\n", "\0", "\r", "\t", '"', "'", ";", "#", "_", "[", "]", "{", "}", "(", ")", ",", ":", "=",
         "-", "/", "\\", "data_", "loop_", "null", "true", "np.float64(", "x,y,z", "A", "9999a", "e", ".", "?"]
    ),
    st.text(max_size=4),
)  # fmt: skip
EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 9), PIECES), min_size=1, max_size=4)


def edited(text: str, edits: list[tuple[float, int, str]]) -> bytes:
    """Put pieces into a text, in the place of some characters."""
    for place, length, piece in edits:
        at = int(place * len(text))
        text = text[:at] + piece + text[at + length :]
    return text.encode("utf-8", "surrogateescape")


def fuzzed(seed: str, check: Callable[[bytes], None], examples: int = 120) -> None:
    @settings(max_examples=examples, suppress_health_check=list(HealthCheck), database=None)
    @given(EDITS.map(lambda edits: edited(seed, edits)) | st.binary(max_size=60))
    def test(content: bytes) -> None:
        check(content)

    test()


@pytest.mark.parametrize("name", SEEDS)
def test_a_reader_yields_samples_or_refuses_the_file(name: str, tmp_path: Path) -> None:
    file, seed = SEEDS[name]

    def check(content: bytes) -> None:
        (tmp_path / file).write_bytes(content)
        detected(tmp_path / file)
        try:
            samples = list(READERS[name].read(tmp_path / file, {}))
        except (ReadError, ConfigError):
            return
        assert all(isinstance(sample, RawStructure | Protostructure | Invalid) for sample in samples)

    fuzzed(seed, check)


def test_a_label_is_read_or_refused_and_what_is_read_has_one_label(tmp_path: Path) -> None:
    def check(content: bytes) -> None:
        try:
            read = Protostructure.parse(content.decode("utf-8", "replace"))
        except ProtostructureError:
            return
        assert Protostructure.parse(read.label) == read

    fuzzed("A2B3_hR30_167_c_e:Fe-O", check, 300)


def test_a_configuration_is_read_or_refused(tmp_path: Path) -> None:
    def check(content: bytes) -> None:
        (tmp_path / "a.toml").write_bytes(content)
        try:
            RunConfig.from_mapping(read_toml(tmp_path / "a.toml"))
        except ConfigError:
            return

    fuzzed(TOML, check, 200)


PICKLES = {
    "a memo": memo(40),
    "lists": nested_lists(40),
    "a dict": pickle.dumps({"num_atoms": [1, 2.5, "a", None, (1, 2, 3), True]}, protocol=2),
    "a storage": b"\x80\x02(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0aX\x01\0\0\0bK\x01tQ.",
}


@pytest.mark.parametrize("name", PICKLES)
def test_a_pickle_is_data_or_refused(name: str) -> None:
    seed = PICKLES[name]

    @settings(max_examples=200, database=None)
    @given(st.lists(st.tuples(st.integers(0, len(seed)), st.integers(0, 3), st.binary(max_size=3)), max_size=4))
    def test(edits: list[tuple[int, int, bytes]]) -> None:
        content = seed
        for at, length, piece in edits:
            content = content[:at] + piece + content[at + length :]
        try:
            _pickle_as_data.parse(content, "a.pt")
        except ReadError:
            return

    test()


@pytest.mark.parametrize(
    "text",
    [
        f"n = {'9' * 5000}",
        "a = " + "[" * 5000,
        "a = " + "[" * 5000 + "]" * 5000,
        f"[conversion]\n{'a.' * 5000}a = 1",
        f"[{'a.' * 5000}a]",
        "n = 1\n" * 2,
        "#" * (MAX_BYTES + 1),
        "\0",
    ],
)
def test_a_configuration_that_would_exhaust_the_parser_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(ConfigError, match=r"a\.toml: "):
        merged({}, read_toml(tmp_path / "a.toml"))


@pytest.mark.parametrize("odd", ODD)
def test_no_number_anywhere_ends_more_than_its_own_sample(odd: str, tmp_path: Path) -> None:
    for file, text in with_odd_numbers(odd):
        path = tmp_path / file
        path.write_text(text)
        for name in detected(path):
            try:
                samples = list(READERS[name].read(path, {}))
            except ReadError:
                continue
            for sample in samples:
                found = convert(sample, ConversionSettings()) if isinstance(sample, RawStructure) else sample
                assert isinstance(found, Protostructure | Invalid)
        path.unlink()
