"""JSON: a table read back is the table; whatever else is refused with its place."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crystalbench import (
    Cell,
    Column,
    ColumnSet,
    Direction,
    Failure,
    MetricResult,
    Missing,
    ReadError,
    Row,
    RowKind,
    Table,
)
from crystalbench.tables.results_json import from_json, outcome_from_json, outcome_to_json, to_json
from crystalbench_plugins.reports.json import crystalbench_reporters
from tests.plugins.reports.report_table import rich_table

finite = st.floats(allow_nan=False, allow_infinity=False)
counts = st.integers(0, 10**9)
decimals = st.decimals(-(10**9), 10**9, places=4) | st.sampled_from([Decimal("0.00"), Decimal("99")])
texts = st.text(st.characters(), max_size=8)
details = st.recursive(
    st.none() | st.booleans() | finite | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
outcomes = st.one_of(
    st.builds(
        MetricResult, value=finite, n=counts, interval=st.none() | st.tuples(finite, finite),
        details=st.dictionaries(texts, details, max_size=2),
    ),
    st.builds(Missing, texts),
    st.builds(Failure, texts, texts, texts),
)  # fmt: skip
cells = st.builds(
    Cell,
    outcomes=st.lists(outcomes, max_size=3).map(tuple),
    published=st.none() | st.tuples(decimals, st.none() | decimals),
)
rows = st.builds(
    Row, generator=texts, title=texts, kind=st.sampled_from(RowKind), replicas=counts, asked=counts, drawn=counts,
    valid=counts, searched=counts, novel=st.none() | counts, used=st.none() | counts,
    reasons=st.dictionaries(texts, counts, max_size=2), notes=st.lists(texts, max_size=2).map(tuple),
    cells=st.dictionaries(texts, cells, max_size=2),
)  # fmt: skip
columns = st.builds(
    Column, key=texts, title=texts, latex=texts, unit=texts, direction=st.sampled_from(Direction),
    digits=st.integers(0, 6), group=texts, description=texts, show_interval=st.booleans(),
    size_dependent=st.booleans(), within=st.sampled_from(ColumnSet),
)  # fmt: skip
tables = st.builds(
    Table, title=texts, columns=st.lists(columns, max_size=2).map(tuple), rows=st.lists(rows, max_size=2).map(tuple),
    settings=st.dictionaries(texts, texts, max_size=2), notes=st.lists(texts, max_size=2).map(tuple),
)  # fmt: skip


@given(tables)
def test_a_table_survives_the_round_trip(table: Table) -> None:
    text = to_json(table)
    assert from_json(text) == table
    assert to_json(from_json(text)) == text


@given(outcomes)
def test_an_outcome_survives_the_round_trip(outcome: MetricResult | Missing | Failure) -> None:
    assert outcome_from_json(json.loads(json.dumps(outcome_to_json(outcome)))) == outcome


def test_the_reporter_writes_what_the_core_reads() -> None:
    (spec,) = crystalbench_reporters()
    assert from_json(spec.render(rich_table())) == rich_table()


def test_names_with_lone_surrogates_can_be_written_to_a_file() -> None:
    table = Table(title="\udc80.csv", columns=(), rows=())
    assert from_json(to_json(table).encode().decode()) == table


@pytest.mark.parametrize("details", [{"x": float("nan")}, {"x": {1, 2}}])
def test_details_that_are_no_json_are_refused_where_they_are_made(details: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError), match="JSON"):
        MetricResult(value=1.0, n=1, details=details)


def _changed(path: tuple[str | int, ...], value: object) -> str:
    document: Any = json.loads(to_json(rich_table()))
    node = document
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return json.dumps(document)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "top level is .*expected a mapping"),
        ('{"schema_version": NaN}', "NaN is not a JSON number"),
        (_changed(("schema_version",), 1), "schema_version is 1; expected 4.*make the run again"),
        (_changed(("extra",), 1), "unknown key 'extra'"),
        (_changed(("rows", 1, "kind"), "best"), r"rows\[1\]\.kind is 'best'; expected one of measured"),
        (_changed(("rows", 1, "drawn"), True), r"rows\[1\]\.drawn is True; expected a whole number"),
        (_changed(("rows", 1, "reasons"), {"empty": -1}), r"rows\[1\]\.reasons\.empty is -1"),
        (_changed(("columns", 0, "digits"), 1.5), r"columns\[0\]\.digits"),
        (_changed(("columns", 1, "show_interval"), 1), r"columns\[1\]\.show_interval is 1; expected true or false"),
        (_changed(("columns", 0), {"key": "x"}), r"columns\[0\] lacks version, title"),
        (_changed(("rows", 1, "cells", "fwd", "outcomes", 0, "type"), "guess"), "expected one of value"),
        (_changed(("rows", 1, "cells", "fwd", "outcomes", 0, "interval"), [1]), r"expected \[low, high\]"),
        (_changed(("rows", 0, "cells", "fwd", "published"), [1]), "expected .mean"),
        (_changed(("rows", 0, "cells", "fwd", "published"), ["1e9", None]), "expected a number as text"),
        (_changed(("rows", 0, "cells", "fwd", "published"), [1.0, None]), "expected text"),
        (to_json(rich_table()).replace('"value": 0.46', '"value": 1e999'), "is inf; expected a finite number"),
    ],
)  # fmt: skip
def test_other_documents_are_refused_with_the_place(text: str, message: str) -> None:
    with pytest.raises(ReadError, match=message) as caught:
        from_json(text, "mine.json")
    assert "mine.json" in str(caught.value)
