"""Materials of a run: each candidate is searched once, in workers, and kept on disk the moment it is done.

A run that is killed loses at most the candidates in work, one a worker.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import isfinite
from time import perf_counter
from typing import Protocol

from crystalbench.crystals.elements import ELEMENTS, NUMBERS
from crystalbench.crystals.protostructure import Protostructure
from crystalbench.executors import Executor, Executors, Lost, Task
from crystalbench.materials.candidate import Candidate, Material, Reason
from crystalbench.materials.pace import Pace, Probe, expected, typical
from crystalbench.materials.search import SearchSettings
from crystalbench.materials.task import SearchTask, search_all
from crystalbench.runs.cache import Cache, content_key
from crystalbench.runs.energy_plan import EnergyPlan, PotentialPlan
from crystalbench.runs.progress import bar

GRACE = 60.0
"""Seconds beyond `energies.timeout` after which a worker is killed: to load the potential, and to end an evaluation."""

FIRST = 4
"""Materials after which the time of all is estimated."""


class Materials(Protocol):
    """What gives the material of each candidate, in their order; repeats are welcome."""

    def find(self, candidates: Sequence[Candidate], /) -> list[Material]: ...


@dataclass(frozen=True, kw_only=True)
class SearchedMaterials:
    """Materials that are searched for, unless the cache has them.

    Attributes
    ----------
    seed
        Of the run.
    executors
        Where the search runs.
    log
        Told how long they will take, before the first and after a few; None where nobody listens.
    what, work
        What they are called there, and how many evaluated atoms each is expected to be.
    """

    plan: EnergyPlan
    potential: PotentialPlan
    seed: int
    cache: Cache
    executors: Executors
    log: Callable[[str], None] | None = None
    what: str = "materials"
    work: Callable[[Candidate, SearchSettings], float] = expected

    def find(self, candidates: Sequence[Candidate], /) -> list[Material]:
        """Return what became of each candidate.

        Raises
        ------
        CrystalbenchError
            If no worker process can be started.
        """
        found: dict[str, Material] = {}
        wanted: dict[str, Candidate] = {}
        search_key = self.plan.search_key(self.potential)
        keys = [self._key(search_key, candidate) for candidate in candidates]
        for key, candidate in zip(keys, candidates, strict=True):
            if key in found or key in wanted:
                continue
            kept = self._refused(candidate) or self.cache.get("materials", key, Material.from_json)
            if kept is not None:
                found[key] = kept
            else:
                wanted[key] = candidate
        found |= self._search(wanted)
        return [found[key] for key in keys]

    def _key(self, search_key: str, candidate: Candidate) -> str:
        return content_key(search=search_key, seed=self.seed, label=candidate.label, own=candidate.digest)

    def _refused(self, candidate: Candidate) -> Material | None:
        """What is known without any search."""
        protostructure = Protostructure.from_canonical(candidate.label)
        numbers = {NUMBERS[element] for element in protostructure.elements}
        refused = Material(label=candidate.label, digest=candidate.digest)
        if unknown := sorted(numbers - self.potential.spec.elements):
            named = ", ".join(ELEMENTS[z - 1] for z in unknown)
            return _without(refused, Reason.UNKNOWN_ELEMENT, f"{self.potential.spec.name} does not know {named}")
        if (atoms := protostructure.n_sites_primitive) > (most := self.plan.config.max_atoms):
            return _without(refused, Reason.TOO_MANY_ATOMS, f"{atoms} in the primitive cell, the limit is {most}")
        return None

    def _search(self, wanted: Mapping[str, Candidate]) -> dict[str, Material]:
        if not wanted:
            return {}
        keys = list(wanted)
        found: dict[str, Material] = {}
        work = [self.work(candidate, self.plan.config.search) for candidate in wanted.values()]
        clock = _Estimate(work, self._say, self.what)

        def finished(number: int, outcome: Material | Pace | Lost) -> None:
            if isinstance(outcome, Pace):
                raise TypeError("a pace is no material")
            material = _material(outcome, wanted[keys[number]], self.plan.config.timeout)
            found[keys[number]] = material
            if not material.repeated:
                self.cache.put("materials", keys[number], material.to_json())
            clock.done(number)
            report(len(found), f"{wanted[keys[number]].label}")

        with (
            self.executors.start(self._task()) as executor,
            bar(f"relaxing with {self.potential.spec.title}", len(keys), self.what) as report,
        ):
            if self.log is not None and len(wanted) >= FIRST:
                self._estimate(executor, list(wanted.values()), sum(work))
                clock.start()
            items: dict[int, Candidate | Probe] = dict(enumerate(wanted.values()))
            executor.run(items, [[number] for number in items], finished=finished)
        return found

    def _estimate(
        self, executor: Executor[Candidate | Probe, Material | Pace], candidates: Sequence[Candidate], work: float
    ) -> None:
        """Say before the first material how long all will take, by a few first structures that are timed now."""
        probe = typical(candidates)
        pace = executor.run({0: probe}, [[0]])[0]
        if not isinstance(pace, Pace) or not isfinite(pace.seconds):
            self._say(
                f"how long {len(candidates):,} {self.what} will take is not known: no first structure was evaluated"
            )
            return
        slots = min(self.executors.slots(), len(candidates))
        self._say(
            f"{len(candidates):,} {self.what} will take about {spoken(pace.seconds * work / slots)}, about "
            f"{pace.seconds * work / len(candidates):.2g} s each with {self.potential.spec.title} on {slots} "
            f"{'process' if slots == 1 else 'processes'}: {1e3 * pace.seconds:.2g} ms an atom and evaluation, timed on "
            f"{len(probe.candidates)} first structures, times the evaluations that such {self.what} have needed"
        )

    def _say(self, line: str) -> None:
        if self.log is not None:
            self.log(line)

    def _task(self) -> Task[Candidate | Probe, list[Candidate | Probe], Material | Pace]:
        task = SearchTask(
            settings=self.plan.config.search,
            load=self.potential.spec.load,
            loaded_with=tuple(self.potential.parameters.items()),
            propose=self.plan.realiser.spec.propose,
            proposed_with=tuple(self.plan.realiser.parameters.items()),
            seed=self.seed,
            seconds=self.plan.config.timeout,
        )
        return Task(
            function=partial(search_all, task),
            pack=list,
            timeout=self.plan.config.timeout + GRACE,
            preload=("numpy", "crystalbench.materials.task"),
        )


class _Estimate:
    """Says how long the rest will take, once the first few are done; ``work`` is what each is expected to be."""

    def __init__(self, work: Sequence[float], log: Callable[[str], None], what: str) -> None:
        self._work, self._log, self._what = work, log, what
        self._done: list[int] = []
        self.start()

    def start(self) -> None:
        self._start = perf_counter()

    def done(self, number: int) -> None:
        self._done.append(number)
        if len(self._done) == FIRST < len(self._work):
            so_far = sum(self._work[i] for i in self._done)
            left = (perf_counter() - self._start) * (sum(self._work) - so_far) / so_far
            self._log(
                f"{len(self._work) - FIRST:,} more {self._what} will take about {spoken(left)}, by the first {FIRST}"
            )


def spoken(seconds: float) -> str:
    """A time in the unit that suits it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def _material(outcome: Material | Lost, candidate: Candidate, timeout: float) -> Material:
    if isinstance(outcome, Material):
        return outcome
    lost = Material(label=candidate.label, digest=candidate.digest)
    if outcome.timed_out:
        return _without(lost, Reason.TIMEOUT, f"no answer {GRACE:g} s after the time limit of {timeout:g} s")
    return _without(lost, Reason.CRASH, outcome.detail)


def _without(material: Material, reason: Reason, detail: str) -> Material:
    return replace(material, reason=reason, detail=detail)
