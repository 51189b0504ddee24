"""Build tables: columns from metrics, rows from samples and outcomes, and one table from several runs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from crystalbench.errors import ConfigError
from crystalbench.interfaces import Subset
from crystalbench.runs.plan import MetricPlan, Plan
from crystalbench.runs.stream import ReplicaSamples
from crystalbench.tables.results import ENCODED_WITH, Cell, Column, Failure, Outcome, Row, RowKind, Table

DIFFERING = frozenset({"samples", "encoder"})
"""Settings in which runs of one table may differ."""


def column_of(metric: MetricPlan) -> Column:
    """The column that shows one metric."""
    spec, encoder = metric.spec, metric.encoder
    parameters = ", ".join(f"{key} {value}" for key, value in metric.parameters.items())
    return Column(
        key=metric.key,
        version=" ".join(
            (
                spec.version,
                *([f"({parameters})"] if parameters else []),
                *([f"encoder {encoder.identity}"] if encoder else []),
            )
        ),
        title=spec.title,
        latex=spec.latex,
        unit=spec.unit,
        direction=spec.direction,
        target_from=metric.target_from,
        digits=spec.digits,
        group="novel" if spec.subset is Subset.NOVEL else "",
        description=spec.description,
        show_interval=spec.show_interval,
        size_dependent=spec.size_dependent,
    )


def row_of(
    *,
    generator: str,
    title: str,
    kind: RowKind,
    key: str,
    n: int,
    replicas: Sequence[ReplicaSamples | Failure],
    outcomes: Mapping[str, Sequence[Outcome]],
) -> Row:
    """The row of one generator; ``n`` samples were asked of each replica."""
    drawn = [replica for replica in replicas if isinstance(replica, ReplicaSamples)]
    reasons = sum((samples.asked.reasons for samples in drawn), Counter())
    return Row(
        generator=generator,
        key=key,
        title=title,
        kind=kind,
        replicas=len(replicas),
        asked=n * len(replicas),
        drawn=sum(samples.n for samples in drawn),
        valid=sum(len(samples.asked.valid) for samples in drawn),
        reasons={str(reason): count for reason, count in sorted(reasons.items())},
        notes=tuple(dict.fromkeys(note for samples in drawn for note in samples.notes)),
        cells={name: Cell(outcomes=tuple(cell)) for name, cell in outcomes.items()},
    )


def run_settings(plan: Plan) -> dict[str, str]:
    """What the numbers of a run depend on, as text."""
    identity = plan.config.conversion.identity()
    settings = {
        "dataset": plan.dataset.name,
        "dataset version": f"{plan.dataset.version} (sha256 {plan.dataset_identity[:12]})",
        "conversion": ", ".join(f"{key} {value}" for key, value in identity.items()),
        "samples": f"{plan.config.n:,} per replica, seed {plan.config.seed}",
    }
    if plan.config.novel:
        limit = plan.config.draw_limit
        settings["novel"] = f"drawn until {plan.config.novel:,} are novel, at most {limit:,} draws"
    if plan.encoders:
        settings["encoder"] = "; ".join(encoder.describe() for encoder in plan.encoders)
    for metric in plan.metrics:
        if metric.parameters:
            settings[metric.key] = ", ".join(f"{key} {value}" for key, value in metric.parameters.items())
    return settings


def with_published(table: Table) -> Table:
    """Add the rows that papers printed for the table's dataset, where they are not there yet.

    A metric that was measured here with another encoder than the paper's gets a column of its own for the printed
    values: the two are different quantities.
    """
    from crystalbench.tables.published import rows

    published = [row for row in rows(table.settings["dataset"]) if row not in table.rows]
    printed = {key for row in published for key in row.cells}
    columns: dict[str, Column] = {}
    known = {column.key for column in table.columns}
    for column in table.columns:
        name = column.key.partition(ENCODED_WITH)[0]
        if column.encoder and name in printed - known:
            plain = replace(
                column,
                key=name,
                version="",
                target_from=column.target_from.partition(ENCODED_WITH)[0],
            )
            columns.setdefault(name, plain)
        columns[column.key] = column
    return replace(table, columns=tuple(columns.values()), rows=(*table.rows, *published))


def merge(tables: Sequence[Table]) -> Table:
    """Put the rows of several runs under one another.

    Runs must agree on dataset, conversion, the search for novel samples and the versions and settings of metrics; they
    may differ in the number of samples and in the encoders, which the table then says: values of different encoders
    stand in different columns. A row of the same samples, or published, appears once, with the cells of all runs. A
    generator that two runs measured on different samples appears twice, numbered.

    Raises
    ------
    ConfigError
        If the runs are not comparable.
    """
    columns: dict[str, Column] = {}
    for table in tables:
        for key in (tables[0].settings.keys() | table.settings.keys()) - DIFFERING - columns.keys():
            _compare(key, tables[0].settings.get(key), table.settings.get(key))
        for column in table.columns:
            known = columns.setdefault(column.key, column)
            _compare(f"metric {column.key}", known.version, column.version)
    settings = {key: value for table in tables for key, value in table.settings.items()}
    for key in DIFFERING & settings.keys():
        settings[key] = "; ".join(dict.fromkeys(t.settings[key] for t in tables if key in t.settings))
    return Table(
        title=tables[0].title if len({t.title for t in tables}) == 1 else f"{len(tables)} runs",
        columns=tuple(columns.values()),
        rows=tuple(_unique_rows([row for table in tables for row in table.rows])),
        settings=settings,
        notes=tuple(dict.fromkeys(note for table in tables for note in table.notes)),
    )


def _compare(what: str, first: str | None, other: str | None) -> None:
    if first != other:
        raise ConfigError(f"these runs are not comparable: {what} is {first!r} in one and {other!r} in another")


def _unique_rows(rows: Sequence[Row]) -> list[Row]:
    kinds = list(RowKind)
    unique: list[Row] = []
    for row in rows:
        same = next((i for i, o in enumerate(unique) if row == o or (row.key and row.key == o.key)), None)
        if same is not None:
            unique[same] = replace(unique[same], cells={**row.cells, **unique[same].cells})
            continue
        taken = {other.generator for other in unique if other.kind is row.kind}
        number = 1
        while (name := row.generator if number == 1 else f"{row.generator}#{number}") in taken:
            number += 1
        unique.append(row if number == 1 else replace(row, generator=name, title=f"{row.title} ({number})"))
    return sorted(unique, key=lambda row: kinds.index(row.kind))
