"""The results of a run, for programs and notebooks."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from crystalbench.errors import ConfigError, unknown_name
from crystalbench.plugins import Plugins
from crystalbench.runs.cache import read_regular
from crystalbench.runs.evidence import stored_evidence
from crystalbench.runs.folder import MANIFEST, RunFolder
from crystalbench.runs.manifest_shape import Status
from crystalbench.runs.paired import row_pairs
from crystalbench.tables.differences import Comparison, compare, matched
from crystalbench.tables.results import Cell, Failure, Presentation, Table
from crystalbench.tables.results_json import from_json
from crystalbench.tables.view import View

if TYPE_CHECKING:
    import pandas as pd

Names = str | Sequence[str]
"""One name, or several."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """A finished run: its table, its folder, and what failed.

    In a notebook it is shown as a table; printed, it is text.

    Attributes
    ----------
    table
        Rows, columns, cells, settings and notes.
    failures
        Cells and samples whose code failed; empty where all went well.
    folder
        The run, as `crystalbench run` writes it; gone with this object where `save` has not kept it.
    """

    table: Table
    failures: tuple[Failure, ...]
    folder: Path
    _plugins: Plugins = field(repr=False, compare=False)

    @property
    def cells(self) -> dict[str, Mapping[str, Cell]]:
        """Every cell by generator and key of the column, such as ``cells["my model"]["novelty"].mean``."""
        return {row.generator: row.cells for row in self.table.rows}

    def cell(self, generator: str, metric: str) -> Cell:
        """Return one cell; the metric may be named without its encoder where the run has one.

        Raises
        ------
        ConfigError
            A row or column that the run does not have, with the nearest name.
        """
        if generator not in self.cells:
            raise unknown_name("generator", generator, self.cells)
        keys = [column.key for column in self.table.columns if metric in (column.key, column.metric)]
        if not keys:
            raise unknown_name("metric", metric, {column.metric for column in self.table.columns})
        if len(keys) > 1:
            raise ConfigError(f"{metric} has a column for each encoder; name one: {', '.join(keys)}")
        return self.cells[generator].get(keys[0], Cell())

    def value(self, generator: str, metric: str) -> float:
        """Return the mean of a cell; raises `ConfigError` with the reason where it has no value."""
        cell = self.cell(generator, metric)
        if cell.mean is None:
            raise ConfigError(f"{generator} has no {metric}: {cell.problem or 'it was not computed'}")
        return cell.mean

    def render(
        self,
        reporter: str = "markdown",
        *,
        columns: Names = (),
        generators: Names = (),
        sort: str = "",
        published: bool = False,
        caption: str = "",
        label: str = "",
        settings: bool | None = None,
        width: int | None = None,
    ) -> str:
        """Return the table in the format of a reporter; the arguments are the options of `crystalbench table`."""
        view = View(columns=several(columns), generators=several(generators), sort=sort, published=published)
        table = view.of({str(self.folder): self.table})
        presentation = Presentation(width=width, caption=caption, label=label, settings=settings)
        chosen = self._plugins.reporters[reporter]
        evidence = None
        if chosen.illustrated is not None and (self.folder / MANIFEST).exists():
            evidence = stored_evidence(RunFolder(self.folder), self._plugins)
        return chosen.report(replace(table, presentation=presentation), evidence)

    def to_latex(
        self, columns: Names = (), *, caption: str = "", label: str = "", sort: str = "", published: bool = False
    ) -> str:
        """Return the table for a paper; ``columns="paper"`` are those of the WyckoffDiff paper's Tables 1 and 2."""
        return self.render("latex", columns=columns, caption=caption, label=label, sort=sort, published=published)

    def to_pandas(self, *, wide: bool = False) -> "pd.DataFrame":
        """Return all values: one line for each generator, metric and replica, as in ``table.csv``.

        ``wide`` has one line for each generator and a column for each metric, of means over replicas; shares are
        fractions in both.
        """
        import pandas as pd

        if not wide:
            return pd.read_csv(StringIO(self._plugins.reporters["csv"].report(self.table)))
        keys = [column.key for column in self.table.columns]
        means = [[row.cells.get(key, Cell()).mean for key in keys] for row in self.table.rows]
        index = pd.Index([row.generator for row in self.table.rows], name="generator")
        return pd.DataFrame(means, index=index, columns=keys, dtype=float)

    def compare(self, other: "Result", rows: Mapping[str, str] | None = None) -> tuple[Comparison, ...]:
        """Compare rows with those of another result, or of this one, cell by cell: difference, interval, test.

        Parameters
        ----------
        rows
            Rows of the other result by those of this one, such as ``{"before": "after"}``; left out: those of one name
            that both have measured.

        Raises
        ------
        ConfigError
            The results are of different datasets, or of different samples and conversions; or there are no such rows.
        """
        return compared(self.folder, other.folder, rows, self._plugins)

    def save(self, folder: str | Path) -> Path:
        """Keep the run in a folder, as `crystalbench run --out` does, with the samples that were in memory.

        `crystalbench verify` recomputes it from there, wherever the folder is moved.

        Raises
        ------
        ConfigError
            The folder holds another run, or other files.
        """
        target = RunFolder(Path(folder).expanduser().absolute())
        run = RunFolder(self.folder)
        if target.path == self.folder:
            return target.path
        target.claim(run.manifest()["key"])
        if target.path.exists():
            target.remove_reports()
        shutil.copytree(self.folder, target.path, ignore=shutil.ignore_patterns(MANIFEST), dirs_exist_ok=True)
        shutil.copy2(self.folder / MANIFEST, target.path / MANIFEST)  # last: with it the folder is a run
        return target.path

    def _repr_html_(self) -> str:
        names = [reporter.name for reporter in self._plugins.reporters.values() if reporter.notebook]
        return self.render(names[0]) if names else f"<pre>{self}</pre>"

    def __str__(self) -> str:
        return "\n".join(self.render(r.name) for r in self._plugins.reporters.values() if r.terminal)


