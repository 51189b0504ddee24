"""MP-20 as a reference, with the bundled encoder: what is known to be near is near, and what is far is far."""

from collections.abc import Iterator
from itertools import count, islice

import numpy as np
import pytest

from crystalbench import Dataset, Protostructure, SamplerInput, SampleSet, ScoreInput
from crystalbench.plugins import Plugins
from crystalbench.runs.config import RunConfig
from crystalbench.runs.embeddings import CachedEncoder
from crystalbench.runs.encoder_plan import plan_encoders
from crystalbench.runs.score import cached_encoders
from crystalbench_plugins.metrics import fwd

N = 1000
Real = tuple[CachedEncoder, Dataset, Plugins]


@pytest.fixture(scope="module")
def real() -> Real:
    plugins = Plugins.load()
    encoders, missing = plan_encoders(RunConfig(generators=("test",)), plugins)
    if missing:
        pytest.skip(missing)
    dataset = Dataset(plugins.datasets["mp20-eval"])
    (encoder,) = cached_encoders(encoders, dataset).values()
    return encoder, dataset, plugins


def drawn(name: str, n: int, dataset: Dataset, plugins: Plugins) -> Iterator[Protostructure]:
    start = plugins.generators[name].start
    assert start is not None
    sampler = start(SamplerInput(parameters={}, seed=0, dataset=dataset))
    items = (item for k in count() if (chunk := sampler.draw(k)) for item in chunk.items)
    return islice((item for item in items if isinstance(item, Protostructure)), n)


def without_symmetry(items: Iterator[Protostructure]) -> Iterator[Protostructure]:
    """Real compositions of up to 20 atoms, with every atom on a general position of P1: what many models make."""
    small = (item for item in items if sum(item.composition.values()) <= 20)
    for item in small:
        yield Protostructure(1, [(element, "a") for element, times in item.composition.items() for _ in range(times)])


def test_distances_from_the_validation_split_stand_in_the_known_order(real: Real) -> None:
    """Held out < a tenth without symmetry < swapped elements < random orbits < no symmetry at all."""
    encoder, dataset, plugins = real
    held_out = list(drawn("test", N, dataset, plugins))
    flat = list(islice(without_symmetry(iter(held_out)), N))
    sets = {
        "held out": held_out,
        "a tenth flat": held_out[: N - N // 10] + flat[: N // 10],
        "swap": list(drawn("element-swap", N, dataset, plugins)),
        "random": list(drawn("random", N, dataset, plugins)),
        "flat": flat,
    }
    found = {
        name: fwd.compute_corrected(
            ScoreInput(samples=SampleSet.of(items), parameters={}, seed=0, dataset=dataset, encoder=encoder)
        )
        for name, items in sets.items()
    }
    values = {name: result.value for name, result in found.items()}
    assert sorted(values, key=values.__getitem__) == list(sets)
    assert found["held out"].interval is not None
    assert found["held out"].interval[0] == 0
    assert 5 * abs(values["held out"]) < values["swap"]


def test_the_bundled_encoder_knows_materials_that_it_was_not_trained_on(real: Real) -> None:
    """It was trained on WBM: the mean absolute error on MP-20 stays below an eighth of the mean predictor's."""
    encoder, dataset, _ = real
    split = dataset.split("test")
    assert split.energies is not None
    rows = np.random.default_rng(0).permutation(len(split))[:2000]
    predicted = encoder.encode([split.labels[row] for row in rows]).energies
    true = split.energies[rows]
    assert np.isfinite(predicted).all()
    error, mean_error = np.abs(predicted - true).mean(), np.abs(true - true.mean()).mean()
    assert error < 0.12
    assert 8 * error < mean_error
