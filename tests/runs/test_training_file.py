"""How a model was trained is read from the table beside it, kept by the run, and confirmed by `verify`."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crystalbench import GeneratorSpec, Parameter, hookimpl
from crystalbench.errors import ReadError
from crystalbench.evidence import TrainingCurve
from crystalbench.plugins import Plugins
from crystalbench.runs.checks import Check, Finding
from crystalbench.runs.evidence import stored_evidence
from crystalbench.runs.folder import RunFolder
from crystalbench.runs.training_file import MAX_BYTES, beside, read_training, training_text
from tests.runs.test_run import execute, value, verify
from tests.small_plugins import Small

TABLE = "epoch,training,validation,bound\n1,3.5,3.25,\n2,2.5,2.75,4\n"
CURVE = TrainingCurve(
    epochs=(1.0, 2.0), columns={"training": (3.5, 2.5), "validation": (3.25, 2.75), "bound": (None, 4.0)}
)


def written(folder: Path, text: str | bytes, name: str = "m.training.csv") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder / name


@pytest.mark.parametrize("text", [TABLE, TABLE.replace("\n", "\r\n"), "\ufeff" + TABLE, TABLE.replace(",", " , ")])
def test_a_table_of_epochs_is_read(tmp_path: Path, text: str) -> None:
    assert read_training(written(tmp_path, text)) == CURVE


def test_no_table_is_no_curve(tmp_path: Path) -> None:
    assert read_training(tmp_path / "m.training.csv") is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1: 0 columns"),
        ("epoch\n1\n", "line 1: 1 columns, the first 'epoch'"),
        ("step,training\n1,2\n", "line 1: 2 columns, the first 'step'"),
        ("epoch,training,training\n1,2,3\n", "line 1: a name is missing, twice there, or too long"),
        ("epoch,\n1,2\n", "line 1: a name is missing"),
        (f"epoch,{'x' * 41}\n1,2\n", "line 1: a name is missing, twice there, or too long"),
        ("epoch,a\x07b\n1,2\n", "line 1: a name"),
        (f"epoch,{','.join(f'c{i}' for i in range(16))}\n", "line 1: 17 columns"),
        ("epoch,training\n", "line 2: no epoch"),
        ("epoch,training\n1,2,3\n", "line 2: 3 values, 2 columns"),
        ("epoch,training\n1,2\n\n2,1\n", "line 3: 0 values, 2 columns"),
        ("epoch,training\n1,2\n1,1\n", "line 3: epoch '1' does not rise"),
        ("epoch,training\n1,2\n,1\n", "line 3: epoch '' does not rise"),
        ("epoch,training\n1,nan\n", "line 2: 'nan' is no number"),
        ("epoch,training\n1,inf\n", "line 2: 'inf' is no number"),
        ("epoch,training\n1,1e31\n", "line 2: '1e31' is no number"),
        ("epoch,training\n1,low\n", "line 2: 'low' is no number"),
        ('epoch,training\n1,"2\n', "unexpected end of data"),
        (b"epoch,training\n1,\xff\n", "cannot be read: 'utf-8'"),
        (b"epoch,training\n" + b"1,2\n" * (MAX_BYTES // 4), "over 1,000,000 bytes"),
    ],
)
def test_a_table_that_is_none_is_told_with_its_file_and_line(tmp_path: Path, text: str | bytes, told: str) -> None:
    with pytest.raises(ReadError) as error:
        read_training(written(tmp_path, text))
    assert str(error.value).startswith(f"{tmp_path / 'm.training.csv'}: ")
    assert told in str(error.value)


NUMBERS = st.floats(-1e30, 1e30)


@given(
    epochs=st.lists(NUMBERS, min_size=1, max_size=9, unique=True),
    values=st.lists(st.none() | NUMBERS, min_size=9, max_size=9),
    name=st.from_regex(r"[a-z_]{1,40}", fullmatch=True).filter(lambda name: name != "epoch"),
)
def test_a_curve_is_read_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, epochs: list[float], values: list[float | None], name: str
) -> None:
    rising = tuple(sorted(epochs))
    curve = TrainingCurve(epochs=rising, columns={name: tuple(values[: len(rising)])})
    path = written(tmp_path_factory.mktemp("curve"), training_text(curve))
    assert read_training(path) == curve


def test_the_table_is_that_of_the_first_file_which_has_one(tmp_path: Path) -> None:
    table = written(tmp_path, TABLE, "b.1.training.csv")
    assert beside([tmp_path / "a.pt", tmp_path / "b.1.pt"]) == table
    assert beside([tmp_path / "b.pt"]) is None
    assert beside([]) is None


class Trained(Small):
    """The halides, from a model file."""

    @hookimpl
    def crystalbench_generators(self) -> Iterable[GeneratorSpec]:
        halides = next(spec for spec in Small().crystalbench_generators() if spec.name == "halides")
        yield replace(
            halides,
            parameters=(Parameter(name="model", default="", help="File."),),
            files=lambda parameters, dataset: (Path(str(parameters["model"])),),
        )


@pytest.fixture
def plugins() -> Plugins:
    found = Plugins()
    found.register(Trained(), "trained")
    return found


def model(folder: Path, name: str, table: str = TABLE) -> str:
    written(folder, b"weights of " + name.encode(), f"{name}.pt")
    if table:
        written(folder, table, f"{name}.training.csv")
    return str(folder / f"{name}.pt")


def curve_checks(plugins: Plugins, folder: Path) -> list[Check]:
    return [check for check in verify(plugins, folder) if "training curve" in check.what]


def test_a_run_keeps_how_each_replica_was_trained(plugins: Plugins, tmp_path: Path) -> None:
    one, two = model(tmp_path / "m", "one"), model(tmp_path / "m", "two", table="")
    execute(plugins, tmp_path / "run", generator={"halides": {"model": [one, two]}}, n=5)
    assert (tmp_path / "run/samples/halides.0.training.csv").read_text() == TABLE
    row = stored_evidence(RunFolder(tmp_path / "run"), plugins).rows["halides"]
    assert row.training == (CURVE, None)
    (check,) = curve_checks(plugins, tmp_path / "run")
    assert (check.what, check.finding) == ("halides/0 training curve", Finding.HOLDS)


@pytest.mark.parametrize(
    ("change", "finding", "told"),
    [
        ("epoch,training\n1,9\n", Finding.DIFFERS, "is not the one beside the model"),
        ("epoch\n", Finding.NOT_CHECKED, "line 1: 1 columns"),
        ("", Finding.NOT_CHECKED, "no table of epochs stands beside the model now"),
        ("model", Finding.NOT_CHECKED, "its model is not there, or another one"),
    ],
)
def test_verify_tells_a_curve_that_is_not_the_models(
    plugins: Plugins, tmp_path: Path, change: str, finding: Finding, told: str
) -> None:
    settings = {"halides": {"model": model(tmp_path / "m", "one")}}
    execute(plugins, tmp_path / "run", generator=settings, n=5)
    if change == "model":
        (tmp_path / "m/one.pt").write_bytes(b"others")
    elif change:
        written(tmp_path / "m", change, "one.training.csv")
    else:
        (tmp_path / "m/one.training.csv").unlink()
    (check,) = curve_checks(plugins, tmp_path / "run")
    assert check.finding is finding
    assert told in check.detail


def test_verify_tells_a_curve_that_was_changed_in_the_run(plugins: Plugins, tmp_path: Path) -> None:
    execute(plugins, tmp_path / "run", generator={"halides": {"model": model(tmp_path / "m", "one")}}, n=5)
    (tmp_path / "run/samples/halides.0.training.csv").write_text(TABLE.replace("3.5", "3.4"))
    told = {check.what: check.finding for check in verify(plugins, tmp_path / "run")}
    assert told["halides/0 training curve"] is told["samples/halides.0.training.csv"] is Finding.DIFFERS


def test_a_table_that_cannot_be_read_costs_a_warning_and_no_sample(plugins: Plugins, tmp_path: Path) -> None:
    settings = {"halides": {"model": model(tmp_path / "m", "one", "epoch,training\n1,low\n")}}
    finished = execute(plugins, tmp_path / "run", generator=settings, n=5)
    assert finished.failures == ()
    (warning,) = RunFolder(tmp_path / "run").manifest()["warnings"]
    assert "one.training.csv: line 2: 'low' is no number; expected a line epoch,training,validation" in warning
    assert not list((tmp_path / "run").rglob("*.training.csv"))
    assert curve_checks(plugins, tmp_path / "run") == []
    assert value(finished, "halides", "halide_share") == 1.0
