"""Verification notices every change of a run but those of what was measured, which it names."""

import copy
import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from crystalbench import DatasetSpec, GeneratorSpec, hookimpl
from crystalbench.errors import CrystalbenchError, ReadError
from crystalbench.plugins import Plugins
from crystalbench.runs.checks import Check, Finding
from crystalbench.runs.folder import RunFolder, digest_of
from crystalbench.runs.verify import Verification
from crystalbench.tables.results_json import from_json
from crystalbench.testing import example_dataset
from crystalbench.versions import all_packages, packages
from tests.hostile.small_run import execute, labels_file, small_plugins

STANDS = (
    # What a run says of its machine, its time and its plugins' accidents, and what nobody can measure again.
    r"started|finished|seconds(\.\w+)?|warnings(\[\d+\])?",
    r"environment\.(python|platform|cpu|cores|git(\..+)?)",
    rf"environment\.packages\.({'|'.join(map(re.escape, sorted(all_packages().keys() - packages().keys())))})",
    r"(failures|hook_failures|broken_plugins)\[\d+\]\.traceback",
    r"hook_failures|broken_plugins",
    r"generators\[\d+\]\.replicas\[\d+\]\.failure\.traceback",
    r"generators\[\d+\]\.replicas\[\d+\]\.timing\.covers",  # the rest stands in the table
    r"digest",  # is made anew in these tests
)
"""Places of a manifest where a change may pass: the whole list, which the README repeats in words."""

GONE = object()


@dataclass(frozen=True)
class Ran:
    """A run with rows of every kind, and all that it needs to be verified."""

    folder: Path
    plugins: Plugins


class Wider:
    """A dataset with published rows, and a generator with an example file."""

    def __init__(self, example: Path) -> None:
        self.example = example

    @hookimpl
    def crystalbench_datasets(self) -> list[DatasetSpec]:
        return [replace(example_dataset().spec, name="wbm-rebuilt")]

    @hookimpl
    def crystalbench_generators(self) -> list[GeneratorSpec]:
        spec = GeneratorSpec(
            name="known", version="1", title="Known", description="", reader="json-labels",
            example=lambda: self.example, trained_on=("another",),
        )  # fmt: skip
        return [spec]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    folder = tmp_path_factory.mktemp("verified")
    plugins = small_plugins()
    plugins.register(Wider(labels_file(folder / "example.json", 4)), "wider")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRYSTALBENCH_CACHE", str(folder / "cache"))
        execute(
            folder / "run", plugins, dataset="wbm-rebuilt", published=True, n=6,
            generators=["halides", "sizes", "known", "mine", "broken"],
            metrics=["halide_share", "seconds", "failing", "fwd"],
            generator={
                "mine": {"samples": [str(labels_file(folder / "mine.json", 9))], "title": "My model"},
                "sizes": {"generator": "structures", "size": [5.64]},
            },
        )  # fmt: skip
        yield Ran(folder / "run", plugins)


def found(folder: Path, plugins: Plugins, redraw: bool = False) -> set[Check]:
    """What is not as it should be."""
    checks = Verification(RunFolder(folder), plugins, redraw).checks()
    return {check for check in checks if check.finding not in (Finding.HOLDS, Finding.RECORDED)}


