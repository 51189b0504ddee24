"""Which metrics a run has: those that are named, one by one or by a word for several."""

from crystalbench.interfaces import MetricSpec, Need, Subset
from crystalbench.plugins import Plugins
from crystalbench.runs.config import RunConfig
from crystalbench.tables.results import NOVEL

DEFAULT = "default"
"""The metrics of a run that names none."""


def wanted_metrics(config: RunConfig, plugins: Plugins) -> tuple[str, ...]:
    """Return the names of the metrics of a run; with those of energies if asked.

    A word that is no metric's name stands for the default ones, or for those under a heading of the table.
    """
    ordered = sorted(plugins.metrics.values(), key=lambda spec: (spec.order, spec.name))
    found: list[str] = []
    for word in config.metrics or (DEFAULT,):
        members = [spec.name for spec in ordered if (spec.default if word == DEFAULT else heading(spec) == word)]
        found += [word] if word in plugins.metrics else members or [word]
    found += [spec.name for spec in ordered if config.with_energies and Need.ENERGY in spec.needs]
    return tuple(dict.fromkeys(found))


def heading(spec: MetricSpec) -> str:
    """Return the heading over the column of a metric."""
    return spec.group or (NOVEL if spec.subset is Subset.NOVEL else "")
