"""Make materials of a generator's samples: filter, realise, relax, judge, rank. Nothing is dropped without a reason."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crystalbench.crystals.convert import Converter
from crystalbench.errors import ConfigError
from crystalbench.materials.judged import Judge, Judged
from crystalbench.plugins import Plugins
from crystalbench.runs.beside import Beside
from crystalbench.runs.cache import Cache, content_key
from crystalbench.runs.config import RunConfig
from crystalbench.runs.discovery.candidates import Chosen, choose
from crystalbench.runs.discovery.output import Found, write
from crystalbench.runs.discovery.returned import Returned
from crystalbench.runs.discovery.settings import DiscoverySettings, Order
from crystalbench.runs.discovery.source import Source, drawn, of_run
from crystalbench.runs.discovery.stored import DISCOVERY_SCHEMA, claim
from crystalbench.runs.encoder_plan import EncoderPlan, plan_encoders
from crystalbench.runs.energy_book import judge_of
from crystalbench.runs.energy_plan import EnergyPlan, PotentialPlan, plan_energies
from crystalbench.runs.environment import environment
from crystalbench.runs.folder import MANIFEST, RunFolder, digest_of
from crystalbench.runs.manifest import encoder_json, energies_json
from crystalbench.runs.manifest_shape import Status
from crystalbench.runs.materials import SearchedMaterials
from crystalbench.runs.own_elements import element_files, search_of_elements
from crystalbench.runs.plan import energy_identities
from crystalbench.runs.ranking import in_order
from crystalbench.runs.run_energies import SearchedRows
from crystalbench.runs.score import cached_encoders
from crystalbench.tables.results import JSON
from crystalbench.version import __version__


@dataclass(kw_only=True)
class Discovery:
    """One execution into a folder; ``log`` receives lines for the user.

    Attributes
    ----------
    folder
        Where results go; None for ``results/discover-NAME-KEY``, which `execute` fills in.
    run
        A finished run whose samples are taken; None draws them with ``config``.
    generator
        Whose samples; "" for the only measured one of the run.
    returned
        Formation energies of the user's, which rank the materials in the place of the potential's.
    """

    config: RunConfig
    settings: DiscoverySettings
    plugins: Plugins
    folder: RunFolder | None
    log: Callable[[str], None]
    run: RunFolder | None = None
    generator: str = ""
    returned: Returned | None = None
    diagrams: int = 0
    cache: Cache = field(default_factory=Cache)

    def execute(self) -> Found:
        """Do everything and write it down."""
        energies = self._energies()
        started = datetime.now(UTC)
        with Converter(self.config.conversion, self.config.executors) as converter:
            source = self._source(converter)
            document = self._document(source, energies)
            name = "".join(c if c.isalnum() or c in "+-_" else "_" for c in source.generator)[:60]
            folder = self.folder or RunFolder(Path("results") / f"discover-{name}-{document['key'][:8]}")
            self.folder = folder
            claim(folder, document["key"])
            self.log(f"results go to {folder.path}")
            folder.write_json(MANIFEST, document | {"status": Status.RUNNING})
            found = self._found(source, energies)
        if self.returned is not None:
            folder.write_text("energies.csv", self.returned.content.decode("utf-8-sig"))
        seconds = (datetime.now(UTC) - started).total_seconds()
        for failure in write(folder, found, self.plugins, self.diagrams):
            self.log(f"warning: {failure.plugin} was not drawn: {failure.error}")
        document |= {"status": Status.FINISHED, "started": started.isoformat(timespec="seconds"), "seconds": seconds}
        document |= {"funnel": dict(found.funnel), "files": folder.digests()}
        folder.write_json(MANIFEST, document | {"digest": digest_of(document)})
        return found

    def _energies(self) -> EnergyPlan:
        config = self.config
        parameters = {"potential": config.potential, "hull": config.hull, "realiser": config.realiser}
        return plan_energies(config.energies, parameters, self.plugins)

    def _source(self, converter: Converter) -> Source:
        if self.run is not None:
            return of_run(self.run, self.generator, self.plugins, converter.convert, self.cache)
        return drawn(self.config, self.generator, self.plugins, converter.convert, self.cache)

    def _encoder(self) -> EncoderPlan | None:
        if self.settings.order is Order.SAMPLE:
            return None
        encoders, missing = plan_encoders(self.config, self.plugins)
        if not encoders:
            raise ConfigError(f"--order {self.settings.order} needs an encoder: {missing}; or use --order sample")
        return encoders[0]

    def _found(self, source: Source, energies: EnergyPlan) -> Found:
        judges = [judge_of(energies, potential, self._elements(energies)) for potential in energies.potentials]
        chosen = self._choose(source, energies, judges[0])
        for step, count in chosen.steps:
            self.log(f"{count:>8,} {step}")
        judged = []
        for potential, judge in zip(energies.potentials, judges, strict=True):
            materials = SearchedMaterials(
                plan=energies,
                potential=potential,
                seed=self.config.seed,
                cache=self.cache,
                executors=self.config.executors,
                log=self.log,
            )
            rows = SearchedRows(
                samples=source.samples, own=source.own, materials=materials, references=judge.references
            )
            judged.append(dict(zip(chosen.rows, map(judge.judge, rows.of(chosen.rows)), strict=True)))
        return self.of_judged(source, chosen, judged, energies, judges, _known(source), self.returned)

    def _elements(self, energies: EnergyPlan) -> Callable[[PotentialPlan], SearchedMaterials]:
        def searched(potential: PotentialPlan) -> SearchedMaterials:
            return search_of_elements(energies, potential, self.cache, self.config.executors, self.log)

        return searched

    @staticmethod
    def of_judged(
        source: Source,
        chosen: Chosen,
        by_potentials: Sequence[Mapping[int, Judged]],
        energies: EnergyPlan,
        judges: Sequence[Judge],
        known: frozenset[str] | None,
        returned: Returned | None,
    ) -> Found:
        """Rank materials by the energies of the first potential, or by those of the user.

        ``by_potentials`` has the materials of each potential, ``judges`` who judged them.
        """
        first, *others = (
            Beside(name=one.spec.name, title=one.spec.title, basis=energies.basis(one), judged=judged)
            for one, judged in zip(energies.potentials, by_potentials, strict=True)
        )
        basis, judged = first.basis, first.judged
        if returned is not None:
            judged = returned.put(first.judged, judges[0])
            hull = f"{energies.hull.describe()}: {energies.hull.spec.caveat.rstrip('.')}"
            basis = returned.basis(judged, first.judged, hull, basis)
        return Found(
            source=source,
            chosen=chosen,
            judged=in_order(judged),
            first=first,
            others=tuple(others),
            returned=returned is not None,
            basis=basis,
            known=known,
            hull=judges[0].hull,
            elements=tuple(element_files(zip(energies.potentials, judges, strict=True))),
        )

    def _choose(self, source: Source, energies: EnergyPlan, judge: Judge) -> Chosen:
        plan = self._encoder()
        encoder = cached_encoders([plan], source.dataset, self.cache)[plan.spec.name] if plan else None
        known = _known(source)
        if known is None and not self.settings.known:
            raise ConfigError(f"{source.dataset.spec.no_train}; or keep known ones with --known")
        return choose(
            source.samples,
            self.settings,
            known or frozenset(),
            energies.potentials[0].spec.elements,
            self.config.energies.max_atoms,
            encoder,
            judge.hull,
        )

    def _document(self, source: Source, energies: EnergyPlan) -> dict[str, Any]:
        encoder = self._encoder()
        parts: dict[str, Any] = {
            "generator": source.generator,
            "dataset": {"name": source.dataset.name, "identity": source.dataset.spec.identity()},
            "settings": self.settings.to_mapping(),
            "seed": self.config.seed,
            "returned": self.returned.to_json() if self.returned else None,
        }
        identities: list[JSON] = [*energy_identities(energies), encoder.identity if encoder else ""]
        samples = {key: value for key, value in source.origin.items() if key in ("key", "digests")}
        return {
            "kind": "discovery",
            "schema_version": DISCOVERY_SCHEMA,
            "crystalbench": __version__,
            "key": content_key(discovery=parts, identities=identities, samples=samples),
            **parts,
            "title": source.title,
            "source": dict(source.origin),
            "energies": energies_json(energies, self.plugins),
            "encoder": encoder_json(encoder, self.plugins) if encoder else None,
            "config": replace(self.config, energies=energies.config).to_mapping(),
            "run": str(self.run.path.absolute()) if self.run else "",
            "diagrams": self.diagrams,
            "notes": list(source.notes),
            "environment": environment(),
        }


def _known(source: Source) -> frozenset[str] | None:
    return source.dataset.train.label_set if "train" in source.dataset.spec.splits else None
