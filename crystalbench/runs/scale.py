"""Where the samples of a run stand between chance and held-out rows: a warning for those that are off the scale."""

from collections.abc import Iterator, Mapping

from crystalbench.interfaces import Scale
from crystalbench.runs.plan import GeneratorPlan, MetricPlan, Plan
from crystalbench.runs.stream import ReplicaSamples
from crystalbench.tables.results import Failure, MetricResult, Outcome, RowKind

Replicas = Mapping[str, tuple[ReplicaSamples | Failure, ...]]
Outcomes = Mapping[str, Mapping[str, tuple[Outcome, ...]]]


def beyond_chance(plan: Plan, replicas: Replicas, outcomes: Outcomes) -> Iterator[str]:
    """Yield a warning for each generator whose samples are farther from the reference than chance is.

    The rule: in a column that is a distance, the interval of every replica lies above the interval of the row that
    knows no chemistry. A model of this dataset is nearer whatever its faults, but for one that loses all symmetry: the
    share of samples in space group 1 tells the two apart.
    """
    distances = [metric for metric in plan.metrics if metric.spec.distance]
    for generator in plan.generators:
        if generator.kind is not RowKind.MEASURED:
            continue
        for metric in distances:
            own, chance, held_out = (_interval(outcomes, name, metric) for name in (generator.name, *_ends(plan)))
            if own and chance and own[0] > chance[1]:
                yield _warning(plan, generator, metric, own, chance, held_out, _in_group_1(replicas[generator.name]))
                break


def _ends(plan: Plan) -> tuple[str, str]:
    """Names of the generators at the two ends of the scale; "" for none."""
    named = {g.spec.scale: g.name for g in plan.generators if g.spec is not None and g.spec.scale}
    return named.get(Scale.CHANCE, ""), named.get(Scale.HELD_OUT, "")


def _interval(outcomes: Outcomes, name: str, metric: MetricPlan) -> tuple[float, float] | None:
    """The ends of the intervals of all replicas."""
    cell = outcomes.get(name, {}).get(metric.key, ())
    found = [item.interval for item in cell if isinstance(item, MetricResult) and item.interval]
    if not found or len(found) < len(cell):
        return None
    return min(low for low, _ in found), max(high for _, high in found)


def _in_group_1(group: tuple[ReplicaSamples | Failure, ...]) -> float:
    valid = [item for samples in group if isinstance(samples, ReplicaSamples) for item in samples.asked.valid]
    return sum(item.spacegroup == 1 for item in valid) / len(valid)


def _warning(
    plan: Plan,
    generator: GeneratorPlan,
    metric: MetricPlan,
    own: tuple[float, float],
    chance: tuple[float, float],
    held_out: tuple[float, float] | None,
    in_group_1: float,
) -> str:
    held = f", its own held-out rows at {_shown(held_out)}" if held_out else ""
    return (
        f"{generator.title}: {metric.spec.title} of {_shown(own)} is beyond chance ({_shown(chance)}{held}). Either "
        f"a model of another dataset than {plan.dataset.name} made these samples: name that one with --dataset; or "
        f"they have lost their symmetry: {in_group_1:.0%} of them are in space group 1"
    )


def _shown(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.3g} to {interval[1]:.3g}"
