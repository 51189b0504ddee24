"""The details of a result as words and numbers."""

from collections.abc import Iterator, Mapping

from crystalbench.tables.results import JSON

DRAWN = frozenset({"distributions", "sizes"})  # shown as charts
MOST = 8  # entries of a list that are written out


def facts(details: Mapping[str, JSON]) -> Iterator[tuple[str, str]]:
    """Yield a name and a text for everything in the details; mappings inside are named by all their keys."""
    for key, value in details.items():
        name = key.replace("_", " ")
        if key in DRAWN:
            continue
        if isinstance(value, dict):
            yield from ((f"{name}, {inner}", text) for inner, text in facts(value))
        else:
            yield name, _text(value)


def _text(value: JSON) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:.6g}"
        case list():
            more = f" and {len(value) - MOST:,} more" if len(value) > MOST else ""
            return (", ".join(map(_text, value[:MOST])) or "none") + more
        case dict():
            return "; ".join(f"{name} {text}" for name, text in facts(value)) or "none"
    return value
