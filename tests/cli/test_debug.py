"""Where code of a plugin failed is shown to who asks for it; names are completed by the shell."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from crystalbench.cli import COMMANDS, main
from crystalbench.cli.completion import record
from crystalbench.plugins import Plugins
from tests.small_plugins import Small


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The small plugin is the only one that is installed."""
    plugins = Plugins()
    plugins.register(Small(), "small")
    monkeypatch.setattr(Plugins, "load", classmethod(lambda cls, files=(): plugins))


@pytest.mark.parametrize("name", [*COMMANDS, "size-effect", "wyckoffdiff"])
def test_every_command_takes_the_option(name: str) -> None:
    context = click.Context(main)
    command = main.get_command(context, name)
    assert command is not None
    assert [parameter.name for parameter in command.params].count("debug") == 1
    if isinstance(command, click.Group):
        for part in command.list_commands(context):
            found = command.get_command(context, part)
            assert found is not None
            assert [parameter.name for parameter in found.params].count("debug") == 1


@pytest.mark.usefixtures("small")
def test_a_check_that_fails_shows_where_only_when_asked() -> None:
    plain = CliRunner().invoke(main, ["plugin", "check", "small"])
    asked = CliRunner().invoke(main, ["plugin", "check", "small", "--debug"])
    assert plain.exit_code == asked.exit_code == 1
    assert "FAIL generator broken: RuntimeError: no weights" in plain.output
    assert "Traceback" not in plain.output
    assert "small_plugins.py" in asked.output


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("debug", [[], ["--debug"]])
def test_a_run_that_fails_says_where_to_look_or_shows_it(tmp_path: Path, debug: list[str]) -> None:
    out = str(tmp_path / "run")
    arguments = ["run", "-d", "example", "-g", "broken,halides", "-n", "5", "-o", out, *debug]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 1
    assert "sample broken: RuntimeError: no weights" in done.output
    assert ("Traceback" in done.output) == bool(debug)
    assert ("manifest.json, and shown with --debug" in done.output) == (not debug)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("kind", "several", "typed", "offered"),
    [
        ("metrics", True, "ha", ["halide_share"]),
        ("generators", True, "halides,h", ["halides,heavy"]),
        ("datasets", False, "", ["example"]),
        ("datasets", False, "example,", []),
    ],
)
def test_the_shell_completes_names(kind: str, several: bool, typed: str, offered: list[str]) -> None:
    context = click.Context(main)
    found = record(kind, several).shell_complete(context, click.Option(["--x"]), typed)
    assert [item.value for item in found] == offered
