"""Exit code 2 for what was given and cannot be used, in every command; 1 for what failed or differs."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from crystalbench.cli import main
from tests.hostile.small_run import command_line, needs_mounts
from tests.small_plugins import rock_salt

QUICK = ("-m", "validity", "-n", "5", "-o", "out")


def damaged(path: Path) -> None:
    path.write_bytes(b"PK\3\4 this is no archive")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps([1]))


def absent(path: Path) -> None:
    """Nothing is there."""


def no_manifest(path: Path) -> None:
    path.mkdir()
    (path / "manifest.json").write_text("{")


def no_table(path: Path) -> None:
    path.mkdir()
    (path / "table.json").write_text("{")


def no_toml(path: Path) -> None:
    path.write_text("n = ")


def invalid(path: Path) -> None:
    path.write_text("Unable to determine symmetry\n")


def no_hull(path: Path) -> None:
    path.write_text("formula,formation_energy\nNaQq,-1\n")


def good(path: Path) -> None:
    path.write_text(f"{rock_salt(1).label}\n")


def list_of_lists(path: Path) -> None:
    path.write_text("generators = [[1]]")


def utf16(path: Path) -> None:
    path.write_text(rock_salt(1).label, encoding="utf-16")


def link(path: Path) -> None:
    path.mkdir()
    (path / "0.cif").symlink_to("nowhere.cif")


Maker = Callable[[Path], None]
UNUSABLE: tuple[tuple[str, Maker, str], ...] = (
    # command ({} is the file), what the file is, what the message says
    ("convert {}", absent, "does not exist"),
    ("convert {}", empty, "an empty file"),
    ("convert {}", damaged, "no reader understands it"),
    ("convert {} --reader cdvae", damaged, "not a complete PyTorch file"),
    ("convert {} --reader cdvae", pickled, "a Python pickle"),
    ("convert {} --reader labels", pickled, "a Python pickle"),
    ("convert {} --reader labels", empty, "holds no samples"),
    ("convert {} --reader labls", good, "did you mean 'labels'"),
    ("convert {} --reader labels --set column=x", good, "setting of reader labels"),
    ("convert {} --reader labels -o /proc/no/file", good, "/proc/no"),
    ("run -s mine={}", absent, "no such file or folder"),
    ("run -s mine={}", damaged, "no reader understands it"),
    ("run -s mine={} --reader mine=labels", pickled, "a Python pickle"),
    ("run -s cdvae={}", pickled, "a Python pickle"),
    ("run -s mine={} --reader mine=cdvae", damaged, "not a complete PyTorch file"),
    ("run -s mine={} --reader mine=labels", empty, "holds no samples"),
    ("run -g random --config {}", no_toml, "x.toml"),
    ("run --config {}", list_of_lists, "generators must be a list of names"),
    ("convert {}", utf16, "text in UTF-16, as Windows writes it"),
    ("convert {}", link, "0.cif: a link without a file"),
    ("convert {} --reader labels -o " + 300 * "a", good, "file name too long"),
    ("run -g wyckoffdiff --set generator.wyckoffdiff.checkpoint={}", damaged, "checkpoint"),
    ("run --resume {}", no_manifest, "no manifest"),
    ("plan -s mine={} --reader mine=labels", pickled, "a Python pickle"),
    ("verify {}", no_manifest, "no manifest"),
    ("table {}", no_table, "not JSON"),
    ("compare {}", no_table, "name a second run, or two rows of this one with --rows A,B"),
    ("compare {} --rows a", no_table, "--rows a: expected two names, A,B"),
    ("size-effect {}", no_manifest, "no manifest"),
    ("plugin check labels --samples {}", absent, "does not exist"),
    ("dataset build {} --name mine", empty, "an empty file"),
    ("dataset build {} --name mine --reader cdvae", damaged, "not a complete PyTorch file"),
    ("dataset build {} --name mine --reader labels", pickled, "a Python pickle"),
    ("dataset build {} --name mine --reader labels", empty, "not one of 0 rows"),
    ("dataset build {} --name mine --reader labels", invalid, "not one of 1 rows"),
    ("plan -g random -m stable --set energies.hull={}", no_hull, "line 2"),
    ("discover -g random -n 5 --hull {}", no_hull, "line 2"),
    ("discover --resume {}", no_manifest, "no discovery here"),
    ("discover --resume {} --top 5", no_manifest, "--top: --resume takes all settings"),
    ("discover -g random -n 5 --energies {}", no_hull, "must have label once"),
    ("discover -g random -n 5 --hull no-such", absent, "nor is it a file"),
    ("encoder train -d no-such --out {}", absent, "unknown dataset 'no-such'"),
    ("wyckoffdiff train -d carbon24-bundled --from {} --out other", damaged, "checkpoint"),
    ("wyckoffdiff export {} -o model.pt", no_manifest, "there is no such checkpoint"),
    ("wyckoffdiff import {} -d wbm-rebuilt -o model.pt", damaged, "cannot be read as"),
)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def invoke(command: str, make: Maker) -> Result:
    path = Path("x.toml" if make is no_toml else "x.pt")
    make(path)
    words = command.format(path).split()
    return CliRunner().invoke(main, [*words, *(QUICK if words[0] == "run" and "--resume" not in words else ())])


@pytest.mark.parametrize(("command", "make", "said"), UNUSABLE, ids=[f"{c} {m.__name__}" for c, m, _ in UNUSABLE])
def test_what_was_given_and_cannot_be_used_is_exit_code_2(command: str, make: Maker, said: str) -> None:
    done = invoke(command, make)
    assert said in done.output
    assert done.exit_code == 2, done.output


@pytest.mark.parametrize("command", ["convert {} --reader labels", "run -s mine={} --reader mine=labels"])
def test_samples_that_are_read_and_all_invalid_are_a_result_that_failed(command: str) -> None:
    done = invoke(command, invalid)
    assert "none of its 1 samples has a protostructure" in done.output
    assert done.exit_code == 1


def test_a_file_that_cannot_be_read_leaves_the_other_rows_of_a_run() -> None:
    good(Path("good.txt"))
    done = invoke("run -s mine={} --reader mine=cdvae -s other=good.txt", damaged)
    assert done.exit_code == 2
    assert "other" in done.output.partition("Validity")[2]


def test_a_file_that_may_not_be_read_is_exit_code_2() -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    good(Path("x.pt"))
    Path("x.pt").chmod(0)
    done = CliRunner().invoke(main, ["convert", "x.pt", "--reader", "labels"])
    assert "no permission to read it" in done.output
    assert done.exit_code == 2


@pytest.mark.parametrize("out", ["", "-o /dev/full", "-o full/out.csv"])
def test_a_full_disk_is_named_whatever_is_written_to_it(out: str) -> None:
    """Exit code 1: nothing that was given is wrong."""
    good(Path("x.txt"))
    Path("full").mkdir()
    before = "exec >/dev/full"
    if "full/" in out:
        needs_mounts()
        before = f"mount -t tmpfs -o size=4k none {Path('full').absolute()}; head -c 4096 /dev/zero >full/other || :"
    done = command_line("convert", "x.txt", *out.split(), before=before, cwd=Path.cwd())
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    where = out.removeprefix("-o ") or "standard output"
    assert f"Error: {where}: no space left on device" in done.stderr


def test_a_device_is_written_to_and_not_replaced() -> None:
    good(Path("x.txt"))
    done = CliRunner().invoke(main, ["convert", "x.txt", "-o", "/dev/null"])
    assert done.exit_code == 0
    assert Path("/dev/null").is_char_device()


def test_a_reader_of_the_output_that_stops_early_is_no_error() -> None:
    Path("x.txt").write_text(f"{rock_salt(1).label}\n" * 20_000)
    shell = command_line("convert", "x.txt", "--workers", "1", cwd=Path.cwd(), after="| head -n 1")
    assert shell.stdout == "index,protostructure,reason,detail\n"
    assert "Error" not in shell.stderr