def load(folder: str | Path) -> Result:
    """Return the result of a finished run from its folder.

    Raises
    ------
    ConfigError
        There is no run, or it was interrupted.
    ReadError
        A file of it is damaged.
    """
    run = RunFolder(Path(folder))
    manifest = run.manifest()
    if manifest["status"] != Status.FINISHED:
        raise ConfigError(f"{folder}: was interrupted; finish it with: crystalbench run --resume {folder}")
    failures = tuple(Failure(**failure) for failure in manifest["failures"])
    return Result(table=read_table(run.path), failures=failures, folder=run.path.absolute(), _plugins=installed())


def read_table(run: Path) -> Table:
    """Return the table of a run, or of a ``table.json`` alone."""
    path = run / "table.json" if run.is_dir() else run
    try:
        return from_json(read_regular(path).decode("utf-8"), str(path))
    except OSError as error:
        raise ConfigError(f"{run}: no table here; name a folder below results/") from error


def compared(
    first: Path, second: Path, rows: Mapping[str, str] | None = None, plugins: Plugins | None = None
) -> tuple[Comparison, ...]:
    """Compare rows of two runs, or of two ``table.json`` (`crystalbench.tables.differences`).

    Rows of the same samples are paired where they were converted otherwise, and the folders of both runs are there.
    """
    tables = read_table(first), read_table(second)
    conversions = {table.settings.get("conversion", "") for table in tables}
    rows = matched(*tables) if rows is None else rows
    pairs = row_pairs(first, second, rows, plugins or installed()) if len(conversions) > 1 else {}
    return compare(*tables, rows, pairs)


@cache
def installed() -> Plugins:
    """The plugins that are installed, loaded once a process."""
    return Plugins.load()


def several(names: Names) -> tuple[str, ...]:
    """Return names that were given in a list, or in one text with commas."""
    return tuple(name.strip() for name in names.split(",")) if isinstance(names, str) and names else tuple(names)
