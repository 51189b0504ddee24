"""What a user sees while a command works: on a terminal, where output goes to a file, and in any encoding."""

import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crystalbench.runs import progress
from tests.small_plugins import rock_salt

QUICK = ("-m", "validity,novelty,uniqueness")


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, **more}


def piped(*arguments: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "crystalbench", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, check=False, env=environment(**more))


def on_terminal(*arguments: str, cwd: Path) -> str:
    """Everything that a terminal receives from a command."""
    ours, its = pty.openpty()
    command = [sys.executable, "-m", "crystalbench", *arguments]
    with subprocess.Popen(command, cwd=cwd, stdout=its, stderr=its, env=environment(TERM="xterm")) as process:
        os.close(its)
        seen = b""
        while True:
            try:
                block = os.read(ours, 1 << 16)
            except OSError:  # so Linux says that the other end is closed
                break
            if not block:
                break
            seen += block
    os.close(ours)
    assert process.returncode == 0, seen
    return seen.decode()


def test_a_run_that_is_piped_says_first_what_it_does_and_then_a_line_a_step(tmp_path: Path) -> None:
    done = piped("run", *QUICK, "-g", "train,test", "-n", "20", "-o", "out", cwd=tmp_path)
    assert b"\r" not in done.stderr
    lines = done.stderr.decode().splitlines()
    assert lines[0] == "20 samples of each of Random orbits, Training copy, Held-out test set"
    assert lines[1] == "3 metrics; results go to out"
    assert lines[2] == "compared with wbm-rebuilt: no dataset was named, and it is the default"
    assert [line.split(":")[0] for line in lines[3:-1]] == [
        "sampling Random orbits", "sampling Training copy", "sampling Held-out test set", "scoring",
    ]  # fmt: skip
    assert "20 samples in" in lines[3]
    assert "9 cells in" in lines[6]


def test_a_run_with_a_dataset_of_the_users_choice_says_nothing_of_a_default(tmp_path: Path) -> None:
    done = piped("run", *QUICK, "-n", "5", "-d", "mp20-eval", "-g", "test", cwd=tmp_path)
    assert b"compared with mp20-eval" in done.stderr
    assert b"default" not in done.stderr


def test_a_terminal_sees_a_bar_from_the_first_moment_of_a_step(tmp_path: Path) -> None:
    seen = on_terminal("run", *QUICK, "-g", "train", "-n", "20", "-o", "out", cwd=tmp_path)
    bars = [part for part in seen.replace("\n", "\r").split("\r") if "|" in part and "samples/s" in part]
    assert "0/20" in bars[0]
    assert "sampling Training copy: 20 samples in" in seen


@pytest.mark.parametrize("command", [("verify", "out"), ("verify", "out", "--redraw")])
def test_the_bar_of_a_verification_ends_where_it_said_it_would(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "one.txt").write_text("".join(rock_salt(i).label + "\n" for i in range(20)))
    assert piped("run", "-s", "my_model=one.txt", "-n", "20", "-o", "out", cwd=tmp_path).returncode == 0
    seen = on_terminal(*command, cwd=tmp_path)
    (n,) = re.findall(r"verifying out: (\d+) checks in", seen)
    assert f"0/{n} " in seen
    held = int(n) - 1  # the last one names what only the run could see
    assert f"{held} of {held} checks hold" in seen


def test_a_step_that_reports_nothing_is_seen_to_live(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "FIRST_LINE", 0.01)
    monkeypatch.setattr(progress, "NEXT_LINE", 0.01)
    with progress.bar("loading", 3, "parts") as report:
        report(1, "the heavy one")
        report(2, "the light one")
        for _ in range(500):
            if "left" in capsys.readouterr().err:
                break
            time.sleep(0.01)
        else:
            pytest.fail("nothing was said")


def test_a_step_that_fails_leaves_no_line_that_says_it_was_done(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError), progress.bar("loading", 3, "parts"):
        raise RuntimeError
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "ascii", "utf-8"])
@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_what_an_encoding_lacks_is_replaced_and_nothing_is_raised(tmp_path: Path, encoding: str, locale: str) -> None:
    (tmp_path / "one.txt").write_text(rock_salt(1).label + "\n")
    (tmp_path / "c.toml").write_text(
        '[generator.mine]\nsamples = ["one.txt"]\ntitle = "Größe ∞ → α"\n', encoding="utf-8"
    )
    arguments = ("run", *QUICK, "-c", "c.toml", "-n", "20", "-o", "out")
    done = piped(*arguments, cwd=tmp_path, PYTHONIOENCODING=encoding, LC_ALL=locale)
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    shown = done.stdout.decode("utf-8" if encoding == "ascii" else encoding)
    assert "Größe" in shown
    assert ("→" in shown) == (encoding in ("utf-8", "ascii"))
    for block in shown.split("\n\n"):
        assert len({len(line) for line in block.splitlines() if line.startswith("|")}) <= 1


def test_a_name_that_is_no_text_is_printed_all_the_same(tmp_path: Path) -> None:
    """A file name may hold bytes that are no UTF-8."""
    done = piped("run", "-s", "mine=\udcff.txt", cwd=tmp_path)
    assert done.returncode == 2
    assert b"no such file or folder" in done.stderr
    assert b"Traceback" not in done.stderr
