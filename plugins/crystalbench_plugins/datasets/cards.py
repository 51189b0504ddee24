"""Dataset cards: prose written by hand, numbers taken from the packed files."""

from crystalbench.runs.cache import file_digest
from crystalbench_plugins.datasets.packed import Packed


def render(prose: str, *packed: Packed) -> str:
    """Append to ``prose`` (markdown) the counts, letter tables, sources and digests of the files."""
    parts = [prose.strip()]
    counts = {name: split for one in packed for name, split in one.about["splits"].items()}
    if counts:
        heads = list(next(iter(counts.values())))
        lines = ["| split | " + " | ".join(heads) + " |", "|---|" + "---:|" * len(heads)]
        for name, row in counts.items():
            lines.append(f"| {name} | " + " | ".join(f"{row[head]:,}" for head in heads) + " |")
        tables = sorted(set.intersection(*(set(one.about["tables"]) for one in packed)))
        parts += [
            "## Counts",
            "\n".join(lines),
            f"Protostructures and prototypes: distinct ones, affine letter table. Tables served: {', '.join(tables)}.",
        ]
    if rejected := sum(one.about.get("rejected", 0) for one in packed):
        parts.append(f"{rejected:,} rows of the source have no valid protostructure and are left out.")
    sources = {name: digest for one in packed for name, digest in one.about.get("sources", {}).items()}
    if sources:
        parts += ["## Made from", "\n".join(f"- `{name}` sha256 `{sources[name]}`" for name in sources)]
    parts += [
        f"File: `{one.path.name}`, {one.path.stat().st_size:,} bytes, sha256 `{file_digest(one.path)}`."
        for one in packed
    ]
    return "\n\n".join(parts) + "\n"
