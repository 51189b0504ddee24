"""Encoders in a run: each label is encoded once, every number says with what, and what is missing is said."""

import json
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from crystalbench import Encoded, MetricSpec, PluginError, Protostructure, hookimpl
from crystalbench.crystals.wyckoff import Table as LetterTable
from crystalbench.errors import ConfigError
from crystalbench.plugins import Plugins
from crystalbench.runs.cache import Cache
from crystalbench.runs.checks import Finding
from crystalbench.runs.config import RunConfig
from crystalbench.runs.embeddings import CachedEncoder
from crystalbench.runs.folder import RunFolder
from crystalbench.runs.plan import make_plan
from crystalbench.runs.run import Finished, Run
from crystalbench.runs.verify import Verification
from crystalbench.tables.merge import merge, with_published
from crystalbench.tables.results import Cell, Failure, Missing, RowKind
from crystalbench.tables.results_json import from_json, to_json
from crystalbench.testing import CountingEncoder, check_encoder, example_encoder
from tests.small_plugins import Small, SmallEncoders, count, rock_salt

LABELS = [rock_salt(i).label for i in range(20)]

FINE = {Finding.HOLDS, Finding.RECORDED}


def plugins(encoders: SmallEncoders | None = None) -> Plugins:
    found = Plugins()
    found.register(Small(), "small")
    found.register(encoders or SmallEncoders(), "encoders")
    return found


def execute(found: Plugins, folder: Path, **settings: object) -> Finished:
    data = {"dataset": "example", "workers": 1, "generators": ["halides"], "metrics": ["fwd", "width"], "n": 20}
    config = RunConfig.from_mapping(data | settings)
    return Run(make_plan(config, found), found, RunFolder(folder), log=lambda _: None).execute()


def cells(finished: Finished, name: str = "halides") -> dict[str, Cell]:
    return dict(next(row for row in finished.table.rows if row.generator == name).cells)


# --- columns ------------------------------------------------------------------------------------------------------


def test_only_the_encoder_of_the_published_values_gives_the_plain_column(tmp_path: Path) -> None:
    own = execute(plugins(), tmp_path / "own")
    assert [(c.key, c.title, c.encoder) for c in own.table.columns] == [
        ("fwd@counts-0000", "FWD", "counts-0000"),
        ("width@counts-0000", "Width", "counts-0000"),
    ]
    paper = execute(plugins(), tmp_path / "paper", encoders=["paper"])
    assert [(c.key, c.title, c.encoder) for c in paper.table.columns] == [("fwd", "FWD", ""), ("width", "Width", "")]


def test_two_encoders_give_two_columns_of_each_metric(tmp_path: Path) -> None:
    finished = execute(plugins(), tmp_path / "run", encoders=["paper", "counting"])
    assert [c.key for c in finished.table.columns] == ["fwd", "fwd@counts-0000", "width", "width@counts-0000"]
    assert [c.target_from for c in finished.table.columns] == ["", "", "fwd", "fwd@counts-0000"]
    scores = json.loads((tmp_path / "run" / "scores.json").read_text())
    assert scores["halides"].keys() == {c.key for c in finished.table.columns}


def test_published_values_stand_in_a_column_of_their_own_beside_another_encoder(tmp_path: Path) -> None:
    table = execute(plugins(), tmp_path / "run").table
    table = with_published(replace(table, settings={**table.settings, "dataset": "wbm"}))
    assert [c.key for c in table.columns] == ["fwd", "fwd@counts-0000", "width@counts-0000"]
    assert [c.encoder for c in table.columns] == ["", "counts-0000", "counts-0000"]
    published = next(row for row in table.rows if row.kind is RowKind.PUBLISHED and row.generator == "cdvae")
    assert published.cells["fwd"].mean == 41.9
    assert "fwd@counts-0000" not in published.cells
    measured = next(row for row in table.rows if row.kind is RowKind.MEASURED)
    assert "fwd" not in measured.cells
    assert with_published(table) == table
    assert from_json(to_json(table)) == table


