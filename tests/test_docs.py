"""The documents do what they say: their commands are run, their example is installed, their lists are complete."""

import importlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

import crystalbench
from crystalbench import hookspecs
from crystalbench.cli import COMMANDS, main
from crystalbench.plugins import KINDS, Plugins
from tests.installed import install

ROOT = Path(__file__).parents[1]
WRITTEN = {"commands.md", "records.md", "api.md"}  # by docs/write_reference.py
BINARIES = Path(sys.executable).parent


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(document: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text(document), flags=re.DOTALL)


def modules(document: str) -> dict[str, str]:
    """The modules that a document shows, by the name of their plugin."""
    shown = r"`crystalbench_(\w+)\.py`[^`]*(?:`[^`\n]+`)?:\n\n```python\n(.*?)```"
    return dict(re.findall(shown, text(document), flags=re.DOTALL))


def commands(document: str) -> list[str]:
    return [
        line.removeprefix("$ ")
        for block in blocks(document, "console")
        for line in block.splitlines()
        if line.startswith("$ crystalbench ")
    ]


def run(command: str, cwd: Path, **environment: str) -> str:
    words = shlex.split(command)
    done = subprocess.run(
        [sys.executable, "-m", "crystalbench", *words[1:]],
        cwd=cwd, capture_output=True, text=True, check=False, env={**os.environ, **environment},
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_commands_of_the_readme_run_in_order(tmp_path: Path) -> None:
    listed = commands("README.md")
    assert len(listed) >= 6
    (tmp_path / "my_labels.csv").write_text("protostructure\nAB_cF8_225_a_b:Br-K\nA_cF8_227_a:Si\n")
    cif = ROOT / "tests" / "golden" / "rock_salt.cif"
    (tmp_path / "my_crystals").mkdir()
    (tmp_path / "my_crystals" / "0.cif").write_bytes(cif.read_bytes())
    for command in listed:
        run(command, tmp_path)


def test_the_first_table_of_the_readme_is_that_of_the_committed_run() -> None:
    """`crystalbench table results/start --no-settings` prints it."""
    printed = text("results/start/table.md").partition("\n\n")[2].partition("\nSettings: ")[0]
    assert len(printed) > 1000
    assert printed.strip() in text("README.md")


def test_the_two_commands_of_the_readme_are_those_of_continuous_integration() -> None:
    lines = [line for block in blocks("README.md", "sh") for line in block.splitlines()]
    assert sum(line.startswith("python3 -m venv") and line.endswith("pytest") for line in lines) == 1
    assert (
        sum(line.startswith("python3 -m venv") and " crystalbench run " in line.replace("/bin/", " ") for line in lines)
        == 1
    )
    assert "README.md" in text(".ci/run")


def test_the_example_plugin_of_the_guide_installs_and_runs(tmp_path: Path) -> None:
    module = modules("plugins/README.md")["freedom"]
    (project,) = blocks("plugins/README.md", "toml")
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    (source / "crystalbench_freedom.py").write_text(module)
    (source / "pyproject.toml").write_text(project)
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    subprocess.run([*pip, "--target", str(target), str(source)], check=True, env={**os.environ, "PIP_CONSTRAINT": ""})
    assert len([line for line in module.splitlines() if line.strip()]) <= 20
    listed = [command for command in commands("plugins/README.md") if re.search("freedom|free_coordinates", command)]
    assert len(listed) == 2
    for command in listed:
        shown = run(command, tmp_path, PYTHONPATH=str(target))
        assert "free_coordinates" in shown or "Free coordinates" in shown


def test_the_guide_has_an_example_of_every_kind_of_record_and_each_keeps_the_contract_and_runs(tmp_path: Path) -> None:
    examples = modules("plugins/README.md")
    for kind in KINDS.keys() - {"commands", "realisers"}:
        assert any(f"def crystalbench_{kind}(" in source for source in examples.values())
    assert all(len([line for line in source.splitlines() if line.strip()]) <= 30 for source in examples.values())
    environment = install(tmp_path / "installed", examples)
    (tmp_path / "my.orbits").write_text("225 Na:a Cl:b\n225 K:a Br:b\n225 Na:z\nnothing\n")
    listed = commands("plugins/README.md")
    for name in examples:
        (check,) = [command for command in listed if f"plugin check {name}" in command]
        assert "ok  " in run(check, tmp_path, **environment)
    assert "--reports summary" in listed[-1]
    run(listed[-1], tmp_path, **environment)
    summary = (tmp_path / "mine" / "table.txt").read_text()
    assert "mine: 2 of 4 samples are valid" in summary
    assert "Halides: 200 of 200 samples are valid" in summary
    assert re.search(r"FWD sums-\w+: [\d.]+", summary)


def test_every_hook_and_its_arguments_are_in_the_guide() -> None:
    guide = text("plugins/README.md")
    for name, hook in vars(hookspecs).items():
        if name.startswith("crystalbench_"):
            assert f"`{name}`" in guide
            assert all(f"`{argument}`" in guide for argument in hook.__code__.co_varnames)


def test_every_command_and_record_is_in_the_reference_that_is_written_from_them(tmp_path: Path) -> None:
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        write_reference = importlib.import_module("write_reference").write_reference
    finally:
        sys.path.remove(str(ROOT / "docs"))
    write_reference(tmp_path)
    pages = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    plugins = Plugins.load()
    for name in (*COMMANDS, *plugins.commands):
        assert f"## `crystalbench {name}`" in pages["commands.md"]
    for kind in KINDS:
        if kind != "commands":
            assert [name for name in getattr(plugins, kind) if f"### `{name}`" not in pages["records.md"]] == []
    for name in crystalbench.__all__:
        assert name.startswith("__") or f":: {name}\n" in pages["api.md"] or not callable(getattr(crystalbench, name))


@pytest.mark.parametrize(
    ("kind", "page"),
    [("metrics", "explanation/metrics.md"), ("readers", "how-to/files.md"), ("datasets", "how-to/dataset.md")],
)
def test_every_metric_reader_and_dataset_is_explained(kind: str, page: str) -> None:
    shown = text(f"docs/{page}")
    assert [name for name in getattr(Plugins.load(), kind) if f"`{name}`" not in shown] == []


PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))


