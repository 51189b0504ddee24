"""Write the reference pages: commands from their help, records from what plugins declare, the API from its names."""

import inspect
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

import crystalbench
from crystalbench.cli import main
from crystalbench.parameters import Parameter
from crystalbench.plugins import KINDS, Plugins
from crystalbench.tables.text import plain

WORDS = {
    "metrics": "One record is one column of the table.",
    "generators": "Models to sample from, and adapters for the files that a model writes.",
    "readers": "File formats of generated crystals.",
    "datasets": "Training sets that samples are compared with.",
    "encoders": "Networks that embed protostructures, behind FWD and predicted energies.",
    "potentials": "Interatomic potentials: energy, forces and stress.",
    "hulls": "Known phases that a new material competes with.",
    "realisers": "What makes crystal structures of a protostructure.",
    "reporters": "Formats of the results table.",
    "suites": "Named sets of dataset, number of samples, metrics and columns.",
}
APART = ("commands",)  # these have a page of their own


def write_reference(folder: Path) -> None:
    """Write ``commands.md``, ``records.md`` and ``api.md``; a file that says what it said before is left alone."""
    _write(folder / "commands.md", "\n".join(_commands()))
    _write(folder / "records.md", "\n".join(_records(Plugins.load())))
    _write(folder / "api.md", "\n".join(_api()))


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def _commands() -> Iterator[str]:
    yield "# Commands\n\nAs `crystalbench COMMAND --help` prints them.\n"
    yield from _help(main, "crystalbench", None)


def _help(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent, max_content_width=96, terminal_width=96)
    if isinstance(command, click.Group) and parent is None:
        pass  # its list of commands is this page
    else:
        yield f"## `{context.command_path}`\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            if found is not None:
                yield from _help(found, inner, context)


def _records(plugins: Plugins) -> Iterator[str]:
    yield "# What is installed\n\nWhat the plugins that come with crystalbench declare.\n"
    for kind in KINDS:
        registry: Mapping[str, Any] = getattr(plugins, kind)
        if kind in APART or not registry:
            continue
        yield f"## {kind.capitalize()}\n\n{WORDS.get(kind, '')}\n"
        for name, record in sorted(registry.items(), key=lambda item: (getattr(item[1], "order", 0), item[0])):
            yield f"### `{name}`\n"
            yield f"{_text(getattr(record, 'title', ''))}. {_text(getattr(record, 'description', ''))}\n"
            yield from _settings(getattr(record, "parameters", ()))


def _settings(parameters: Iterable[Parameter]) -> Iterator[str]:
    listed = list(parameters)
    if listed:
        yield "| setting | default | |\n|---|---|---|"
        for parameter in listed:
            choices = f" One of {', '.join(map(str, parameter.choices))}." if parameter.choices else ""
            default = "" if parameter.default == "" else f"`{parameter.default}`"
            yield f"| `{parameter.name}` | {default} | {_text(parameter.help)}{choices} |"
        yield ""


def _api() -> Iterator[str]:
    """Every public name, those that are written where they are defined together."""
    yield "# Python API\n\nEverything here is imported from `crystalbench`, and stays.\n"
    kinds: dict[str, list[str]] = {"Functions": [], "Classes": [], "Errors": []}
    for name in sorted(crystalbench.__all__):
        found = getattr(crystalbench, name)
        if inspect.isclass(found):
            kinds["Errors" if issubclass(found, BaseException) else "Classes"].append(name)
        elif callable(found):
            kinds["Functions"].append(name)
    for title, names in kinds.items():
        yield f"## {title}\n\n```{{eval-rst}}\n.. currentmodule:: crystalbench\n"
        directive = "autofunction" if title == "Functions" else "autoclass"
        yield from (f".. {directive}:: {name}\n" for name in names)
        yield "```\n"


def _text(text: str) -> str:
    return plain(text).replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").strip()
