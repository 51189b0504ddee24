"""Where a model's samples differ from its training split: numbers of elements, formulas, prototypes, what is new."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence

from crystalbench import Protostructure, Split

SYSTEMS = ((2, "triclinic"), (15, "monoclinic"), (74, "orthorhombic"), (142, "tetragonal"), (167, "trigonal"),
           (194, "hexagonal"), (230, "cubic"))  # fmt: skip
"""Last space group of each crystal system."""
MOST_ELEMENTS, MOST_ORBITS = 5, 8


def marginals(samples: Sequence[Protostructure], train: Split, held_out: Split | None) -> str:
    """Return tables (Markdown) of valid samples beside training rows and, for scale, as many held-out rows.

    Total variation is half the sum of the differences of shares: 0 for equal distributions, 1 for disjoint ones. It is
    above zero for any finite sample, so the held-out rows are as many as the samples, where there are as many.
    """
    drawn = [sample.label for sample in samples]
    held = _spread(held_out.labels, len(samples)) if held_out else []
    columns = {"training": train.labels, "held out": held, "samples": drawn}
    columns = {name: labels for name, labels in columns.items() if labels}
    names = list(columns)
    lines = [f"| | {' | '.join(names)} |", f"|---|{'---:|' * len(names)}"]
    for number in range(1, MOST_ELEMENTS + 1):
        shares = [_share(number, labels) for labels in columns.values()]
        lines.append(f"| {_count(number, MOST_ELEMENTS, 'element')}, % | {' | '.join(shares)} |")
    for title, key in (("number of elements", _elements), ("anonymous formula", _formula), ("prototype", None)):
        lines.append(f"| total variation: {title} | {' | '.join(_distances(columns, train, key, samples, held))} |")
    known = train.prototype_set
    fresh = {id(sample): sample.prototype not in known for sample in samples}
    lines += ["", "| samples | number | with a prototype that training lacks, % |", "|---|---:|---:|"]
    for title, chosen in (
        ("all", list(samples)),
        *((name, [s for s in samples if _system(s) == name]) for _, name in SYSTEMS),
        *(
            (_count(n, MOST_ORBITS, "orbit"), [s for s in samples if min(len(s.orbits), MOST_ORBITS) == n])
            for n in range(1, MOST_ORBITS + 1)
        ),
    ):
        share = f"{100 * sum(fresh[id(s)] for s in chosen) / len(chosen):.1f}" if chosen else "–"
        lines.append(f"| {title} | {len(chosen):,} | {share} |")
    return "\n".join(lines) + "\n"


def _distances(
    columns: dict[str, Sequence[str]], train: Split, key: Callable[[str], Hashable] | None,
    samples: Sequence[Protostructure], held: Sequence[str],
) -> Iterable[str]:  # fmt: skip
    if key is None:
        prototypes: dict[str, Iterable[Hashable]] = {
            "training": train.prototypes,
            "held out": [Protostructure.from_canonical(label).prototype for label in held],
            "samples": [sample.prototype for sample in samples],
        }
    else:
        prototypes = {name: map(key, labels) for name, labels in columns.items()}
    counts = {name: Counter(values) for name, values in prototypes.items()}
    return ["" if name == "training" else f"{_variation(counts['training'], counts[name]):.3f}" for name in columns]


def _variation(x: Counter[Hashable], y: Counter[Hashable]) -> float:
    n, m = x.total(), y.total()
    return sum(abs(x[key] / n - y[key] / m) for key in x.keys() | y.keys()) / 2


def _share(number: int, labels: Sequence[str]) -> str:
    return f"{100 * sum(min(_elements(label), MOST_ELEMENTS) == number for label in labels) / len(labels):.1f}"


def _spread(labels: Sequence[str], n: int) -> list[str]:
    n = min(n, len(labels))
    return [labels[k * len(labels) // n] for k in range(n)]


def _elements(label: str) -> int:
    return label.partition(":")[2].count("-") + 1


def _formula(label: str) -> str:
    return label.partition("_")[0]


def _system(sample: Protostructure) -> str:
    return next(name for last, name in SYSTEMS if sample.spacegroup <= last)


def _count(n: int, most: int, noun: str) -> str:
    return f"{n} {noun}{'s' if n > 1 else ''}{' or more' if n == most else ''}"
