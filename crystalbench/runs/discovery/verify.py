"""A discovery beside what its stored samples and materials give: candidates, energies, ranks, funnel, reports."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import starmap
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from crystalbench.crystals.convert import Converter
from crystalbench.crystals.samples import RawStructure
from crystalbench.datasets import Dataset
from crystalbench.errors import CrystalbenchError
from crystalbench.isolation import isolated
from crystalbench.materials.candidate import Candidate, Material, Reason
from crystalbench.materials.judged import Judged
from crystalbench.plugins import Plugins
from crystalbench.runs.cache import Cache, read_regular
from crystalbench.runs.checks import Check, Finding, check
from crystalbench.runs.discovery.candidates import Chosen, Dropped, choose
from crystalbench.runs.discovery.discovery import Discovery
from crystalbench.runs.discovery.output import Found, materials_name, texts
from crystalbench.runs.discovery.returned import returned_of
from crystalbench.runs.discovery.settings import Order
from crystalbench.runs.discovery.source import Source, drawn, of_run
from crystalbench.runs.discovery.stored import asked_of, manifest_of
from crystalbench.runs.energy_book import judge_of
from crystalbench.runs.energy_plan import EnergyPlan, PotentialPlan, plan_energies
from crystalbench.runs.folder import RunFolder, digest_of
from crystalbench.runs.manifest_shape import Status
from crystalbench.runs.materials import SearchedMaterials
from crystalbench.runs.own_elements import kept_elements
from crystalbench.runs.run_energies import elements_of, stored_rows
from crystalbench.runs.stored import Moved
from crystalbench.runs.stream import Convert
from crystalbench.runs.verify_energies import AGAIN, difference, elements_again, not_there
from crystalbench.tables.results import Failure


@dataclass(kw_only=True)
class DiscoveryVerification:
    """Checks one discovery, without the cache; ``redraw`` relaxes a few of its materials again.

    ``moved`` says where files are now that are not where the discovery found them.
    """

    folder: RunFolder
    plugins: Plugins
    redraw: bool = False
    moved: Moved = field(default_factory=Moved)

    def size(self) -> int:
        """About how many `checks` there will be."""
        return 2 * len(manifest_of(self.folder).get("files", ())) + 6 + self.redraw

    def checks(self) -> Iterator[Check]:
        """Yield one check for each thing that follows from another; raises `ReadError` for a damaged manifest."""
        self.manifest = manifest_of(self.folder)
        if self.manifest["status"] != Status.FINISHED:
            remedy = f"was interrupted; finish it with: crystalbench discover --resume {self.folder.path}"
            yield Check("discovery", Finding.DIFFERS, remedy)
            return
        config, self.settings, self.run, *_ = asked_of(self.folder)
        self.config = self.moved.of(config, {self.manifest["generator"]: len(self.manifest["source"]["digests"])})
        same = self.manifest["digest"] == digest_of(self.manifest)
        yield check("manifest.json", "" if same else "has been changed")
        now = self.folder.digests()
        for name, digest in self.manifest["files"].items():
            yield check(name, "is missing" if name not in now else "has been changed" if now[name] != digest else "")
        yield from (
            Check(name, Finding.NOT_CHECKED, "is no file of this discovery")
            for name in now.keys() - self.manifest["files"].keys()
        )
        try:
            self.energies = self._energies()
            self.found = self._found()
        except (CrystalbenchError, OSError, LookupError, ValueError) as error:
            yield Check("materials", Finding.NOT_CHECKED, str(error))
            return
        yield check("candidates", self._candidates())
        yield check("funnel", "" if dict(self.found.funnel) == self.manifest["funnel"] else "is not what they give")
        for name, text in texts(self.found, self.plugins):
            path = self.folder.path / name
            there = path.is_file() and path.read_bytes() == text.encode("utf-8", "backslashreplace")
            yield check(f"{name} again", "" if there else "is not what the stored materials give")
        if self.redraw:
            yield from starmap(self._relaxed_again, zip(self.energies.potentials, self.by_potentials, strict=True))
            yield from elements_again(self.folder, self.energies, self.config.executors, self.config.seed)
        order = "" if self.settings.order is Order.SAMPLE else ", predictions that candidates were ordered by"
        detail = f"relaxations{' of the others' if self.redraw else ''}, CPU times, pictures{order}"
        yield Check("what only the discovery could see", Finding.RECORDED, detail)

    def _energies(self) -> EnergyPlan:
        written = {one["name"]: one["identity"] for one in self.manifest["energies"]["potentials"]}
        parameters = {kind: getattr(self.config, kind) for kind in ("potential", "hull", "realiser")}
        energies = plan_energies(self.config.energies, parameters, self.plugins, written)
        if energies.hull.identity != self.manifest["energies"]["hull"]["identity"]:
            raise ValueError(
                f"hull {energies.hull.spec.name} holds something else now than in the discovery; --hull says where its "
                "file is"
            )
        return energies

    def _found(self) -> Found:
        dataset = Dataset(self.plugins.datasets[self.manifest["dataset"]["name"]], self.config.conversion.table)
        samples = self.folder.read_samples("samples.csv", self.config.conversion.table)
        names = ["materials.jsonl", *(materials_name(one.spec.name) for one in self.energies.potentials[1:])]
        first, *others = (stored_rows(self._text(name), name, samples) for name in names)
        self.rows = first.by_row
        rows = list(self.rows)
        self.by_potentials = [self.rows, *(dict(zip(rows, other.of(rows), strict=True)) for other in others)]
        source = Source(
            generator=self.manifest["generator"],
            title=self.manifest["title"],
            dataset=dataset,
            samples=samples,
            own=lambda rows: {},
            origin={},
            notes=tuple(self.manifest["notes"]),
        )
        kept = partial(kept_elements, self.folder)
        judges = [judge_of(self.energies, potential, kept) for potential in self.energies.potentials]
        known = dataset.train.label_set if "train" in dataset.spec.splits else None
        self.chosen = choose(
            samples,
            replace(self.settings, order=Order.SAMPLE, top=max(1, len(samples))),
            known or frozenset(),
            self.energies.potentials[0].spec.elements,
            self.config.energies.max_atoms,
            None,
            judges[0].hull,
        )
        self.fit = list(self.chosen.rows)
        self._taken(self.chosen)
        judged: list[dict[int, Judged]] = [
            {row: judge.judge(material) for row, material in materials.items()}
            for judge, materials in zip(judges, self.by_potentials, strict=True)
        ]
        for judge, materials in zip(judges, self.by_potentials, strict=True):
            judge.references.find(elements_of(one.label for one in materials.values()))
        returned = None
        if self.manifest["returned"]:
            path = self.folder.path / "energies.csv"
            returned = returned_of(self.manifest["returned"]["file"], path.read_bytes(), path)
        return Discovery.of_judged(source, self.chosen, judged, self.energies, judges, known, returned)

    def _taken(self, chosen: Chosen) -> None:
        """Take those that the folder has materials of, with the predictions that it has of them."""
        chosen.steps.pop()
        chosen.keep(
            f"taken, by {self.settings.order}",
            lambda row: None if row in self.rows else Dropped(Reason.NOT_TAKEN),
        )
        for row in csv.DictReader(io.StringIO(self._text("materials.csv"))):
            if energy := row["predicted_formation_energy"]:
                distance = row["predicted_e_above_hull"]
                chosen.predicted[int(row["index"])] = float(energy), float(distance) if distance else None

    def _candidates(self) -> str:
        wanted = min(self.settings.top, len(self.fit))
        if self.settings.order is Order.SAMPLE:
            same = set(self.rows) == set(self.fit[:wanted])
        else:
            same = len(self.rows) == wanted and set(self.rows) <= set(self.fit)
        return "" if same else f"materials are of {len(self.rows)} samples, not of the {wanted} that may be taken"

    def _relaxed_again(self, potential: PotentialPlan, materials: Mapping[int, Material]) -> Check:
        """Relax a few again; those that began with the geometry of their sample where its file is there."""
        what = f"relaxed again with {potential.shown}"
        realiser = self.energies.realiser
        if missing := not_there(potential) or realiser.spec.missing(realiser.parameters):
            return Check(what, Finding.NOT_CHECKED, missing)
        own = self._own()
        rows = [
            row for row, one in materials.items() if one.tries and not one.repeated and (not one.digest or row in own)
        ]
        if not rows:
            detail = "all began with the geometries of their samples, whose files are not there or changed"
            return Check(what, Finding.NOT_CHECKED, f"{detail}; --samples says where they are")
        some = np.random.default_rng(self.config.seed).permutation(rows)[:AGAIN].tolist()
        with TemporaryDirectory() as nothing:
            search = SearchedMaterials(
                plan=self.energies,
                potential=potential,
                seed=self.config.seed,
                cache=Cache(Path(nothing)),
                executors=self.config.executors,
            )
            candidates = [Candidate(label=materials[row].label, own=own.get(row)) for row in some]
            again: Any = isolated("relax", potential.spec.name, partial(search.find, candidates))
        if isinstance(again, Failure):
            return Check(what, Finding.DIFFERS, f"failed: {again.error}")
        pairs = zip((materials[row] for row in some), again, strict=True)
        return check(what, "; ".join(problem for before, now in pairs if (problem := difference(before, now))))

    def _own(self) -> dict[int, RawStructure]:
        """The geometries that materials began with, by row, where the samples can be made again."""
        wanted = [row for row, one in self.rows.items() if one.digest]
        if not wanted:
            return {}
        name = self.manifest["generator"]

        def again(convert: Convert, cache: Cache) -> Mapping[int, RawStructure]:
            if self.run is not None:
                source = of_run(self.run, name, self.plugins, convert, cache, self.moved.samples)
            else:
                source = drawn(self.config, name, self.plugins, convert, cache)
            return source.own(wanted)

        with TemporaryDirectory() as nothing, Converter(self.config.conversion, self.config.executors) as converter:
            found = isolated("draw", name, partial(again, converter.convert, Cache(Path(nothing))))
        if isinstance(found, Failure):
            return {}
        pairs = {row: Candidate(label=self.rows[row].label, own=structure) for row, structure in found.items()}
        return {row: found[row] for row, one in pairs.items() if one.digest == self.rows[row].digest}

    def _text(self, name: str) -> str:
        return read_regular(self.folder.path / name).decode("utf-8")