def test_a_table_of_two_runs_keeps_the_values_of_different_encoders_apart(tmp_path: Path) -> None:
    first = execute(plugins(), tmp_path / "first").table
    other = execute(plugins(SmallEncoders(weights="1")), tmp_path / "other").table
    paper = execute(plugins(), tmp_path / "paper", encoders=["paper"]).table
    table = merge({"first": first, "other": other, "paper": paper})
    assert {"fwd@counts-0000", "fwd@counts-1111", "fwd"} < {c.key for c in table.columns}
    (row,) = (row for row in table.rows if row.generator == "halides")
    assert row.cells.keys() == {c.key for c in table.columns}
    assert table.settings["encoder"].count("counts-") == 2


def test_weights_that_changed_under_the_name_of_the_published_ones_are_not_merged(tmp_path: Path) -> None:
    tables = [execute(plugins(SmallEncoders(weights=w)), tmp_path / w, encoders=["paper"]).table for w in ("0", "1")]
    with pytest.raises(ConfigError, match="metric fwd"):
        merge(dict(zip("ab", tables, strict=True)))


@pytest.mark.parametrize("name", ["csv", "html", "json", "latex", "markdown"])
def test_every_report_names_the_encoder_and_the_notes_of_values(name: str, tmp_path: Path) -> None:
    table = execute(plugins(), tmp_path / "run").table
    text = Plugins.load().reporters[name].render(table)
    assert "counts-0000" in text
    assert "a mean of energies" in text


# --- cache --------------------------------------------------------------------------------------------------------


def test_a_second_run_loads_no_encoder_and_another_metric_encodes_nothing_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    monkeypatch.setenv("ENCODER_LOG", str(log))
    first = execute(plugins(), tmp_path / "first", metrics=["fwd"])
    again = execute(plugins(), tmp_path / "again", metrics=["fwd"])
    execute(plugins(), tmp_path / "more", metrics=["fwd", "width"], n=10, seed=1)
    assert log.read_text().count("loaded") == 1
    assert cells(first) == cells(again)


def test_other_weights_are_another_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    monkeypatch.setenv("ENCODER_LOG", str(log))
    execute(plugins(), tmp_path / "first")
    execute(plugins(SmallEncoders(weights="1")), tmp_path / "other")
    assert log.read_text().count("loaded") == 2


def test_a_metric_without_encoder_keeps_its_score_when_the_encoder_changes(tmp_path: Path) -> None:
    steps = []

    class Listener:
        @hookimpl
        def crystalbench_step_finished(self, step: str, name: str, cached: bool) -> None:
            steps.append((step, name.partition(":")[0], cached))

    for weights in ("0", "1"):
        found = plugins(SmallEncoders(weights=weights))
        found.register(Listener(), "listener")
        steps.clear()
        execute(found, tmp_path / weights, metrics=["halide_share", "fwd"])
    assert ("score", "halide_share", True) in steps
    assert ("score", "fwd@counts-1111", False) in steps


def cached(folder: Path | None, table: LetterTable = LetterTable.AFFINE) -> CachedEncoder:
    spec = example_encoder().spec
    return CachedEncoder(spec, {}, spec.identity({}), Cache(folder) if folder else None, table)


def test_rows_come_in_the_order_of_the_labels_and_repeats_are_welcome(tmp_path: Path) -> None:
    asked = [LABELS[3], LABELS[0], LABELS[3]]
    direct = CountingEncoder().encode(asked)
    for encoder in (cached(None), cached(tmp_path), cached(tmp_path)):
        assert np.array_equal(encoder.encode(asked).embeddings, direct.embeddings)
        assert np.array_equal(encoder.encode(asked).energies, direct.energies)
    assert cached(tmp_path).encode([]).embeddings.shape == (0, 5)


def test_only_rows_that_are_asked_for_are_held_in_memory(tmp_path: Path) -> None:
    cached(tmp_path).encode(LABELS[:10])
    cached(tmp_path).encode(LABELS)
    encoder = cached(tmp_path)
    for labels in (LABELS[:3], LABELS[2:4], LABELS[15:]):
        direct = CountingEncoder().encode(labels)
        assert np.array_equal(encoder.encode(labels).embeddings, direct.embeddings)
    assert len(encoder._rows) == 9
    assert encoder._encoder is None
    assert len(list(tmp_path.rglob("*.npy"))) == 2


