"""The table alone, as a piece of HTML for a notebook: no style sheet, no script, all text escaped."""

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from crystalbench import ColumnSet, ReporterSpec, Table, hookimpl
from crystalbench.tables.text import plain
from crystalbench_plugins.reports._layout import heading, layout

if TYPE_CHECKING:
    from jinja2 import Template

TEMPLATE = """\
<table>
<thead><tr><th style="text-align:left">generator</th>
{%- for title, marks in heads %}<th style="text-align:right">{{ title }}
{%- if marks %}<sup>{{ marks }}</sup>{% endif %}</th>
{%- endfor %}</tr></thead>
<tbody>
{%- for group in groups %}{% if headed %}
<tr><th colspan="{{ heads|length + 1 }}" style="text-align:left"><em>{{ group.heading }}</em></th></tr>{% endif %}
{%- for line in group.lines %}
<tr><td style="text-align:left">{{ line.title }}{% if line.marks %}<sup>{{ line.marks|join(",") }}</sup>{% endif %}</td>
{%- for entry in line.entries %}<td style="text-align:right">
{%- if entry.best %}<strong>{{ entry.text }}</strong>{% else %}{{ entry.text }}{% endif %}
{%- if entry.marks %}<sup>{{ entry.marks|join(",") }}</sup>{% endif %}</td>
{%- endfor %}</tr>
{%- endfor %}{% endfor %}
</tbody>
</table>
<details><summary>{{ title }}: notes</summary><small>{{ legend }}
{%- for mark, note in footnotes %}<br>({{ mark }}) {{ note }}{% endfor %}
{%- for note in notes %}<br>{{ note }}{% endfor %}</small></details>
"""


def render(table: Table) -> str:
    """Write the table; its footnotes stand folded below it."""
    sheet = layout(table)
    return _template().render(
        title=table.presentation.caption or table.title,
        heads=[
            (heading(column), ",".join(marks)) for column, marks in zip(sheet.table.columns, sheet.heads, strict=True)
        ],
        groups=sheet.groups,
        headed=sheet.headed,
        legend=" ".join(sheet.legend),
        footnotes=sheet.footnotes,
        notes=table.notes,
    )


@cache
def _template() -> "Template":
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, finalize=_plain)
    return environment.from_string(TEMPLATE)


def _plain(value: object) -> object:
    return plain(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


@hookimpl
def crystalbench_reporters() -> Iterable[ReporterSpec]:
    return (
        ReporterSpec(
            name="notebook",
            version="1",
            title="a piece of HTML, which notebooks show",
            suffix=".fragment.html",
            render=render,
            columns=ColumnSet.DEFAULT,
            notebook=True,
        ),
    )