def test_the_commands_of_the_tutorial_run_in_order(tmp_path: Path) -> None:
    (written,) = re.findall(r"cat > my_labels.txt <<'END'\n(.*?)END\n", text("docs/tutorial.md"), flags=re.DOTALL)
    (tmp_path / "my_labels.txt").write_text(written)
    shown = [run(command, tmp_path) for command in commands("docs/tutorial.md")]
    assert len(shown) >= 4
    assert re.search(r"my_model\s*\|\s*100\.0\s*\|[^|]*\|\s*75\.0", "".join(shown))


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_the_pages_is_one_that_there_is(page: str) -> None:
    """What is not run as it stands at least has a command and options that exist."""
    lines = [line for block in blocks(page, "(?:sh|console)") for line in block.replace("\\\n", " ").splitlines()]
    for line in lines:
        words = shlex.split(line.removeprefix("$ "), comments=True)
        if not words or words[0] != "crystalbench":
            continue
        context, command = click.Context(main, info_name="crystalbench"), main
        rest = words[1:]
        while isinstance(command, click.Group):
            found = command.get_command(context, rest[0])
            assert found is not None, line
            context, command, rest = click.Context(found, info_name=rest[0], parent=context), found, rest[1:]
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert [word for word in rest if word.startswith("-") and word.partition("=")[0] not in known] == [], line


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("sphinx")
    pytest.importorskip("myst_parser")
    pytest.importorskip("furo")
    build = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-W",
        "--keep-going",
        "-b",
        "html",
        str(ROOT / "docs"),
        str(tmp_path),
    ]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "reference" / "commands.html").exists()


@pytest.mark.parametrize(
    "document", ["README.md", "CONTRIBUTING.md", "plugins/README.md", "results/README.md", "CHANGELOG.md", *PAGES]
)
def test_links_between_documents_lead_somewhere(document: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", text(document)):
        if not target.startswith("http") and target not in WRITTEN and Path(target).name not in WRITTEN:
            assert ((ROOT / document).parent / target).exists(), target
