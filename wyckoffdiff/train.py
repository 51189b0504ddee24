"""Training: AdamW on what the network learns (paper, section 3.4; `wyckoffdiff.objective`, `wyckoffdiff.entries`).

All randomness of step k is a function of (seed, k): the order of the materials, their lettering, t and the noise. So a
run that was killed and resumed, or that is split over several processes, sees the same numbers.
"""

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from crystalbench.errors import CrystalbenchError
from wyckoffdiff import checkpoint
from wyckoffdiff.batches import splits
from wyckoffdiff.checkpoint import Provenance
from wyckoffdiff.data import Materials, epoch_order
from wyckoffdiff.networks import Network, new_network, objective
from wyckoffdiff.objective import Objective
from wyckoffdiff.processes import Processes
from wyckoffdiff.settings import NetworkSettings, Precision, TrainingSettings, to_plain
from wyckoffdiff.training_log import EVERY, Log

LAST, BEST, LOG = "last.pt", "best.pt", "log.jsonl"
BOUND_ROWS, BOUND_BATCH = 4096, 16
_NOISE, _LETTERS, _VALIDATION, _WEIGHTS, _BOUND = range(5)  # streams of random numbers of one seed


class TrainingError(CrystalbenchError):
    """A training that cannot go on."""


@dataclass(slots=True)
class Progress:
    """How far a training is.

    Attributes
    ----------
    loss, seen
        Of the epoch under way: sum over materials, and their number.
    best
        Least validation loss so far.
    recent
        Losses of the steps that are not in the log yet.
    """

    step: int = 0
    epoch: int = 0
    seen: int = 0
    loss: float = 0.0
    seconds: float = 0.0
    train_loss: float | None = None
    val_loss: float | None = None
    val_bound: float | None = None
    best: float = math.inf
    recent: list[float] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Training:
    """A training under way.

    Attributes
    ----------
    model, average
        The network, and the moving average of its weights by name; empty where the settings have none.
    provenance
        Of the data; `Training.save` adds how far it got.
    device
        Where the network is. Randomness and data are made on the CPU.
    """

    model: Network
    settings: TrainingSettings
    provenance: Provenance
    train: Materials
    val: Materials
    processes: Processes = field(default_factory=Processes)
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    progress: Progress = field(default_factory=Progress)
    average: dict[str, Tensor] = field(init=False)
    optimiser: torch.optim.Optimizer = field(init=False)
    objective: Objective[Any] = field(init=False)
    _parallel: nn.Module = field(init=False)

    def __post_init__(self) -> None:
        settings = self.settings
        self.model.to(self.device)
        if settings.precision is Precision.TF32:
            torch.set_float32_matmul_precision("high")
        if settings.compile:
            self.model.compile_networks()
        fused = self.device.type in ("cpu", "cuda")
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay,
            betas=(0.9, settings.beta_2), fused=fused,
        )  # fmt: skip
        self.start_average()
        found = self.provenance
        counts = torch.tensor(found.constrained_counts), torch.tensor(found.unconstrained_counts)
        self.objective = objective(self.model, settings.prior, counts, found.sizes())
        self._parallel = self.objective
        if self.processes.count > 1:
            self._parallel = nn.parallel.DistributedDataParallel(self.objective)

    def start_average(self) -> None:
        """Let the moving average begin with the weights as they are."""
        self.average = {}
        if self.settings.ema:
            self.average = {name: p.detach().clone() for name, p in self.model.named_parameters()}

    @property
    def steps_per_epoch(self) -> int:
        return math.ceil(len(self.train) / self.settings.batch_size)

    @property
    def steps(self) -> int:
        """Steps of the whole training."""
        return self.steps_per_epoch * self.settings.epochs

    def step(self) -> float:
        """Do one step; returns the mean loss of its materials over all processes.

        Raises
        ------
        TrainingError
            If the loss or the gradient is no finite number; the weights are as before the step.
        """
        progress, settings = self.progress, self.settings
        epoch, number = divmod(progress.step, self.steps_per_epoch)
        order = epoch_order(len(self.train), settings.seed, epoch)
        rows = order[number * settings.batch_size : (number + 1) * settings.batch_size]
        letters = np.random.default_rng(_seed(settings.seed, _LETTERS, progress.step)) if settings.augment else None
        drawn = self.objective.draw(self.train, rows, _generator(settings.seed, _NOISE, progress.step), letters)
        with self._precision():
            total = self._loss(drawn, len(rows))
        self.optimiser.zero_grad(set_to_none=True)
        # DistributedDataParallel takes the mean of the gradients over processes; the loss is a sum over all of them.
        torch.autograd.backward(total * (self.processes.count / len(rows)))
        loss = float(self.processes.sum(total.detach().clone())) / len(rows)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), settings.clip or math.inf)
        if not (math.isfinite(loss) and bool(norm.isfinite())):
            raise TrainingError(
                f"step {progress.step}: loss {loss}, norm of the gradient {float(norm)}; the last good checkpoint is "
                f"kept. Resume from it with a lower learning rate, or clip the gradient"
            )
        for group in self.optimiser.param_groups:
            group["lr"] = settings.learning_rate_at(progress.step, self.steps)
        self.optimiser.step()
        if self.average:
            names, weights = zip(*self.model.named_parameters(), strict=True)
            torch._foreach_lerp_(
                [self.average[name] for name in names], [w.detach() for w in weights],
                1 - settings.ema_at(progress.step),
            )  # fmt: skip
        progress.step += 1
        progress.seen += len(rows)
        progress.loss += loss * len(rows)
        return loss

    def _loss(self, drawn: Any, n: int) -> Tensor:
        """Sum of the losses of this process's materials, of n."""
        # A last batch can hold fewer materials than there are processes: those left over compute one for nothing.
        idle = self.processes.rank >= n
        own = self.objective.share(drawn, 0 if idle else self.processes.rank, self.processes.count, self.device)
        total: Tensor = self._parallel(own)
        return total * 0 if idle else total

    def _precision(self) -> contextlib.AbstractContextManager[Any]:
        bf16 = self.settings.precision is Precision.BF16
        return torch.autocast(self.device.type, torch.bfloat16, enabled=bf16)

    def validate(self) -> float:
        """Return the mean loss on the validation split, with the averaged weights and the same noise every time."""
        total = torch.zeros((), dtype=torch.float64)
        with torch.no_grad(), self._averaged():
            for number, rows in enumerate(splits(len(self.val), self.settings.batch_size)):
                chosen = np.arange(len(self.val))[rows]
                drawn = self.objective.draw(self.val, chosen, _generator(0, _VALIDATION, number))
                total += self._loss(drawn, len(chosen)).double().cpu()
        return float(self.processes.sum(total.to(self.device))) / len(self.val)

    def bound(self) -> float:
        """Return the variational bound of `BOUND_ROWS` validation materials, evenly spread: nats a material.

        With the averaged weights and the same noise every time, as `validate`; each process computes it whole.
        """
        chosen = np.linspace(0, len(self.val), min(len(self.val), BOUND_ROWS), endpoint=False).astype(np.int64)
        total = 0.0
        with torch.no_grad(), self._averaged():
            for number, rows in enumerate(splits(len(chosen), BOUND_BATCH)):
                total += float(self.objective.bounds(self.val, chosen[rows], _generator(0, _BOUND, number)).sum())
        return total / len(chosen)

    @contextlib.contextmanager
    def _averaged(self) -> Iterator[None]:
        """Put the moving average in the place of the weights."""
        if not self.average:
            yield
            return
        own = {name: p.detach().clone() for name, p in self.model.named_parameters()}
        self.model.load_state_dict(self.average)
        try:
            yield
        finally:
            self.model.load_state_dict(own)

    def save(self, path: Path) -> None:
        """Write a checkpoint; raises `TrainingError` instead if a weight is no finite number."""
        progress = self.progress
        for name, parameter in self.model.named_parameters():
            if not parameter.isfinite().all():
                raise TrainingError(f"step {progress.step}: {name} is not finite; the last good checkpoint is kept")
        provenance = replace(
            self.provenance, training=self.settings, epochs=progress.step / self.steps_per_epoch, steps=progress.step,
            seconds=progress.seconds, train_loss=progress.train_loss, val_loss=progress.val_loss,
            val_bound=progress.val_bound, threads=torch.get_num_threads(), device=_device_name(self.device),
        )  # fmt: skip
        checkpoint.save(
            path,
            checkpoint.TRAINING,
            {
                "weights": self.model.state_dict(),
                "average": self.average or None,
                "optimiser": self.optimiser.state_dict(),
                "settings": to_plain(self.model.settings),
                "provenance": provenance.to_plain(),
                "progress": asdict(progress),
            },
        )

    def restore(self, content: dict[str, Any]) -> None:
        """Continue from a checkpoint's content."""
        self.model.load_state_dict(content["weights"])
        self.average = {name: tensor.to(self.device) for name, tensor in (content["average"] or {}).items()}
        self.optimiser.load_state_dict(content["optimiser"])
        self.progress = Progress(**content["progress"])


