"""The command line as a user meets it: real processes, real files, exit codes 0, 1 and 2."""

import csv
import gzip
import json
import os
import pickle
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from zipfile import ZipFile

import pytest
from click.testing import CliRunner

from crystalbench import CommandSpec, hookimpl
from crystalbench.cli import COMMANDS, main
from crystalbench.plugins import Plugins
from crystalbench.testing import check_command
from tests.small_plugins import rock_salt

QUICK = ("-m", "validity,novelty,uniqueness")  # where the metrics are beside the point: no encoder has to be loaded


def crystalbench(*arguments: str | Path, cwd: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "crystalbench", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def test_help_lists_every_command(tmp_path: Path) -> None:
    shown = crystalbench("--help", cwd=tmp_path).stdout
    assert all(command in shown for command in COMMANDS)
    for command in COMMANDS:
        assert "Usage" in crystalbench(command, "--help", cwd=tmp_path).stdout


@pytest.mark.parametrize("name", Plugins.load().commands)
def test_a_command_of_a_plugin_is_where_its_record_says(name: str) -> None:
    check_command(Plugins.load().commands[name])


@pytest.mark.parametrize("place", ["no_such_module:command", "crystalbench.cli:no_such_command"])
def test_a_command_that_is_not_where_its_record_says_is_an_error_that_names_it(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugins = Plugins()
    hook = hookimpl(lambda: [CommandSpec(name="lost", help="Not there.", command=place)])
    plugins.register(SimpleNamespace(crystalbench_commands=hook), "small")
    monkeypatch.setattr(Plugins, "load", classmethod(lambda cls, files=(): plugins))
    done = CliRunner().invoke(main, ["lost"])
    assert done.exit_code == 1
    assert "command lost failed in load" in done.output
    assert "no_such" in done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rum"], "did you mean 'run'"),
        (["run"], "no generators"),
        (["run", "-g", "symcd"], "did you mean 'symmcd'"),
        (["run", "-g", "train", "-m", "novlty"], "did you mean 'novelty'"),
        (["run", "-g", "train", "-d", "wbm-rebuild"], "did you mean 'wbm-rebuilt'"),
        (["run", "-s", "mine=absent.pt"], "absent.pt: no such file or folder"),
        (["run", "-g", "train", "--set", "conversion.symprek=1"], "did you mean 'conversion.symprec'"),
        (["run", "-g", "symmcd", "--set", "generator.symmcd.evaluatoin=1"], "setting of generator.symmcd"),
        (["table", "nowhere"], "nowhere"),
        (["table", "."], "no table here"),
        (["verify", "nowhere"], "nowhere"),
        (["verify", "."], "no run here"),
        (["run", "--resume", "nowhere"], "nowhere"),
        (["run", "--resume", "."], "no run here"),
        (["run", "-g", "train", "--config", "nowhere.toml"], "nowhere.toml: no such file"),
        (["run", "-g", "train", "--set", "steps=3"], "unknown setting 'steps'; known: "),
        (["convert", "absent.cif"], "absent.cif"),
    ],
)
def test_usage_errors_say_what_to_change(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = crystalbench(*arguments, cwd=tmp_path, code=2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_run_verify_and_table_from_files_of_labels(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.txt").write_text("".join(rock_salt(i).label + "\n" for i in range(20)))
    run = crystalbench("run", "-s", "my_model=one.txt,two.txt", "-n", "20", "-o", "out", cwd=tmp_path)
    assert "my_model" in run.stdout
    assert "Training copy" in run.stdout
    verified = crystalbench("verify", "out", "--redraw", cwd=tmp_path)
    assert "checks hold" in verified.stdout
    latex = crystalbench("table", "out", "--format", "latex", cwd=tmp_path).stdout
    assert r"my\_model" in latex
    scores = json.loads((tmp_path / "out/scores.json").read_text())
    assert len(scores["my_model"]["uniqueness"]) == 2
    assert scores["my_model"]["uniqueness"][0]["value"] == 1.0


def test_an_altered_sample_fails_verification(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("".join(rock_salt(i).label + "\n" for i in range(20)))
    crystalbench("run", *QUICK, "-s", "mine=one.txt", "-o", "out", cwd=tmp_path)
    samples = tmp_path / "out/samples/mine.0.csv"
    samples.write_text(samples.read_text().replace("Br-K", "Br-Ag"))
    done = crystalbench("verify", "out", cwd=tmp_path, code=1)
    assert "samples/mine.0.csv: differs: has been changed" in done.stdout


def test_resume_finishes_the_run_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text(rock_salt(1).label + "\n")
    crystalbench("run", *QUICK, "-s", "mine=one.txt", "-o", "out", cwd=tmp_path)
    before = (tmp_path / "out/scores.json").read_bytes()
    crystalbench("run", "--resume", "out", cwd=tmp_path)
    assert (tmp_path / "out/scores.json").read_bytes() == before
    refused = crystalbench("run", "--resume", "out", "-n", "3", cwd=tmp_path, code=2)
    assert "give only --workers and --scheduler" in refused.stderr


def test_a_file_that_cannot_be_read_costs_its_row_only(tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text(rock_salt(1).label + "\n")
    (tmp_path / "bad.pt").write_bytes(b"PK\x03\x04 this is no archive")
    files = ("-s", "bad=bad.pt", "-s", "good=good.txt", "--reader", "bad=cdvae")
    done = crystalbench("run", *QUICK, *files, "-o", "out", cwd=tmp_path, code=2)
    assert "bad.pt" in done.stderr
    assert "good" in done.stdout


def test_convert_writes_a_row_per_crystal_and_the_reasons(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text(f"{rock_salt(1).label}\nUnable to determine symmetry\n{rock_salt(2).label}\n")
    done = crystalbench("convert", "labels.txt", "-o", "out.csv", cwd=tmp_path)
    with (tmp_path / "out.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["protostructure"] for row in rows] == [rock_salt(1).label, "", rock_salt(2).label]
    assert rows[1]["reason"] == "no_symmetry"
    assert "3 crystals read by labels, 2 converted" in done.stderr


REMEDY = re.compile(r"(--(?:reader|set) .+)$", re.MULTILINE)


def remedy(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The words of the flag that a message ends with."""
    found = REMEDY.search(done.stderr)
    assert found, done.stderr
    return shlex.split(found[1])


@pytest.mark.parametrize("column", ["relaxed", "my labels", "true"])
def test_the_remedies_that_convert_prints_work_as_they_are_printed(column: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(f"id,{column}\n1,{rock_salt(1).label}\n")
    reader = remedy(crystalbench("convert", "x.csv", cwd=tmp_path, code=2))
    assert reader == ["--reader", "csv"]
    setting = remedy(crystalbench("convert", "x.csv", *reader, cwd=tmp_path, code=2))
    done = crystalbench("convert", "x.csv", *reader, *setting, cwd=tmp_path)
    assert rock_salt(1).label in done.stdout


def test_the_remedies_that_run_prints_work_as_they_are_printed(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(f"id,relaxed\n1,{rock_salt(1).label}\n")
    command = ("run", *QUICK, "-s", "my.model=x.csv")
    reader = remedy(crystalbench(*command, cwd=tmp_path, code=2))
    assert reader == ["--reader", "my.model=csv"]
    setting = remedy(crystalbench(*command, *reader, "-o", "one", cwd=tmp_path, code=2))
    assert setting == ["--set", 'generator."my.model".column=relaxed']
    crystalbench(*command, *reader, *setting, "-o", "two", cwd=tmp_path)


def test_a_pickle_is_named_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for name, content in (
        ("x.pkl", pickle.dumps([1])),
        ("x.json", pickle.dumps([1], 2)),
        ("x.pkl.gz", gzip.compress(pickle.dumps([1]))),
        ("old.pickle", pickle.dumps([1], 0)),
        ("folder/x.dat", pickle.dumps([1])),
    ):
        (tmp_path / name).write_bytes(content)
        done = crystalbench("convert", name.partition("/")[0], cwd=tmp_path, code=2)
        assert "a Python pickle" in done.stderr
        assert "structure.as_dict()" in done.stderr


def test_of_two_values_for_one_generator_none_is_dropped_in_silence(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(f"{rock_salt(1).label}\n")
    done = crystalbench("plan", "-s", "mine=a.txt", "-s", "mine=b.txt", cwd=tmp_path, code=2)
    assert (
        "--samples: 'mine' is given twice; several files of it are replicas: --samples mine=a.txt,b.txt" in done.stderr
    )
    crystalbench("plan", "--samples", "mine=a.txt,b.txt", cwd=tmp_path)
    twice = ("--generated", "mine=5", "--generated", "mine=6")
    assert "'mine' is given twice" in crystalbench("plan", "-s", "mine=a.txt", *twice, cwd=tmp_path, code=2).stderr


@pytest.mark.parametrize("number", ["0", "-3", "1.5", "x"])
def test_a_number_of_samples_is_at_least_one(number: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(f"{rock_salt(1).label}\n")
    done = crystalbench("plan", "-s", "mine=a.txt", "--generated", f"mine={number}", cwd=tmp_path, code=2)
    assert f"--generated mine={number}: expected a whole number, at least 1" in done.stderr


def test_a_folder_is_no_file_to_write(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(f"{rock_salt(1).label}\n")
    assert "is a directory" in crystalbench("convert", "a.txt", "-o", ".", cwd=tmp_path, code=2).stderr


def test_what_is_empty_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "x.cif").write_text("")
    (tmp_path / "x.json").write_text("")
    ZipFile(tmp_path / "x.zip", "w").close()
    assert "an empty folder" in crystalbench("convert", "folder", cwd=tmp_path, code=2).stderr
    assert "an empty file" in crystalbench("convert", "x.json", cwd=tmp_path, code=2).stderr
    assert "an empty zip archive" in crystalbench("convert", "x.zip", cwd=tmp_path, code=2).stderr
    assert "none of its 1 samples" in crystalbench("convert", "x.cif", cwd=tmp_path, code=1).stderr


def test_a_file_of_which_nothing_converts_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text('[{"lattice": {"a": 1}, "sites": []}, {"lattice": 2, "sites": []}]')
    (tmp_path / "none.txt").write_text("")
    words = (
        "bad.json: none of its 2 samples has a protostructure (unreadable 2); the first: entry 1: a lattice without b"
    )
    assert words in crystalbench("convert", "bad.json", cwd=tmp_path, code=1).stderr
    assert words in crystalbench("run", *QUICK, "-s", "mine=bad.json", "-o", "out", cwd=tmp_path, code=1).stderr
    assert "holds no samples" in crystalbench("convert", "none.txt", "--reader", "labels", cwd=tmp_path, code=2).stderr


def test_an_absent_number_is_said_by_convert_and_below_the_table(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    for number in (0, 1, 3):
        (tmp_path / f"files/{number}.txt").write_text(rock_salt(1).label)
    note = "1 of its numbered files is absent (2.txt)"
    assert note in crystalbench("convert", "files", cwd=tmp_path).stderr
    assert note in crystalbench("run", *QUICK, "-s", "mine=files", "-o", "out", cwd=tmp_path).stdout


def test_convert_does_not_write_over_what_it_reads(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text(f"{rock_salt(1).label}\n")
    done = crystalbench("convert", "labels.txt", "-o", "labels.txt", cwd=tmp_path, code=2)
    assert "is the file that is read" in done.stderr
    assert (tmp_path / "labels.txt").read_text() == f"{rock_salt(1).label}\n"


@pytest.mark.parametrize(
    "arguments", [["table", "run", "-o", "/proc/no/folder/x"], ["run", *QUICK, "-g", "train", "-o", "/proc/x"]]
)
def test_what_the_disk_refuses_is_a_message(tmp_path: Path, arguments: list[str]) -> None:
    crystalbench("run", *QUICK, "-g", "train", "-n", "5", "-o", "run", cwd=tmp_path)
    assert "Traceback" not in crystalbench(*arguments, cwd=tmp_path, code=2).stderr


def test_the_letter_table_of_the_run_is_that_of_the_labels(tmp_path: Path) -> None:
    """Two letterings that only the whole affine normaliser of P2/c makes equal."""
    (tmp_path / "labels.txt").write_text("AB_mP4_13_a_e:Cl-Na\nAB_mP4_13_a_f:Cl-Na\n")
    for table, distinct in (("affine", 1), ("pymatgen", 2)):
        done = crystalbench("convert", "labels.txt", "--table", table, cwd=tmp_path)
        assert len({line["protostructure"] for line in csv.DictReader(done.stdout.splitlines())}) == distinct


def test_plan_computes_nothing_and_tells_what_is_cached(tmp_path: Path) -> None:
    arguments = (*QUICK, "-g", "train,element-swap", "-n", "300")
    assert "0 of 2 chunks cached" in crystalbench("plan", *arguments, cwd=tmp_path).stdout
    assert not list(Path(os.environ["CRYSTALBENCH_CACHE"]).iterdir())
    crystalbench("run", *arguments, "-o", "out", cwd=tmp_path)
    assert crystalbench("plan", *arguments, cwd=tmp_path).stdout.count("all cached") == 4  # the rows for scale too


def test_runs_are_merged_into_one_table_only_when_comparable(tmp_path: Path) -> None:
    for name, number in (("a", 1), ("b", 2)):
        (tmp_path / f"{name}.txt").write_text(rock_salt(number).label + "\n")
        crystalbench("run", *QUICK, "-s", f"{name}=" + f"{name}.txt", "-o", name, cwd=tmp_path)
    merged = crystalbench("table", "a", "b", "-f", "csv", cwd=tmp_path).stdout
    assert {"a", "b", "train"} <= {row["generator"] for row in csv.DictReader(merged.splitlines())}
    crystalbench("run", *QUICK, "-s", "a=a.txt", "-o", "c", "--symprec", "0.01", cwd=tmp_path)
    assert "not comparable" in crystalbench("table", "a", "c", cwd=tmp_path, code=2).stderr


def test_plugins_are_listed_for_people_and_programs(tmp_path: Path) -> None:
    assert "novelty" in crystalbench("plugins", cwd=tmp_path).stdout
    listed = json.loads(crystalbench("plugins", "--json", cwd=tmp_path).stdout)
    assert {"name", "module", "distribution", "version", "declares", "error", "traceback"} == listed[0].keys()
