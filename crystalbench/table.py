"""Build tables: columns from metrics, settings from a plan, and one table from several runs."""

from collections.abc import Sequence
from dataclasses import replace

from crystalbench.errors import ConfigError
from crystalbench.interfaces import MetricSpec, Subset
from crystalbench.plan import Plan
from crystalbench.results import Column, Row, RowKind, Table


def column_of(spec: MetricSpec) -> Column:
    """The column that shows one metric."""
    return Column(
        key=spec.name,
        title=spec.title,
        latex=spec.latex,
        unit=spec.unit,
        direction=spec.direction,
        target_from=spec.target_from,
        digits=spec.digits,
        group="novel" if spec.subset is Subset.NOVEL else "",
        description=spec.description,
    )


def run_settings(plan: Plan) -> dict[str, str]:
    """What the numbers of a run depend on, as text; tables are comparable when these are equal."""
    identity = plan.config.conversion.identity()
    settings = {
        "dataset": plan.dataset.name,
        "dataset version": f"{plan.dataset.version} (sha256 {plan.dataset_identity[:12]})",
        "conversion": ", ".join(f"{key} {value}" for key, value in identity.items()),
        "samples": f"{plan.config.n:,} per replica, seed {plan.config.seed}",
    }
    if plan.config.novel:
        settings["novel"] = f"drawn until {plan.config.novel:,} are novel, at most {plan.config.draw_limit:,} draws"
    for metric in plan.metrics:
        if metric.parameters:
            settings[metric.spec.name] = ", ".join(f"{key} {value}" for key, value in metric.parameters.items())
    return settings


def with_published(table: Table) -> Table:
    """Add the rows that papers printed for the table's dataset."""
    from crystalbench.published import rows

    return replace(table, rows=(*table.rows, *rows(table.settings["dataset"])))


def merge(tables: Sequence[Table]) -> Table:
    """Put the rows of several runs under one another.

    Runs must agree on dataset, conversion and metric settings; they may differ in the number of samples, which the
    table then says. A reference or published row that several runs share appears once. A generator that two runs
    measured appears twice, numbered.

    Raises
    ------
    ConfigError
        If the runs are not comparable.
    """
    first = tables[0]
    for other in tables[1:]:
        for key in (first.settings.keys() & other.settings.keys()) - {"samples", "novel"}:
            if first.settings[key] != other.settings[key]:
                raise ConfigError(
                    f"these runs are not comparable: {key} is {first.settings[key]!r} in one "
                    f"and {other.settings[key]!r} in another"
                )
    columns = {column.key: column for table in tables for column in table.columns}
    samples = dict.fromkeys(table.settings.get("samples", "") for table in tables)
    return Table(
        title=first.title if len({t.title for t in tables}) == 1 else f"{len(tables)} runs",
        columns=tuple(columns.values()),
        rows=tuple(_unique_rows([row for table in tables for row in table.rows])),
        settings={**{k: v for t in tables for k, v in t.settings.items()}, "samples": "; ".join(samples)},
        notes=tuple(dict.fromkeys(note for table in tables for note in table.notes)),
    )


def _unique_rows(rows: list[Row]) -> list[Row]:
    kinds = list(RowKind)
    unique: list[Row] = []
    for row in rows:
        if row in unique:
            continue
        same = sum(other.generator.partition("#")[0] == row.generator for other in unique)
        unique.append(
            replace(row, generator=f"{row.generator}#{same + 1}", title=f"{row.title} ({same + 1})") if same else row
        )
    return sorted(unique, key=lambda row: kinds.index(row.kind))
