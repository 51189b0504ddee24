"""Training on formation energies and prototypes: AdamW, one random setting of each protostructure per epoch.

The loss of a row is the absolute error of its energy, in standard deviations, plus the weighted cross-entropy of its
prototype (`prototypes`). Batches hold protostructures of one length and come in random order. What an epoch does
depends on the seed and its number alone, so a run that was interrupted and resumed gives the same weights as one that
was not.
"""

import copy
import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crystalbench import ConfigError, Dataset, DatasetError, EncoderError, Split
from crystalbench.crystals.wyckoff import Table
from crystalbench.runs.cache import content_key, naming, write_text
from crystalbench.runs.progress import Report, bar
from crystalbench.tables.charts import Curve, Scale, curves, standalone
from crystalbench.tables.results import JSON
from crystalbench_plugins.wrenformer import weights
from crystalbench_plugins.wrenformer.composition import composition_buckets
from crystalbench_plugins.wrenformer.featurise import Bucket, Tokens, buckets
from crystalbench_plugins.wrenformer.infer import predict
from crystalbench_plugins.wrenformer.network import Architecture, Wrenformer
from crystalbench_plugins.wrenformer.prototypes import PrototypeTarget, elements_in, exchanged
from crystalbench_plugins.wrenformer.weights import Weights

if TYPE_CHECKING:
    from torch import nn