def test_a_damaged_shard_counts_as_absent(tmp_path: Path) -> None:
    cached(tmp_path).encode(LABELS)
    (shard,) = tmp_path.rglob("*.npy")
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(content)
    assert np.array_equal(cached(tmp_path).encode(LABELS).energies, CountingEncoder().encode(LABELS).energies)
    shard.write_bytes(content[:50])
    assert len(cached(tmp_path).encode(LABELS)) == len(LABELS)


def fill(folder: Path, start: int) -> None:
    for i in range(start, start + 10):
        cached(folder).encode(LABELS[i % 20 :] + LABELS[: i % 20 // 2])


def test_processes_that_fill_one_cache_at_once_do_not_harm_it(tmp_path: Path) -> None:
    context = get_context("spawn")
    workers = [context.Process(target=fill, args=(tmp_path, start)) for start in (0, 5, 13)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    encoder = cached(tmp_path)
    assert np.array_equal(encoder.encode(LABELS).embeddings, CountingEncoder().encode(LABELS).embeddings)


def test_the_encoder_is_given_affine_labels_whatever_the_table_of_the_run(tmp_path: Path) -> None:
    given: list[str] = []

    class Recording(CountingEncoder):
        def encode(self, labels: Sequence[str], /) -> Encoded:
            given.extend(labels)
            return super().encode(labels)

    spec = replace(example_encoder().spec, load=lambda parameters: Recording())
    crystal = Protostructure(14, [("Mg", "a"), ("Si", "d")], LetterTable.AVIARY)
    affine = Protostructure(14, crystal.orbits).label
    assert crystal.label != affine
    CachedEncoder(spec, {}, "0" * 64, None, LetterTable.AVIARY).encode([crystal.label])
    assert given == [affine]


@pytest.mark.parametrize("rows", [np.zeros((2, 5)), np.full((1, 5), np.nan), np.full((1, 5), np.inf)])
def test_an_encoder_that_gives_other_than_one_row_per_label_wholly_finite_or_none_is_refused(rows: np.ndarray) -> None:
    class Bad(CountingEncoder):
        def encode(self, labels: Sequence[str], /) -> Encoded:
            return Encoded(rows.astype(np.float32), np.zeros(len(rows), np.float32))

    spec = replace(example_encoder().spec, load=lambda parameters: Bad())
    with pytest.raises(PluginError, match="a finite row"):
        CachedEncoder(spec, {}, "0" * 64).encode(LABELS[:1])


# --- what is missing ----------------------------------------------------------------------------------------------


def test_without_an_encoder_the_cell_says_why_and_the_run_succeeds(tmp_path: Path) -> None:
    lacking = plugins(SmallEncoders(missing="pip install weights"))
    first = execute(lacking, tmp_path / "run")
    assert first.failures == ()
    assert cells(first)["fwd"].outcomes == (Missing("encoder counting: pip install weights"),)
    none = execute(plugins(SmallEncoders(default=False)), tmp_path / "none")
    assert cells(none)["fwd"].outcomes == (Missing("name an encoder with --encoder; known: counting, paper"),)
    installed = execute(plugins(), tmp_path / "later")
    assert cells(installed)["fwd@counts-0000"].mean == -2.0


def test_a_default_encoder_that_breaks_leaves_cells_empty_and_stops_nothing(tmp_path: Path) -> None:
    finished = execute(plugins(SmallEncoders(weights="no hex")), tmp_path / "run", metrics=["fwd", "halide_share"])
    assert finished.failures == ()
    (outcome,) = cells(finished)["fwd"].outcomes
    assert isinstance(outcome, Missing)
    assert "its identity must be a SHA-256" in outcome.reason
    assert cells(finished)["halide_share"].mean == 1.0


def test_a_metric_named_twice_is_one_column(tmp_path: Path) -> None:
    finished = execute(plugins(), tmp_path / "run", metrics=["fwd", "halide_share", "fwd"])
    assert [column.key for column in finished.table.columns] == ["fwd@counts-0000", "halide_share"]


def test_an_encoder_that_was_asked_for_and_is_missing_is_an_error_of_the_user(tmp_path: Path) -> None:
    lacking = plugins(SmallEncoders(missing="pip install weights"))
    for asked in ({"encoders": ["counting"]}, {"encoder": {"counting": {"broken": False}}}):
        with pytest.raises(ConfigError, match="encoder counting: pip install weights"):
            execute(lacking, tmp_path, **asked)
    with pytest.raises(ConfigError, match="did you mean 'counting'"):
        execute(plugins(), tmp_path, encoders=["countin"])


def test_weights_that_cannot_be_read_fill_the_cells_that_need_them_and_are_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    monkeypatch.setenv("ENCODER_LOG", str(log))
    finished = execute(
        plugins(), tmp_path / "run", metrics=["fwd", "width", "halide_share"], encoder={"counting": {"broken": True}}
    )
    problem = cells(finished)["fwd@counts-0000"].problem
    assert isinstance(problem, Failure)
    assert problem.error == "counting.pth: not a checkpoint"
    assert cells(finished)["halide_share"].mean == 1.0
    assert log.read_text().count("loaded") == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [({"identity": lambda p: "1234"}, "SHA-256 in hex"), ({"label": lambda p: "my_encoder"}, "its label may hold")],
)
def test_an_encoder_that_no_column_can_be_named_after_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(PluginError, match=message):
        check_encoder(replace(example_encoder().spec, **change))


def test_an_encoder_whose_rows_depend_on_one_another_breaks_the_contract() -> None:
    class Centred(CountingEncoder):
        def encode(self, labels: Sequence[str], /) -> Encoded:
            encoded = super().encode(labels)
            return Encoded(encoded.embeddings - encoded.embeddings[:1], encoded.energies)

    check_encoder(example_encoder().spec)
    with pytest.raises(AssertionError, match="depends on the order"):
        check_encoder(replace(example_encoder().spec, load=lambda parameters: Centred()))


def test_a_metric_cannot_take_the_name_of_a_column_with_an_encoder() -> None:
    class Bad:
        @hookimpl
        def crystalbench_metrics(self) -> list[MetricSpec]:
            return [MetricSpec(name="fwd@mine", version="1", title="", description="", compute=count)]

    with pytest.raises(PluginError, match="names its encoder"):
        Plugins().register(Bad(), "bad")


# --- verify -------------------------------------------------------------------------------------------------------


def test_verify_encodes_again_and_says_what_it_cannot_check(tmp_path: Path) -> None:
    found = plugins()
    execute(found, tmp_path / "run", encoders=["counting", "paper"])
    checks = list(Verification(RunFolder(tmp_path / "run"), found).checks())
    assert {check.finding for check in checks} == FINE
    assert {"encoder counting", "encoder paper", "halides/0 fwd", "halides/0 fwd@counts-0000"} <= {
        check.what for check in checks
    }
    changed = plugins(SmallEncoders(weights="1"))
    checks = list(Verification(RunFolder(tmp_path / "run"), changed).checks())
    assert {c.what: c.detail for c in checks if c.finding is Finding.NOT_CHECKED} == {
        "encoder counting": "has other weights now than in the run",
        "encoder paper": "has other weights now than in the run",
        "metric fwd": "needs encoder paper",
        "metric width": "needs encoder paper",
        "metric fwd@counts-0000": "needs encoder counting",
        "metric width@counts-0000": "needs encoder counting",
        "table settings": "depend on what is not there now",
        "table notes": "depend on what is not there now",
    }


def test_a_run_without_an_encoder_is_verified_without_one(tmp_path: Path) -> None:
    lacking = plugins(SmallEncoders(missing="pip install weights"))
    execute(lacking, tmp_path / "run")
    for now in (lacking, plugins()):
        checks = list(Verification(RunFolder(tmp_path / "run"), now).checks())
        assert {check.finding for check in checks} == FINE
