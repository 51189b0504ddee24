"""What a discovery leaves: ranked materials, funnel, ledger, structures, phase diagrams.

samples.csv              the samples that it began with, as a run keeps them
materials.csv            every material that was tried, the best first (`ranking`); energies in eV/atom
materials.jsonl          the same without loss: all tries, the relaxed structures
materials.NAME.jsonl     the materials of a further potential, of the same samples
elements/POTENTIAL.jsonl the elements that formation energies are counted from, where a potential's own are
ledger.csv               every other sample, with the reason why it is no candidate
report.*                 ranking and funnel in every report format; report.json is what `crystalbench table` reads
structures/RANK-….cif    the relaxed structure of each material; those of a further potential in structures/NAME
phase-diagrams/RANK-….svg    of the best ones that have two or three elements
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
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
from crystalbench.runs.beside import NEAR, Beside, agreement, columns, scatter
from crystalbench.runs.discovery.candidates import Chosen
from crystalbench.runs.discovery.source import Source
from crystalbench.runs.folder import RunFolder, csv_text, samples_text
from crystalbench.runs.ranking import Extra, distance_chart, ranking, rounded
from crystalbench.runs.run_energies import materials_text
from crystalbench.tables.listing import Heading, Listing, Page
from crystalbench.tables.results import Failure

SHOWN = 50
"""Materials in the ranking of a report; all are in ``materials.csv``."""


_RANKED = re.compile(r"\d{3,}-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Everything that came of a discovery; ``judged`` by row, the best material first.

    ``first`` holds the same by the potential's energies, which those of the user replace where they have ``returned``;
    ``others`` by those of further potentials. ``elements`` are names and texts of the files of relaxed elements.
    """

    source: Source
    chosen: Chosen
    judged: Mapping[int, Judged]
    first: Beside
    others: tuple[Beside, ...]
    returned: bool
    basis: str
    known: frozenset[str] | None
    hull: Hull
    elements: tuple[tuple[str, str], ...]

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
    def ranking(self) -> Listing:
        """The materials with all that is known of each."""
        predicted, nothing = self.chosen.predicted, (None, None)
        more: list[Extra] = [
            (Heading(key="copies", title="copies", default=False), lambda row: self.chosen.copies[row]),
            (
                Heading(key="predicted_formation_energy", title="predicted energy", unit="eV/atom", default=False),
                lambda row: rounded(predicted.get(row, nothing)[0]),
            ),
            (
                Heading(key="predicted_e_above_hull", title="predicted E above hull", unit="eV/atom", default=False),
                lambda row: rounded(predicted.get(row, nothing)[1]),
            ),
        ]
        if self.returned:
            own = self.first.judged
            names = ("potential_formation_energy", "potential_e_above_hull")
            energy, distance = (Heading(key=name, title=name.replace("_", " "), unit="eV/atom") for name in names)
            more += [
                (energy, lambda row: rounded(own[row].formation)),
                (distance, lambda row: rounded(own[row].distance)),
            ]
        beside = tuple(columns(self.first, self.others))
        notes = (f"Energies: {self.basis}.", *(f"Beside them: {other.basis}." for other in self.others))
        return ranking(self.judged, self.known, most=SHOWN, notes=notes, beside=beside, more=more)

    @property
    def reasons(self) -> Counter[str]:
        """Why samples are no materials with a distance from the hull, or another one than they were."""
        dropped = Counter(str(one.reason) for one in self.chosen.dropped.values())
        stopped = Counter(str(one.reason) for one in self.judged.values() if one.reason is not None)
        lost = sum(one.reason is None and not one.material.kept for one in self.judged.values())
        return dropped + stopped + Counter({"lost_symmetry": lost} if lost else {})


def write(folder: RunFolder, found: Found, plugins: Plugins, diagrams: int) -> list[Failure]:
    """Write every file of a discovery but its manifest; return what failed: a picture that is missing stops nothing."""
    written = set()
    for name, text in texts(found, plugins):
        folder.write_text(name, text)
        written.add(name)
    for pattern in ("structures/**/*.cif", "phase-diagrams/*.svg"):
        for path in folder.path.glob(pattern):
            name = path.relative_to(folder.path).as_posix()
            if _RANKED.match(path.name) and name not in written:
                path.unlink()  # of an earlier ranking: what the time limit had cut was tried again
    return list(_draw(folder, found, diagrams))


def texts(found: Found, plugins: Plugins) -> Iterator[tuple[str, str]]:
    """Yield names and contents of all files but manifest and pictures."""
    yield "samples.csv", samples_text(found.source.samples)
    yield "materials.csv", listing_csv(found.ranking)
    yield "materials.jsonl", materials_text(found.judged)
    for other in found.others:
        yield materials_name(other.name), materials_text({row: other.judged[row] for row in found.judged})
    yield from found.elements
    yield "ledger.csv", csv_text(("index", "protostructure", "reason", "detail"), ledger_rows(found))
    yield from _cifs("structures", found.judged, found.judged, found.basis)
    for other in found.others:
        yield from _cifs(f"structures/{other.name}", found.judged, other.judged, other.basis)
    page = report(found)
    for reporter in plugins.reporters.values():
        if reporter.page is not None:
            yield f"report{reporter.suffix}", reporter.draw(page)


def materials_name(potential: str) -> str:
    """File of the materials of a further potential."""
    return f"materials.{potential}.jsonl"


def _cifs(folder: str, ranked: Iterable[int], judged: Mapping[int, Judged], basis: str) -> Iterator[tuple[str, str]]:
    for rank, row in enumerate(ranked, 1):
        one = judged[row]
        if one.material.structure is not None:
            text = cif(one.material.structure, one.material.label, tuple(_remarks(one, basis, row)))
            yield f"{folder}/{file_stem(rank, one)}.cif", text


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


def listing_csv(listing: Listing) -> str:
    """Every column and row of a listing as CSV."""
    return csv_text((heading.key for heading in listing.headings), listing.rows)


def ledger_rows(found: Found) -> Iterator[tuple[object, ...]]:
    """Yield the samples that were no candidates."""
    for row, one in sorted(found.chosen.dropped.items()):
        item = found.source.samples.items[row]
        label = item.label if isinstance(item, Protostructure) else ""
        yield row, label, str(one.reason), one.detail


def report(found: Found) -> Page:
    """Return ranking, funnel and the histogram of distances from the hull."""
    steps, previous = [], 0
    for step, count in found.funnel:
        steps.append((step, count, 100 * count / previous if previous else None))
        previous = count
    funnel = Listing(
        title=f"Funnel of {found.source.title}, {len(found.source.samples):,} samples",
        headings=(
            Heading(key="step", title="step"),
            Heading(key="left", title="left"),
            Heading(key="share", title="of the step before", unit="%", digits=1),
        ),
        rows=tuple(steps),
        notes=(
            "Dropped, or without a distance: "
            + (", ".join(f"{reason} {count:,}" for reason, count in found.reasons.most_common()) or "none")
            + ".",
            *found.source.notes,
        ),
    )
    groups = {by.title: by.judged for by in (found.first, *found.others)} if found.others else {"relaxed": found.judged}
    return Page(
        title=f"Materials of {found.source.title}",
        listings=(found.ranking, *(agreement(found.first, other) for other in found.others), funnel),
        charts=distance_chart({name: list(judged.values()) for name, judged in groups.items()}),
        scatters=tuple(one for other in found.others for one in scatter(found.first, other)),
    )