def new_model(settings: NetworkSettings, seed: int) -> Network:
    """Return a network with random weights that depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(_seed(seed, _WEIGHTS, 0).generate_state(1, np.uint64)[0] >> 1))
        return new_network(settings)


def run(
    training: Training,
    folder: Path,
    *,
    checkpoint_seconds: float = 600.0,
    stop_at: int | None = None,
    report: Callable[[str], None] = lambda line: None,
    show: Callable[[int], None] = lambda step: None,
) -> None:
    """Train to the end (or to step ``stop_at``), with checkpoints and a log.

    Calls ``report`` with a line after each epoch, and ``show`` with the number of steps done here after each step.
    Writes into ``folder``: `LAST` every ``checkpoint_seconds`` and after every epoch, `BEST` by validation loss, and
    `LOG`, see `wyckoffdiff.training_log`.
    """
    progress, main = training.progress, training.processes.rank == 0
    log = Log(folder / LOG, progress.step) if main else None
    started, before = time.perf_counter(), progress.seconds
    start_step, saved = progress.step, time.perf_counter()
    while progress.step < min(training.steps, stop_at or training.steps):
        progress.recent.append(training.step())
        show(progress.step - start_step)
        progress.seconds = before + time.perf_counter() - started
        ended = progress.step % training.steps_per_epoch == 0
        if progress.step % EVERY == 0 or ended:
            mean = sum(progress.recent) / len(progress.recent)
            progress.recent.clear()
            if log:
                log.write(kind="step", step=progress.step, loss=mean, seconds=progress.seconds)
        if ended:
            progress.train_loss = progress.loss / progress.seen
            progress.epoch, progress.seen, progress.loss = progress.epoch + 1, 0, 0.0
            progress.val_loss, progress.val_bound = training.validate(), training.bound()
            progress.seconds = before + time.perf_counter() - started
            better, progress.best = progress.val_loss < progress.best, min(progress.best, progress.val_loss)
            if log:
                log.write(
                    kind="epoch", step=progress.step, epoch=progress.epoch, train_loss=progress.train_loss,
                    val_loss=progress.val_loss, val_bound=progress.val_bound, seconds=progress.seconds,
                    learning_rate=training.settings.learning_rate_at(progress.step - 1, training.steps),
                )  # fmt: skip
                rate = (time.perf_counter() - started) / (progress.step - start_step)
                report(_line(training, rate * (training.steps - progress.step)))
                if better:
                    training.save(folder / BEST)
        if main and (ended or time.perf_counter() - saved > checkpoint_seconds):
            training.save(folder / LAST)
            saved = time.perf_counter()


def _line(training: Training, left: float) -> str:
    progress = training.progress
    hours, minutes = divmod(math.ceil(left / 60), 60)
    return (
        f"epoch {progress.epoch}/{training.settings.epochs}  train {progress.train_loss:.5f}  "
        f"validation {progress.val_loss:.5f}, bound {progress.val_bound:.3f} nats  "
        f"{progress.seconds / 60:.1f} min, {hours} h {minutes:02d} min left"
    )


def _seed(seed: int, stream: int, number: int) -> np.random.SeedSequence:
    return np.random.SeedSequence([seed, stream, number])


def _generator(seed: int, stream: int, number: int) -> torch.Generator:
    state = _seed(seed, stream, number).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state >> np.uint64(1)))


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
