"""`crystalbench plan`."""

from math import ceil
from operator import itemgetter
from pathlib import Path
from typing import Any

import click

from crystalbench.cli.options import PLUGIN_FILES, build_config, run_options
from crystalbench.plugins import Plugins
from crystalbench.runs.cache import Cache
from crystalbench.runs.plan import GeneratorPlan, ReplicaPlan, make_plan


@click.command(name="plan")
@run_options
@PLUGIN_FILES
def command(files: tuple[Path, ...], **flags: Any) -> None:
    """Show what a run would do, and what of it is cached; computes nothing."""
    plugins = Plugins.load(files=files)
    plan = make_plan(build_config(suites=plugins.suites, **flags), plugins)
    if plan.config.suite:
        click.echo(f"suite       {plan.config.suite}")
    cache = Cache()
    click.echo(f"dataset     {plan.dataset.name}: {plan.dataset.title}")
    click.echo(f"            {plan.comparison.sentence}")
    for warning in plan.warnings:
        click.echo(f"warning     {warning}")
    click.echo(f"conversion  {', '.join(f'{k} {v}' for k, v in plan.config.conversion.identity().items())}")
    for generator in plan.generators:
        for replica in generator.replicas:
            source = (
                f"{replica.source} (reader {generator.reader.name})" if generator.reader else _live(replica, generator)
            )
            click.echo(
                f"generator   {generator.name} [{generator.kind}] from {source}; "
                f"{_cached(cache, generator, replica, plan.config.n)}"
            )
    for encoder in plan.encoders:
        click.echo(f"encoder     {encoder.describe()}")
    click.echo(f"metrics     {', '.join(metric.key for metric in plan.metrics if not metric.missing)}")
    for metric in plan.metrics:
        if metric.missing:
            click.echo(f"            {metric.key} stays empty: {metric.missing}")
    click.echo(f"reports     {', '.join(reporter.name for reporter in plan.reporters)}")
    click.echo(f"key         {plan.key[:8]}")


def _live(replica: ReplicaPlan, generator: GeneratorPlan) -> str:
    """The seed of a replica, and the values that it has of its own."""
    own = (f", {k} {replica.parameters[k]}" for k, value in generator.parameters.items() if isinstance(value, list))
    of = f"{generator.plugin}, " if generator.plugin != generator.name else ""
    return f"{of}seed {replica.seed}{''.join(own)}"


def _cached(cache: Cache, generator: GeneratorPlan, replica: ReplicaPlan, n: int) -> str:
    chunks = ceil(n / generator.chunk_size)
    for number in range(chunks):
        last = cache.get("converted", replica.converted_key(number), itemgetter("last"))
        if last is None:
            return f"{number} of {'at most ' if generator.reader else ''}{chunks} chunks cached"
        if last:
            return "all cached"
    return "all cached"