NETWORK, PROTOTYPES = "network", "prototypes"
SMALL = Architecture(d_model=128, layers=3, heads=4, feedforward=512, trunk=(256,), out=(256, 128, 64), robust=False)
"""The bundled network: a ninth of the published one, with an embedding of the same width."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSettings:
    """How to train.

    Attributes
    ----------
    warmup
        Steps of rising learning rate; it then falls to 0 along a cosine.
    average
        Decay per step of the running mean of the weights, which is what is evaluated and kept.
    prototype_weight
        Of the cross-entropy beside the absolute error; 0 trains on energies alone.
    prototype_rows
        Training rows that a prototype must have to be told from others.
    composition_only
        Train the baseline that sees the composition and no Wyckoff position, and so no prototype.
    """

    epochs: int = 20
    batch_size: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: int = 1000
    average: float = 0.999
    seed: int = 0
    prototype_weight: float = 0.3
    prototype_rows: int = 5
    composition_only: bool = False


class Training:
    """A training run in a folder.

    ``log.jsonl`` gets a line per epoch (errors in eV/atom; the cross-entropy, smoothed, in nats a training row; the
    share of validation rows whose prototype is told), ``state.pt`` what resuming needs, ``encoder.pt`` the weights to
    use, ``report.json`` the errors on validation and test split and ``curve.svg`` a picture of the log. The layer that
    names prototypes serves training only: it is in ``state.pt``, not in ``encoder.pt``.
    """

    def __init__(
        self, dataset: Dataset, folder: Path, settings: TrainingSettings, architecture: Architecture = SMALL
    ) -> None:
        import torch

        self.settings, self.architecture, self.folder = settings, architecture, folder
        self.splits = {name: dataset.split(name) for name in ("train", "val", "test")}
        energies = {name: _energies(split, f"{dataset.name}, split {name}") for name, split in self.splits.items()}
        self.energies = energies
        self.mean, self.std = float(energies["train"].mean(dtype=float)), float(energies["train"].std(dtype=float))
        self.buckets = self._buckets(self.splits["train"].labels)
        self.steps_per_epoch = sum(math.ceil(len(bucket.rows) / settings.batch_size) for bucket in self.buckets)
        self.elements = elements_in(self.splits["train"].labels)
        self.target: PrototypeTarget | None = None
        if settings.prototype_weight and not settings.composition_only:
            self.target = PrototypeTarget(self.splits["train"].prototypes, settings.prototype_rows)
            if len(self.target.names) < 2:
                raise ConfigError(
                    f"{dataset.name}: {len(self.target.names)} prototypes have {settings.prototype_rows} training rows "
                    "or more, and telling them apart needs two; lower --prototype-rows, or set --prototype-weight 0"
                )
        with torch.random.fork_rng():
            torch.manual_seed(settings.seed)
            self.modules = self._build()
        self.averaged = copy.deepcopy(self.modules).eval().requires_grad_(False)
        self.optimizer = torch.optim.AdamW(
            self.modules.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, betas=(0.9, 0.98)
        )
        self.epoch = 0
        self.key = content_key(
            dataset=dataset.spec.identity(), settings=_json(settings), architecture=architecture.as_json()
        )

    def run(self, report: Any = lambda line: None, stop: int | None = None) -> dict[str, JSON]:
        """Train what is left, then write and return the report.

        Parameters
        ----------
        report
            Called with every line of the log.
        stop
            Epoch to end after; the learning rate still falls as if all were to follow.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / "log.jsonl"
        while self.epoch < min(self.settings.epochs, stop or self.settings.epochs):
            with bar(f"epoch {self.epoch + 1} of {self.settings.epochs}", self.steps_per_epoch, "steps") as progress:
                line = self._train_epoch(progress)
                progress(self.steps_per_epoch, "validation")
                errors = self.errors("val")
            self.epoch += 1
            line = {"epoch": self.epoch, **line, **{f"val_{name}": value for name, value in errors.items()}}
            self._save()
            with naming(log), log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            report(line)
        kept = self.weights()
        kept.save(self.folder / "encoder.pt")
        summary: dict[str, JSON] = {
            "settings": _json(self.settings),
            "epochs_done": self.epoch,
            "architecture": self.architecture.as_json(),
            "parameters": sum(p.numel() for p in self.averaged[NETWORK].parameters()),
            "prototypes": len(self.target.names) if self.target else 0,
            "cpu_seconds": sum(json.loads(line)["cpu_seconds"] for line in log.read_text("utf-8").splitlines()),
            "errors": {name: self.errors(name) for name in ("val", "test")},
            "mean_predictor": {name: self.mean_predictor(name) for name in ("val", "test")},
        }
        write_text(self.folder / "curve.svg", draw(log))
        write_text(self.folder / "report.json", json.dumps(summary, indent=2) + "\n")
        return summary

    def weights(self) -> Weights:
        """The running mean of the weights so far."""
        return Weights(
            architecture=self.architecture,
            state=self.averaged[NETWORK].state_dict(),
            mean=self.mean,
            std=self.std,
            table=Table.AFFINE,
        )

    def errors(self, name: str) -> dict[str, JSON]:
        """Mean absolute and root mean square error on a split, eV/atom, and the share of prototypes told.

        All settings averaged.
        """
        split = self.splits[name]
        network = Wrenformer(self.averaged[NETWORK], self.mean, self.std)
        found = predict(network, self._buckets(split.labels), len(split))
        errors = _errors(found.energies - self.energies[name])
        if self.target:
            told = self.target.accuracy(self.averaged[PROTOTYPES], found.embeddings, split.prototypes)
            errors["prototype_accuracy"] = told
        return errors

    def mean_predictor(self, name: str) -> dict[str, JSON]:
        """The errors of predicting the mean training energy for everything."""
        return _errors(self.mean - self.energies[name])

    def resume(self) -> bool:
        """Continue from ``state.pt`` if there is one; True if so.

        Raises
        ------
        ConfigError
            If it belongs to other settings or another dataset.
        """
        path = self.folder / "state.pt"
        if not path.exists():
            return False
        state = weights.read(path)
        if state.get("key") != self.key:
            raise ConfigError(f"{path} belongs to a training with other settings or data; give another folder")
        self.modules.load_state_dict(state["modules"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.epoch = int(state["epoch"])
        log = self.folder / "log.jsonl"  # a run that was killed may have written a line more than it saved
        lines = log.read_text("utf-8").splitlines(keepends=True)
        write_text(log, "".join(lines[: self.epoch]))
        return True

    def _save(self) -> None:
        content = {
            "key": self.key,
            "epoch": self.epoch,
            "modules": self.modules.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        weights.write(self.folder / "state.pt", content)

    def _buckets(self, labels: Sequence[str]) -> list[Bucket]:
        return composition_buckets(labels) if self.settings.composition_only else buckets(labels, Table.AFFINE)

    def _build(self) -> "nn.ModuleDict":
        from torch import nn

        modules = nn.ModuleDict({NETWORK: self.architecture.build()})
        if self.target:
            modules[PROTOTYPES] = nn.Linear(self.architecture.out[0], len(self.target.names))
        return modules

    def _train_epoch(self, progress: Report) -> dict[str, JSON]:
        import torch

        self.modules.train()
        model = Wrenformer(self.modules[NETWORK], 0.0, 1.0)
        step = self.epoch * self.steps_per_epoch
        started, total = time.process_time(), np.zeros(2)
        random = np.random.default_rng([self.settings.seed, self.epoch])
        for done, (tokens, rows) in enumerate(self._batches(random)):
            progress(done)
            self._set_rate(step)
            target = torch.from_numpy((self.energies["train"][rows] - np.float32(self.mean)) / np.float32(self.std))
            energy = (model(tokens)[1] - target).abs().sum()
            prototype = energy.new_zeros(())
            if self.target:
                embeddings, _ = model(exchanged(tokens, self.elements, random))
                prototype = self.target.loss(self.modules[PROTOTYPES], embeddings, rows)
            loss = energy + self.settings.prototype_weight * prototype
            if not math.isfinite(value := loss.item()):
                raise EncoderError(f"the loss is {value} in step {step}; choose a smaller learning rate")
            # By the full batch size: a short last batch of a rare length counts by its rows, like any other row.
            (loss / self.settings.batch_size).backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.modules.parameters(), 1.0)
            self.optimizer.step()
            self.optimizer.zero_grad()
            decay = min(self.settings.average, (1 + step) / (10 + step))  # forgets the random start quickly
            with torch.no_grad():
                for mean, new in zip(self.averaged.parameters(), self.modules.parameters(), strict=True):
                    mean.lerp_(new, 1 - decay)
            total += energy.item(), prototype.item()
            step += 1
        of_energy, of_prototype = (total / len(self.energies["train"])).tolist()
        return {
            "train_MAE": of_energy * self.std,
            **({"train_cross_entropy": of_prototype} if self.target else {}),
            "cpu_seconds": time.process_time() - started,
            "time": time.time(),
        }

    def _batches(self, random: np.random.Generator) -> Iterator[tuple[Tokens, NDArray[np.int64]]]:
        """Batches of one epoch: their tokens and their rows in the training split."""
        size = self.settings.batch_size
        batches = []
        for bucket in self.buckets:
            order = random.permutation(len(bucket.rows))
            batches += [(bucket, order[start : start + size]) for start in range(0, len(order), size)]
        for batch in random.permutation(len(batches)).tolist():
            bucket, members = batches[batch]
            yield bucket.one_setting(members, random), bucket.rows[members]

    def _set_rate(self, step: int) -> None:
        total, warmup = self.settings.epochs * self.steps_per_epoch, self.settings.warmup
        done = (step - warmup) / max(1, total - warmup)
        factor = (step + 1) / warmup if step < warmup else 0.5 * (1 + math.cos(math.pi * done))
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.learning_rate * factor


def draw(log: Path) -> str:
    """Return the learning curve as SVG: the error on batches as they are learned from, and on the validation split."""
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    series = [
        Curve(title, tuple((line["epoch"], line[f"{name}_MAE"]) for line in lines), colour=colour)
        for colour, (name, title) in enumerate((("train", "training, while learning"), ("val", "validation")))
    ]
    upward = "mean absolute error (eV/atom)"
    return standalone(
        curves(series, "epoch", upward, across_scale=Scale.LINEAR, upward_scale=Scale.LOGARITHMIC, height=360)
    )


def _energies(split: Split, where: str) -> NDArray[np.float32]:
    if split.energies is None or not np.isfinite(split.energies).all():
        missing = "no" if split.energies is None else f"no finite value in {int((~np.isfinite(split.energies)).sum())}"
        raise DatasetError(f"{where}: {missing} formation energies; training needs one for every row")
    return split.energies


def _errors(difference: NDArray[np.floating[Any]]) -> dict[str, JSON]:
    return {"MAE": float(np.abs(difference).mean()), "RMSE": float(np.sqrt(np.square(difference, dtype=float).mean()))}


def _json(settings: TrainingSettings) -> dict[str, JSON]:
    return asdict(settings)
