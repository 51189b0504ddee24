"""The contract of realisers: what they propose counts, comes from seed and protostructure alone, and varies."""

from crystalbench.crystals.protostructure import Protostructure
from crystalbench.crystals.samples import RawStructure
from crystalbench.energies import RealiserSpec
from crystalbench.materials.realise import Realised, Unrealised, realise
from crystalbench.runs.config import check_parameters

TRIES = 20
"""Proposals for each label until one counts: as many as a run makes for each relaxation."""

KNOWN = (
    Protostructure(225, [("Na", "a"), ("Cl", "b")]),
    Protostructure(136, [("Ti", "a"), ("O", "f")]),
    Protostructure(221, [("Ba", "a"), ("Ti", "b"), ("O", "c")]),
)
"""Rock salt; rutile, with a free coordinate and two free edges; perovskite."""


def check_realiser(spec: RealiserSpec) -> None:
    """A realiser gives structures or says why not, the same for the same seed, and finds well-known structures.

    A realiser of which something is missing here is not checked.
    """
    parameters = check_parameters(spec.name, {}, spec.parameters)
    missing: object = spec.missing(parameters)
    assert isinstance(missing, str), f"{spec.name}: missing must be text, got {missing!r}"
    if missing:
        return

    def propose(protostructure: Protostructure, seed: int) -> Realised:
        return spec.propose(protostructure, seed, parameters)

    for protostructure in KNOWN:
        label = protostructure.label
        first = propose(protostructure, 1)
        assert isinstance(first, RawStructure | Unrealised), (
            f"{spec.name}: propose returned {type(first).__name__}, neither a RawStructure nor an Unrealised"
        )
        assert _content(propose(protostructure, 1)) == _content(first), f"{spec.name}: {label} differs with one seed"
        tries = [realise(protostructure, propose, 0, number) for number in range(TRIES)]
        refused = [one for one in tries if isinstance(one, Unrealised)]
        assert len(refused) < TRIES, f"{spec.name}: none of {TRIES} tries gave {label}; the last: {refused[-1]}"
        free = protostructure.degrees_of_freedom + protostructure.lattice_degrees_of_freedom
        found = {_content(one) for one in tries if isinstance(one, RawStructure)}
        assert free < 2 or len(found) > 1, f"{spec.name}: {label} has {free} free numbers, and every seed gives one"


def _content(one: Realised) -> bytes | Unrealised:
    return one.digest() if isinstance(one, RawStructure) else one
