"""`crystalbench plugins`."""

import json
from dataclasses import asdict

import click

from crystalbench.cli.debug import show_trace
from crystalbench.plugins import PluginInfo, Plugins


@click.command(name="plugins")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(as_json: bool) -> None:
    """List all plugins, what each declares, and what is wrong with the broken ones."""
    plugins = Plugins.load()
    if as_json:
        click.echo(json.dumps([asdict(info) for info in plugins.infos], indent=1))
        return
    from tabulate import tabulate

    rows = [(info.name, f"{info.distribution} {info.version}", _declared(info)) for info in plugins.infos]
    click.echo(tabulate(rows, headers=("plugin", "from", "declares"), disable_numparse=True))
    for info in plugins.broken:
        show_trace(info.traceback)


def _declared(info: PluginInfo) -> str:
    if info.error:
        return f"BROKEN: {info.error}"
    return "; ".join(f"{kind}: {', '.join(names)}" for kind, names in info.declares.items()) or "hooks only"
