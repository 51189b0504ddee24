"""One table as a reader wants to see it: which runs, rows and columns, in which order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crystalbench.tables import merge, selection
from crystalbench.tables.results import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What is shown of the tables of some runs.

    Attributes
    ----------
    columns
        Names of metrics, columns or sets, in this order; left out: as the run chose.
    metrics
        The only metrics that are looked at: runs need agree in no other.
    generators
        Rows, in this order, below the training set's; left out: all.
    sort
        Column by which rows are sorted, best first; a hyphen before the name turns the order around.
    published
        Add the rows that papers printed.
    """

    columns: Sequence[str] = ()
    metrics: Sequence[str] = ()
    generators: Sequence[str] = ()
    sort: str = ""
    published: bool = False

    def of(self, tables: Mapping[str, Table]) -> Table:
        """Return one table of the tables of runs, by their names; raises `ConfigError` for names that nothing has."""
        if self.metrics:
            selection.check_columns(tables.values(), self.metrics)
            tables = {run: selection.select(table, self.metrics) for run, table in tables.items()}
        table = merge.merge(tables)
        selection.check_columns([table], [*self.columns, *filter(None, (self.sort.removeprefix("-"),))])
        table = merge.with_published(table) if self.published else table
        table = selection.choose_rows(table, self.generators) if self.generators else table
        table = selection.sort(table, self.sort) if self.sort else table
        shown = self.columns or self.metrics
        return selection.select(table, shown) if shown else table
