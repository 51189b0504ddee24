"""What the samples of a run are compared with: the dataset and why it is that one, and the rows of every table."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from crystalbench.datasets import DatasetSpec
from crystalbench.errors import ConfigError
from crystalbench.interfaces import GeneratorSpec, Scale
from crystalbench.isolation import required
from crystalbench.plugins import Plugins
from crystalbench.runs.config import RunConfig


@dataclass(frozen=True, slots=True)
class Comparison:
    """The dataset of a run, and why it is that one."""

    dataset: DatasetSpec
    reason: str

    @property
    def sentence(self) -> str:
        split = "" if self.dataset.reference == "train" else f", split {self.dataset.reference}"
        return f"compared with {self.dataset.name}{split}: {self.reason}"


def choose_dataset(config: RunConfig, plugins: Plugins) -> Comparison:
    """Return the dataset that the user names, else the generators, else the default.

    Generators decide only together: where all that are compared are usually trained on one dataset, it is that one, the
    first in their order that needs no download. Raises `ConfigError` where nothing decides.
    """
    if config.dataset:
        return Comparison(plugins.datasets[config.dataset], "it was named")
    specs = {name: plugins.generators.get(config.of(name).known_as) for name in config.generators}
    compared = [name for name, spec in specs.items() if spec is None or not spec.reference]
    known = [spec.trained_on if (spec := specs[name]) else () for name in compared]
    shared = [name for name in (known[0] if known else ()) if all(name in names for names in known)]
    for name in shared:
        dataset = plugins.datasets.get(name)
        if dataset is not None and required("ready", f"dataset {name}", dataset.ready):
            return Comparison(dataset, f"{' and '.join(compared)} {_is_are(compared)} usually trained on it")
    defaults = [spec for spec in plugins.datasets.values() if spec.default]
    if len(defaults) != 1:
        raise ConfigError(f"name a dataset with --dataset; known: {', '.join(sorted(plugins.datasets)) or 'none'}")
    return Comparison(defaults[0], "no dataset was named, and it is the default")


def check_novel(config: RunConfig, dataset: DatasetSpec) -> None:
    """Raise `ConfigError` for a search for novel samples where nothing says which are."""
    if config.novel and dataset.no_train:
        raise ConfigError(f"novel={config.novel}: {dataset.no_train}")


def with_scale(names: Iterable[str], dataset: DatasetSpec, plugins: Plugins) -> tuple[str, ...]:
    """Return the generators with those before them whose rows are in every table, as far as the dataset has them."""
    there = {
        Scale.REFERENCE: dataset.reference in dataset.splits,
        Scale.HELD_OUT: bool(dataset.held_out),
        Scale.CHANCE: dataset.reference in dataset.splits,
    }
    named = tuple(names)
    ends = [s.name for kind in Scale for s in plugins.generators.values() if s.scale is kind and there[kind]]
    return (*(name for name in ends if name not in named), *named)


def trained_elsewhere(spec: GeneratorSpec | None, dataset: str) -> Iterator[str]:
    """Yield what a reader of the row must know where a generator is usually trained on another dataset."""
    if spec is not None and spec.trained_on and dataset not in spec.trained_on:
        yield f"{spec.title} is usually trained on {' or '.join(spec.trained_on)}, and compared with {dataset} here"


def _is_are(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"
