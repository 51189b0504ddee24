"""The search as it is sent to worker processes: the potential is loaded once in each."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from crystalbench.crystals.protostructure import Protostructure
from crystalbench.materials.candidate import Candidate, Material
from crystalbench.materials.pace import Pace, Probe, measure
from crystalbench.materials.potential import Potential
from crystalbench.materials.realise import Realised
from crystalbench.materials.search import SearchSettings, search

Value = bool | int | float | str
Settings = Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchTask:
    """All that a search depends on but the candidate. The functions are importable by name: they are sent by it.

    Attributes
    ----------
    load, loaded_with
        Of the potential, and its settings.
    propose, proposed_with
        Of the realiser, and its settings.
    seed
        Of the run.
    seconds
        Of wall clock, after which a search ends with what it has.
    """

    settings: SearchSettings
    load: Callable[[Settings], Potential]
    loaded_with: tuple[tuple[str, Value], ...]
    propose: Callable[[Protostructure, int, Settings], Realised]
    proposed_with: tuple[tuple[str, Value], ...]
    seed: int
    seconds: float


def search_all(task: SearchTask, items: Sequence[Candidate | Probe]) -> list[Material | Pace]:
    """Search for each candidate, one after the other; a probe is timed."""
    potential = _loaded(task.load, task.loaded_with)
    proposed_with = dict(task.proposed_with)

    def propose(protostructure: Protostructure, seed: int) -> Realised:
        return task.propose(protostructure, seed, proposed_with)

    return [
        measure(one, propose, potential, task.seed)
        if isinstance(one, Probe)
        else search(one, task.settings, propose, potential, task.seed, task.seconds)
        for one in items
    ]


@lru_cache(maxsize=1)
def _loaded(load: Callable[[Settings], Potential], parameters: tuple[tuple[str, Value], ...]) -> Potential:
    """Load a potential, and keep torch to one thread: workers share the cores, and sums keep their order."""
    potential = load(dict(parameters))
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(1)
    return potential
