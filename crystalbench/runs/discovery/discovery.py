"""Make materials of a generator's samples: filter, realise, relax, judge, rank. Nothing is dropped without a reason."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from crystalbench.crystals.convert import Converter
from crystalbench.errors import ConfigError
from crystalbench.materials.judged import Judge
from crystalbench.plugins import Plugins
from crystalbench.runs.cache import Cache, content_key
from crystalbench.runs.config import RunConfig
from crystalbench.runs.discovery.candidates import Chosen, choose
from crystalbench.runs.discovery.output import Found, in_order, write
from crystalbench.runs.discovery.settings import DiscoverySettings, Order
from crystalbench.runs.discovery.source import Source, drawn, of_run
from crystalbench.runs.encoder_plan import EncoderPlan, plan_encoders
from crystalbench.runs.energy_book import judge_of
from crystalbench.runs.energy_plan import EnergyPlan, plan_energies
from crystalbench.runs.environment import environment
from crystalbench.runs.folder import RunFolder, digest_of
from crystalbench.runs.manifest import encoder_json, energies_json
from crystalbench.runs.materials import SearchedMaterials
from crystalbench.runs.run_energies import SearchedRows
from crystalbench.runs.score import cached_encoders
from crystalbench.version import __version__

DISCOVERY_SCHEMA = 1


@dataclass(kw_only=True)
class Discovery:
    """One execution into ``folder``; ``log`` receives lines for the user.

    Attributes
    ----------
    run
        A finished run whose samples are taken; None draws them with ``config``.
    generator
        Whose samples; "" for the only measured one of the run.
    """

    config: RunConfig
    settings: DiscoverySettings
    plugins: Plugins
    folder: RunFolder
    log: Callable[[str], None]
    run: RunFolder | None = None
    generator: str = ""
    diagrams: int = 0
    cache: Cache = field(default_factory=Cache)

    def execute(self) -> Found:
        """Do everything and write it down."""
        energies = self._energies()
        started = datetime.now(UTC)
        with Converter(self.config.conversion, self.config.executors) as converter:
            source = self._source(converter)
            document = self._document(source, energies)
            _claim(self.folder, document["key"])
            self.folder.write_json("manifest.json", document | {"status": "running"})
            found = self._found(source, energies)
        seconds = (datetime.now(UTC) - started).total_seconds()
        for failure in write(self.folder, found, self.plugins, self.diagrams):
            self.log(f"warning: {failure.plugin} was not drawn: {failure.error}")
        document |= {"status": "finished", "started": started.isoformat(timespec="seconds"), "seconds": seconds}
        document |= {"funnel": dict(found.funnel), "files": self.folder.digests()}
        self.folder.write_json("manifest.json", document | {"digest": digest_of(document)})
        return found

    def _energies(self) -> EnergyPlan:
        config = self.config
        parameters = {"potential": config.potential, "hull": config.hull, "realiser": config.realiser}
        energies = plan_energies(config.energies, parameters, self.plugins)
        if len(energies.potentials) > 1:
            raise ConfigError("a discovery relaxes with one potential; name one with --potential")
        return energies

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
        potential = energies.potentials[0]
        judge = judge_of(energies, potential)
        chosen = self._choose(source, energies, judge)
        for step, count in chosen.steps:
            self.log(f"{count:>8,} {step}")
        materials = SearchedMaterials(
            plan=energies,
            potential=potential,
            seed=self.config.seed,
            cache=self.cache,
            executors=self.config.executors,
            log=self.log,
        )
        rows = SearchedRows(samples=source.samples, own=source.own, materials=materials)
        judged = dict(zip(chosen.rows, map(judge.judge, rows.of(chosen.rows)), strict=True))
        return Found(
            source=source,
            chosen=chosen,
            judged=in_order(judged),
            basis=energies.basis(potential),
            known=_known(source),
            hull=judge.hull,
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
            "source": dict(source.origin),
            "generator": source.generator,
            "dataset": {"name": source.dataset.name, "identity": source.dataset.spec.identity()},
            "settings": self.settings.to_mapping(),
            "seed": self.config.seed,
            "energies": energies_json(energies, self.plugins),
            "encoder": encoder_json(encoder, self.plugins) if encoder else None,
        }
        return {
            "kind": "discovery",
            "schema_version": DISCOVERY_SCHEMA,
            "crystalbench": __version__,
            "key": content_key(discovery=parts),
            **parts,
            "notes": list(source.notes),
            "environment": environment(),
        }


def _known(source: Source) -> frozenset[str] | None:
    return source.dataset.train.label_set if "train" in source.dataset.spec.splits else None


def _claim(folder: RunFolder, key: str) -> None:
    """Refuse to write over another discovery or other files."""
    import json

    path = folder.path / "manifest.json"
    if path.exists():
        try:
            same = json.loads(path.read_text(encoding="utf-8"))["key"] == key
        except (ValueError, LookupError, TypeError):
            same = False
        if not same:
            raise ConfigError(
                f"{folder.path}: holds something else, or a discovery with other settings or versions; choose another "
                "folder with --out"
            )
    elif folder.holds_files():
        raise ConfigError(f"{folder.path}: holds other files; choose another folder with --out")
