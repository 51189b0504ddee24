"""What a discovery leaves: ranked materials, funnel, ledger, structures, phase diagrams.

samples.csv              the samples that it began with, as a run keeps them
materials.csv            every material that was tried, the best first (`FIELDS`); energies in eV/atom
materials.jsonl          the same without loss: all tries, the relaxed structures
ledger.csv               every other sample, with the reason why it is no candidate
report.*                 funnel and ranking in every report format
structures/RANK-….cif    the relaxed structure of each material
phase-diagrams/RANK-….svg    of the best ones that have two or three elements
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from crystalbench.crystals.protostructure import Protostructure
from crystalbench.isolation import isolated
from crystalbench.materials.cif import cif
from crystalbench.materials.hull import Hull
from crystalbench.materials.judged import Judged
from crystalbench.materials.phase_diagram import MOST_ELEMENTS, draw
from crystalbench.materials.vasp import write_vasp_inputs
from crystalbench.plugins import Plugins
from crystalbench.runs.discovery.candidates import Chosen
from crystalbench.runs.discovery.source import Source
from crystalbench.runs.folder import RunFolder, csv_text, samples_text
from crystalbench.runs.run_energies import materials_text
from crystalbench.tables.listing import Entry, Heading, Listing, Page
from crystalbench.tables.results import Failure

NEAR = 0.1
"""eV/atom above the hull: what is usually called metastable."""

SHOWN = 50
"""Materials in the ranking of a report; all are in ``materials.csv``."""

FIELDS = (
    *("rank", "index", "protostructure", "formula", "e_above_hull", "formation_energy", "energy", "decomposes_into"),
    *(
        "tries",
        "best_try",
        "agreed",
        "relaxed_0.01",
        "relaxed_0.1",
        "symmetry_kept",
        "novel",
        "relaxed_novel",
        "copies",
    ),
    *("predicted_formation_energy", "predicted_e_above_hull", "cpu_seconds", "reason", "detail"),
)


OF_POTENTIAL = ("potential_formation_energy", "potential_e_above_hull")
"""More columns of ``materials.csv``, where the others hold the user's formation energies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Everything that came of a discovery; ``judged`` by row, the best material first.

    ``by_potential`` holds the same by the potential's energies where ``judged`` is by those of the user.
    """

    source: Source
    chosen: Chosen
    judged: Mapping[int, Judged]
    by_potential: Mapping[int, Judged] | None = None
    basis: str
    known: frozenset[str] | None
    hull: Hull

    @property
    def funnel(self) -> list[tuple[str, int]]:
        """Steps, each a part of the one before, and how many are left after each."""
        all_ = list(self.judged.values())
        realised = [one for one in all_ if any(t.energy is not None or t.steps for t in one.material.tries)]
        relaxed = [one for one in all_ if one.material.energy is not None]
        kept = [one for one in relaxed if one.material.kept]
        distances = [one.distance for one in kept if one.distance is not None]
        return [
            *self.chosen.steps,
            ("realised", len(realised)),
            ("relaxed", len(relaxed)),
            ("still of their protostructure, at 0.01 Å", len(kept)),
            ("judged by the hull", len(distances)),
            (f"within {NEAR:g} eV/atom of the hull", sum(x <= NEAR for x in distances)),
            ("on or below the hull", sum(x <= 0 for x in distances)),
        ]

    @property
    def reasons(self) -> Counter[str]:
        """Why samples are no materials with a distance from the hull, or another one than they were."""
        dropped = Counter(str(one.reason) for one in self.chosen.dropped.values())
        stopped = Counter(str(one.reason) for one in self.judged.values() if one.reason is not None)
        lost = sum(one.reason is None and not one.material.kept for one in self.judged.values())
        return dropped + stopped + Counter({"lost_symmetry": lost} if lost else {})


def in_order(judged: Mapping[int, Judged]) -> dict[int, Judged]:
    """Return the smallest distance from the hull first, those without one last."""

    def key(row: int) -> tuple[bool, float, int]:
        distance = judged[row].distance
        return distance is None, 0.0 if distance is None else distance, row

    return {row: judged[row] for row in sorted(judged, key=key)}


def write(folder: RunFolder, found: Found, plugins: Plugins, diagrams: int) -> list[Failure]:
    """Write every file of a discovery but its manifest; return what failed: a picture that is missing stops nothing."""
    for name, text in texts(found, plugins):
        folder.write_text(name, text)
    return list(_draw(folder, found, diagrams))


def texts(found: Found, plugins: Plugins) -> Iterator[tuple[str, str]]:
    """Yield names and contents of all files but manifest and pictures."""
    fields = FIELDS if found.by_potential is None else (*FIELDS, *OF_POTENTIAL)
    yield "samples.csv", samples_text(found.source.samples)
    yield "materials.csv", csv_text(fields, material_rows(found))
    yield "materials.jsonl", materials_text(found.judged)
    yield "ledger.csv", csv_text(("index", "protostructure", "reason", "detail"), ledger_rows(found))
    for rank, (row, one) in enumerate(found.judged.items(), 1):
        if one.material.structure is not None:
            text = cif(one.material.structure, one.material.label, tuple(_remarks(one, found.basis, row)))
            yield f"structures/{file_stem(rank, one)}.cif", text
    page = report(found)
    for reporter in plugins.reporters.values():
        if reporter.page is not None:
            yield f"report{reporter.suffix}", reporter.page(page)


def _draw(folder: RunFolder, found: Found, diagrams: int) -> Iterator[Failure]:
    """Draw the phase diagrams of the best materials."""
    left = diagrams
    for rank, one in enumerate(found.judged.values(), 1):
        structure, formation = one.material.structure, one.formation
        if not left or structure is None or formation is None or one.distance is None:
            continue
        composition = Counter(structure.numbers.tolist())
        if 2 <= len(composition) <= MOST_ELEMENTS:
            left -= 1
            file = folder.path / "phase-diagrams" / f"{file_stem(rank, one)}.svg"
            file.parent.mkdir(exist_ok=True)
            failed = isolated("draw", file.name, partial(draw, found.hull, composition, formation, file))
            if isinstance(failed, Failure):
                yield failed


def vasp_inputs(found: Found, folder: Path) -> None:
    """Write inputs of VASP for every material with a structure, the best first."""
    structures = {
        file_stem(rank, one): (one.material.label, one.material.structure)
        for rank, one in enumerate(found.judged.values(), 1)
        if one.material.structure is not None
    }
    write_vasp_inputs(structures, folder)


def _remarks(one: Judged, basis: str, row: int) -> Iterator[str]:
    """What a CIF says of its material at the top."""
    yield f"sample {row}: {one.material.label}"
    yield f"after relaxation {one.material.relaxed or 'without a protostructure'} (0.01 Å)"
    for name, value in (("energy above hull", one.distance), ("formation energy", one.formation)):
        yield f"{name}: {'none' if value is None else f'{value:.4f} eV/atom'}"
    yield f"energies: {basis}"


def file_stem(rank: int, one: Judged) -> str:
    """Name of a material's files: rank and label, the colon replaced."""
    return f"{rank:03d}-{re.sub(r'[^A-Za-z0-9_-]', '-', one.material.label)[:80]}"