def places(document: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a JSON document that is in another one, with its place."""
    items: list[tuple[str, Any]] = []
    if isinstance(document, dict):
        items = [(f"{place}.{key}" if place else key, value) for key, value in document.items()]
    elif isinstance(document, list):
        items = [(f"{place}[{index}]", value) for index, value in enumerate(document)]
    for there, value in items:
        yield there, value
        yield from places(value, there)


def others(value: Any) -> list[Any]:
    """Other values for one: of the same type, of another type, none."""
    match value:
        case bool():
            return [not value, None, GONE]
        case int():
            return [value + 1, None, GONE]
        case float():
            return [value / 100 + 1e-3, None, GONE]
        case str():
            return [f"{value}x", *([""] if value else []), None, GONE]
        case None:
            return ["x", GONE]
        case list():
            return [
                [*value, copy.deepcopy(value[0])] if value else ["x"],
                GONE,
                *([value[::-1]] if value[::-1] != value else []),
            ]
        case _:
            return [value | {"added": 1}, GONE]


def changed(document: Any, place: str, value: Any) -> Any:
    document = copy.deepcopy(document)
    *path, last = [int(part[1:-1]) if part[0] == "[" else part for part in _parts(document, place)]
    target = document
    for part in path:
        target = target[part]
    if value is GONE:
        del target[last]
    else:
        target[last] = value
    return document


def _parts(document: Any, place: str) -> list[str]:
    """The steps of a place; keys may hold dots and brackets, so they are looked up."""
    parts: list[str] = []
    while place:
        if isinstance(document, list):
            match = re.match(r"\[(\d+)\]\.?", place)
            assert match
            parts.append(f"[{match[1]}]")
            document, place = document[int(match[1])], place[match.end() :]
        else:
            key = max((key for key in document if re.match(rf"{re.escape(key)}(\.|\[|$)", place)), key=len)
            parts.append(key)
            document, place = document[key], place[len(key) :].removeprefix(".")
    return parts


def sealed(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest with the digest that a forger would give it."""
    return manifest | {"digest": digest_of(manifest)} if "digest" in manifest else manifest


def unnoticed(
    ran: Ran, folder: Path, write: Callable[[Any], None], document: Any, stands: tuple[str, ...], every: int
) -> list[str]:
    """Places where a change passes that is not in the list of what stands; of all changes, one in ``every`` is made."""
    before = found(ran.folder, ran.plugins)
    changes = [(place, other) for place, value in places(document) for other in others(value)][::every]
    passed = []
    for place, other in changes:
        write(changed(document, place, other))
        try:
            noticed = found(folder, ran.plugins) - before
        except CrystalbenchError as error:
            noticed = {Check(str(error), Finding.DIFFERS)}
        if not noticed and not any(re.fullmatch(pattern, place) for pattern in stands):
            passed.append(f"{place} = {'(removed)' if other is GONE else other!r}")
    print(f"{len(changes)} changes, {len(passed)} unnoticed")
    return passed


def forged(ran: Ran, tmp_path: Path) -> Path:
    shutil.copytree(ran.folder, tmp_path / "run")
    return tmp_path / "run"


EVERY = [pytest.param(1, marks=pytest.mark.slow), 7]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("every", EVERY)
def test_every_change_of_a_manifest_is_noticed_but_those_of_what_was_measured(
    ran: Ran, tmp_path: Path, every: int
) -> None:
    folder = forged(ran, tmp_path)

    def write(manifest: Any) -> None:
        RunFolder(folder).write_json("manifest.json", sealed(manifest))

    assert unnoticed(ran, folder, write, RunFolder(ran.folder).manifest(), STANDS, every) == []


@pytest.mark.parametrize("place", ["environment.cpu", "warnings", "generators[0].replicas[0].timing.covers"])
def test_a_change_of_what_stands_is_noticed_where_the_digest_is_not_forged(
    ran: Ran, tmp_path: Path, place: str
) -> None:
    folder = forged(ran, tmp_path)
    manifest = RunFolder(ran.folder).manifest()
    value = ["x"] if place == "warnings" else "x"
    RunFolder(folder).write_json("manifest.json", changed(manifest, place, value))
    noticed = found(folder, ran.plugins) - found(ran.folder, ran.plugins)
    assert noticed == {Check("manifest", Finding.DIFFERS, "has been changed since the run wrote it")}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("every", [EVERY[0], 61])
def test_every_change_of_a_table_is_noticed_even_with_its_digests_and_reports(
    ran: Ran, tmp_path: Path, every: int
) -> None:
    folder = forged(ran, tmp_path)

    def write(table: Any) -> None:
        text = json.dumps(table)
        (folder / "table.json").write_text(text)
        try:
            drawn = from_json(text)
        except ReadError:
            return
        RunFolder(folder).write_text("table.txt", ran.plugins.reporters["titles"].report(drawn))
        resealed(folder)

    table = json.loads((ran.folder / "table.json").read_text())
    assert unnoticed(ran, folder, write, table, (), every) == []


def test_every_change_of_a_score_is_noticed(ran: Ran, tmp_path: Path) -> None:
    folder = forged(ran, tmp_path)

    def write(scores: Any) -> None:
        RunFolder(folder).write_json("scores.json", scores)
        resealed(folder)

    assert unnoticed(ran, folder, write, json.loads((ran.folder / "scores.json").read_text()), (), 3) == []


def resealed(folder: Path, **changes: Any) -> None:
    manifest = RunFolder(folder).manifest() | changes
    manifest["files"] = RunFolder(folder).digests()
    RunFolder(folder).write_json("manifest.json", sealed(manifest))


@pytest.mark.parametrize("name", ["scores.json", "ledger.csv", "samples/sizes.0.csv", "samples/mine.0.csv"])
def test_a_file_that_is_altered_with_its_digest_is_noticed(ran: Ran, tmp_path: Path, name: str) -> None:
    before = found(ran.folder, ran.plugins)
    text = (ran.folder / name).read_text()
    for old in ("halides", "sizes", "overlapping_atoms", "225", "Cl", "1", "a mean of energies", "value"):
        if old in text:
            folder = forged(ran, tmp_path)
            (folder / name).write_text(text.replace(old, {"225": "221", "1": "2"}.get(old, "other"), 1))
            resealed(folder)
            assert found(folder, ran.plugins) - before, old
            shutil.rmtree(folder)


def redrawn(folder: Path, plugins: Plugins) -> list[Check]:
    return list(Verification(RunFolder(folder), plugins, redraw=True).checks())


def test_a_measured_time_that_is_divided_by_a_hundred_stands_is_named_and_is_shown_beside_a_new_one(
    ran: Ran, tmp_path: Path
) -> None:
    folder = forged(ran, tmp_path)
    manifest = RunFolder(folder).manifest()
    timing = manifest["generators"][0]["replicas"][0]["timing"]
    before, timing["seconds"] = timing["seconds"], timing["seconds"] / 100
    scores = json.loads((folder / "scores.json").read_text())
    scores["halides"]["seconds"][0]["value"] = timing["seconds"]
    RunFolder(folder).write_json("scores.json", scores)
    table = json.loads((folder / "table.json").read_text())
    row = next(row for row in table["rows"] if row["generator"] == "halides")
    row["cells"]["seconds"]["outcomes"][0]["value"] = timing["seconds"]
    clock = table["settings"]["clock"]
    table["settings"]["clock"] = clock.replace(f"Halides {before:.3g} s", f"Halides {timing['seconds']:.3g} s")
    (folder / "table.json").write_text(json.dumps(table))
    resealed(folder, generators=manifest["generators"])
    assert found(folder, ran.plugins) == found(ran.folder, ran.plugins)
    (stands,) = (check for check in redrawn(folder, ran.plugins) if check.finding is Finding.RECORDED)
    assert f"measured times (behind seconds): halides/0 {timing['seconds']:.3g} s, drawn again" in stands.detail


def test_an_example_row_that_is_turned_into_a_measured_one_is_noticed_whatever_is_forged_with_it(
    ran: Ran, tmp_path: Path
) -> None:
    from crystalbench.runs.config import RunConfig
    from crystalbench.runs.keys import row_key, run_key

    folder = forged(ran, tmp_path)
    manifest = RunFolder(folder).manifest()
    config = RunConfig.from_mapping(manifest["config"])
    row = next(row for row in manifest["generators"] if row["name"] == "known")
    row["kind"] = "measured"
    inputs = [replica["inputs"] for replica in row["replicas"]]
    row["key"] = row_key("measured", inputs, 0, config, manifest["conversion"])
    rows = [row["key"] for row in manifest["generators"]]
    key = run_key(config, manifest["dataset"]["identity"], rows, [e["identity"] for e in manifest["encoders"]])
    table = json.loads((folder / "table.json").read_text())
    shown = next(other for other in table["rows"] if other["generator"] == "known" and other["kind"] == "example")
    shown |= {"kind": "measured", "key": row["key"]}
    (folder / "table.json").write_text(json.dumps(table))
    resealed(folder, generators=manifest["generators"], key=key)
    checks = found(folder, ran.plugins) - found(ran.folder, ran.plugins)
    (check,) = (check for check in checks if check.what == "generator known")
    assert "kind is 'measured', and should be 'example'" in check.detail


def test_a_note_that_is_removed_everywhere_is_noticed(ran: Ran, tmp_path: Path) -> None:
    folder = forged(ran, tmp_path)
    manifest = RunFolder(folder).manifest()
    table = json.loads((folder / "table.json").read_text())
    for row in manifest["generators"]:
        for replica in row["replicas"]:
            replica |= {"notes": []} if "notes" in replica else {}
    for row in table["rows"]:
        row["notes"] = [] if row["kind"] != "published" else row["notes"]
    (folder / "table.json").write_text(json.dumps(table))
    resealed(folder, generators=manifest["generators"])
    assert {check.what for check in found(folder, ran.plugins)} >= {"known/0 notes"}
    assert "mine/0 drawn again" in {c.what for c in redrawn(folder, ran.plugins) if c.finding is Finding.DIFFERS}


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "no JSON"), ("[]", "schema version"), ("[" * 100_000, "no JSON"), ('{"schema_version": 4}', "lacks status")],
)
def test_a_damaged_manifest_is_named(ran: Ran, tmp_path: Path, text: str, said: str) -> None:
    folder = forged(ran, tmp_path)
    (folder / "manifest.json").write_text(text)
    with pytest.raises(ReadError, match=f"manifest.json: .*{said}"):
        found(folder, ran.plugins)


def test_a_run_of_which_a_sample_file_is_gone_is_verified_as_far_as_it_can_be(ran: Ran, tmp_path: Path) -> None:
    own = tmp_path / "mine.json"
    settings: dict[str, Any] = {"generators": ["halides", "mine"], "n": 6}
    settings["generator"] = {"mine": {"samples": [str(labels_file(own, 6))]}}
    execute(tmp_path / "run", ran.plugins, **settings)
    own.unlink()
    missing = found(tmp_path / "run", ran.plugins)
    assert {check.what for check in missing} == {"generator mine", "table notes"}
    assert {check.finding for check in missing} == {Finding.NOT_CHECKED}
    table = json.loads((tmp_path / "run/table.json").read_text())
    table["rows"].append(table["rows"][-1] | {"generator": "better"})
    (tmp_path / "run/table.json").write_text(json.dumps(table))
    resealed(tmp_path / "run")
    assert "row better" in {check.what for check in found(tmp_path / "run", ran.plugins) - missing}
