"""A small dataset and a small network, real in everything but size."""

import functools

from crystalbench import Dataset, DatasetSpec, Split
from crystalbench.crystals.wyckoff import Table
from crystalbench.runs.cache import content_key
from crystalbench_plugins.datasets.bundled import BUNDLED
from wyckoffdiff.settings import EntrySettings, ModelSettings, NetworkSettings, TrainingSettings
from wyckoffdiff.setup_training import start
from wyckoffdiff.train import Training

MODEL = ModelSettings(
    n_elements=94, max_orbits=6, hidden=16, layers=2, position_features=8, pair_hidden=8, message_hidden=16,
    decoder_hidden=16, timesteps=50,
)  # fmt: skip
ENTRIES = EntrySettings(n_elements=94, max_orbits=6, hidden=16, heads=2, layers=1, readings=1)
TRAINING = TrainingSettings(
    epochs=3, batch_size=16, learning_rate=1e-2, ema=0.9, clip=1.0, warmup=3, decay=0.5, informed_start=True
)


@functools.cache
def dataset(every: int = 5000) -> Dataset:
    """Every so many-th material of WBM."""
    whole = BUNDLED[0].spec

    def load(name: str, table: Table) -> Split:
        split = whole.load(name, table)
        step = every if name == "train" else every // 10
        return Split(split.labels[::step], split.prototypes[::step])

    return Dataset(
        DatasetSpec(
            name="tiny", version="1", title="", description="", splits=("train", "val"),
            load=load, identity=lambda: content_key(every=every), card=lambda: "card",
        )
    )  # fmt: skip


def training(settings: TrainingSettings = TRAINING, model: NetworkSettings = MODEL, **changes: object) -> Training:
    """A training at its start."""
    return start(dataset(), model, settings, orbits_from_data=False, **changes)  # type: ignore[arg-type]