def material_rows(found: Found) -> Iterator[tuple[object, ...]]:
    """Yield the rows of ``materials.csv``."""
    for rank, (row, one) in enumerate(found.judged.items(), 1):
        material = one.material
        energy, distance = found.chosen.predicted.get(row, (None, None))
        known = found.known
        own = found.by_potential[row] if found.by_potential is not None else None
        yield (
            rank, row, material.label, Protostructure.from_canonical(material.label).formula,
            _number(one.distance), _number(one.formation), _number(material.energy), one.products,
            len(material.tries), material.best or "", material.agreed, material.relaxed, material.loose,
            material.kept if material.energy is not None else "",
            "" if known is None else material.label not in known,
            "" if known is None or not material.relaxed else material.relaxed not in known,
            found.chosen.copies[row], _number(energy), _number(distance), f"{material.seconds:.2f}",
            one.reason or "", one.detail, *((_number(own.formation), _number(own.distance)) if own else ()),
        )  # fmt: skip


def ledger_rows(found: Found) -> Iterator[tuple[object, ...]]:
    """Yield the samples that were no candidates."""
    for row, one in sorted(found.chosen.dropped.items()):
        item = found.source.samples.items[row]
        label = item.label if isinstance(item, Protostructure) else ""
        yield row, label, str(one.reason), one.detail


def report(found: Found) -> Page:
    """Return funnel and ranking as plain tables."""
    shown = list(found.judged.items())[:SHOWN]
    ranking = Listing(
        title=f"Materials by distance from the hull, {len(shown)} of {len(found.judged)}",
        headings=(
            Heading(title="rank"),
            Heading(title="protostructure"),
            Heading(title="E above hull", unit="eV/atom"),
            Heading(title="formation energy", unit="eV/atom"),
            Heading(title="decomposes into"),
            Heading(title="tries"),
            Heading(title="energies agree"),
            Heading(title="after relaxation"),
            Heading(title="reason"),
        ),
        rows=tuple(_ranked(rank, one) for rank, (_, one) in enumerate(shown, 1)),
        notes=(f"Energies: {found.basis}.",),
    )
    steps, previous = [], 0
    for step, count in found.funnel:
        steps.append((step, count, 100 * count / previous if previous else None))
        previous = count
    funnel = Listing(
        title=f"Funnel of {found.source.title}, {len(found.source.samples):,} samples",
        headings=(
            Heading(title="step"),
            Heading(title="left"),
            Heading(title="of the step before", unit="%", digits=1),
        ),
        rows=tuple(steps),
        notes=(
            "Dropped, or without a distance: "
            + (", ".join(f"{reason} {count:,}" for reason, count in found.reasons.most_common()) or "none")
            + ".",
            *found.source.notes,
        ),
    )
    return Page(title=f"Materials of {found.source.title}", listings=(ranking, funnel))


def _ranked(rank: int, one: Judged) -> tuple[Entry, ...]:
    material = one.material
    after = "" if material.energy is None else "the same" if material.kept else material.relaxed or "no protostructure"
    return (
        rank, material.label, one.distance, one.formation, one.products, len(material.tries),
        material.agreed, after, str(one.reason or ""),
    )  # fmt: skip


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"
