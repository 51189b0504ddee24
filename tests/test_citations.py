"""What is cited: strict BibTeX, each entry once, and nothing that no plugin declares."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from crystalbench import MetricSpec, __version__, hookimpl
from crystalbench.citations import Entry, cited, own, parse
from crystalbench.cli import main
from crystalbench.errors import PluginError
from crystalbench.plugins import KINDS, Plugins
from crystalbench.runs.bibliography import bibliography
from crystalbench.runs.folder import RunFolder
from crystalbench.testing import check_plugin
from tests.small_plugins import count

ROOT = Path(__file__).parents[1]
REFERENCES = (ROOT / "crystalbench/references.bib").read_text(encoding="utf-8")
PAPER = "@article{me2026, title = {A {Metric}}, author = {Me, A.}, year = 2026}"


def test_every_entry_that_comes_with_crystalbench_is_read_and_stands_there_once() -> None:
    keys = [entry.key for entry in parse(REFERENCES)]
    assert len(keys) == len(set(keys)) == REFERENCES.count("\n@")


def test_every_entry_that_comes_with_crystalbench_is_cited_by_a_record() -> None:
    plugins = Plugins.load()
    specs = [spec for kind in KINDS for spec in getattr(plugins, kind).values()]
    used = {entry.key for spec in specs for entry in cited(getattr(spec, "cite", ()))}
    assert {entry.key for entry in parse(REFERENCES)} - used == {
        "togo2024spglib",
        "shinohara2026moyo",
        "harris2020array",
    }


@given(
    st.from_regex(r"[a-z]+[0-9]*", fullmatch=True),
    st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9]*", fullmatch=True),
        st.lists(st.sampled_from(["é", "{A}", '"', "=", ",", "\\'a", "word"]), min_size=1).map(" ".join),
    ),
)
def test_what_is_printed_is_read_as_the_same(key: str, more: dict[str, str]) -> None:
    entry = Entry("misc", key, more | {"title": "T", "author": "A", "year": "2020"})
    assert parse(f"{entry}\n\n% by me\n{own()}") == (entry, own())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("see my paper", "line 1: expected @kind{key"),
        ("@article{a, title = {T}, author = {A}}", "a has no year"),
        ("@article{a, title = {T}, author = {A}, year = {in press}}", "'in press' is no year"),
        ("@article{a,\n title = {T} author = {A}}", "line 2: expected a comma"),
        ("@article{a, title = {T}, title = {U}}", "title is given twice"),
        ("@article{a, title = {{T}, author = {A}, year = {2020}", "braces do not match"),
        ('@article{a, title = "T}", year = {2020}}', "braces do not match"),
        ("@article{a, title = jan # {T}}", "expected a value in braces or quotes"),
        ("@article{a b, title = {T}}", "expected @kind{key"),
        ("@article{a, title = {T}, author = {A}, year = {2020}", "expected a comma or the brace"),
    ],
)
def test_what_is_no_bibtex_is_refused_with_line_and_fault(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)):
        parse(text)


def test_bibtex_that_a_plugin_got_wrong_is_named_by_the_check() -> None:
    plugins = Plugins()
    specs = {
        "good": (PAPER, "xie2022crystal"),
        "slip": ("xie2022crystals",),
        "open": ("@article{a, title = {T}",),
        "twice": (PAPER, PAPER.replace("me2026", "ME2026")),
        "text": "xie2022crystal",
    }
    declared = [
        MetricSpec(name=name, version="1", title=name, description="", compute=count, cite=cite)  # type: ignore[arg-type]
        for name, cite in specs.items()
    ]
    plugins.register(SimpleNamespace(crystalbench_metrics=hookimpl(lambda: declared)), "mine")
    found = {
        check.what: check.problem for check in check_plugin(plugins.infos[0], plugins) if "citations" in check.what
    }
    assert found == {
        "citations of metric good": "",
        "citations of metric slip": "slip: cite: unknown reference 'xie2022crystals'; did you mean 'xie2022crystal'?",
        "citations of metric open": "open: cite: no entry of BibTeX: line 1: "
        "expected a comma or the brace that ends the entry",
        "citations of metric twice": "twice: cites one key twice: me2026, me2026",
        "citations of metric text": "text: cite must be a tuple of texts, got 'xie2022crystal'",
    }


@pytest.fixture(scope="module")
def manifest() -> dict[str, object]:
    return RunFolder(ROOT / "results/start").manifest()


def test_a_run_cites_crystalbench_first_and_each_entry_once(manifest: dict[str, object]) -> None:
    text = bibliography([manifest, manifest], Plugins.load())
    keys = [entry.key for entry in parse(text)]
    assert keys[:2] == ["crystalbench", "wang2021predicting"]
    assert len(set(keys)) == len(keys)
    assert {"ekstrom2025wyckoffdiff", "goodall2022rapid", "levy2025symmcd", "togo2024spglib"} <= set(keys)
    assert not {"shinohara2026moyo", "deng2023chgnet", "zhu2024wycryst"} & set(keys)


def test_records_that_declare_nothing_or_are_not_installed_are_named_and_nothing_is_made_up(
    manifest: dict[str, object],
) -> None:
    plugins = Plugins.load()
    del plugins.metrics["smact_validity"]
    silent, _, unknown = bibliography([manifest], plugins).splitlines()[-3:]
    assert unknown == "% not known here: metric smact_validity"
    assert silent.startswith("% declares nothing to cite: generator train, test, random; metric validity, ")


def test_two_entries_under_one_key_are_refused_with_both_names(manifest: dict[str, object]) -> None:
    plugins = Plugins.load()
    for name, title in (("validity", "A"), ("p1_share", "B")):
        entry = f"@misc{{one, title = {{{title}}}, author = {{X}}, year = {{2020}}}}"
        plugins.metrics[name] = replace(plugins.metrics[name], cite=(entry,))
    with pytest.raises(PluginError, match="metric p1_share and metric validity cite different entries under the key"):
        bibliography([manifest], plugins)


def test_the_command_writes_what_a_parser_reads(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["cite", str(ROOT / "results/start"), "--out", str(tmp_path / "run.bib")])
    assert (done.exit_code, done.output) == (0, "")
    assert len(parse((tmp_path / "run.bib").read_text(encoding="utf-8"))) > 10


def test_the_citation_file_says_what_the_entry_of_crystalbench_says() -> None:
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    entry = own()
    assert f'title: "{entry.fields["title"]}"' in text
    assert f'name: "{entry.fields["author"].strip("{}")}"' in text
    assert re.search(rf"^version: {re.escape(__version__)}$", text, re.MULTILINE)
    assert entry.fields["author"].strip("{}") in (ROOT / "LICENSE").read_text(encoding="utf-8")


@pytest.mark.peer
def test_another_reader_of_bibtex_finds_the_same_entries() -> None:
    bibtexparser = pytest.importorskip("bibtexparser")
    theirs = bibtexparser.loads(REFERENCES).entries_dict
    ours = {entry.key: entry for entry in parse(REFERENCES)}
    assert theirs.keys() == ours.keys()
    for key, entry in ours.items():
        assert {name: theirs[key][name] for name in entry.fields} == dict(entry.fields)
