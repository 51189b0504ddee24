"""Live samples of a trained model as a stream of chunks."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from crystalbench import ConfigError, Draw, Invalid, InvalidReason, Sample, SamplerInput, Timing
from wyckoffdiff.batches import Noise
from wyckoffdiff.chain import LastStep
from wyckoffdiff.checkpoint import Provenance, load_model
from wyckoffdiff.condition import Condition
from wyckoffdiff.encoding import Record, to_sample
from wyckoffdiff.entries.network import EntryNetwork
from wyckoffdiff.entries.sample import EntrySampler
from wyckoffdiff.networks import Network
from wyckoffdiff.sample import SampleSettings, sample


class Stream:
    """Samples of one checkpoint; chunk k depends on nothing but the checkpoint, the parameters, the seed and k.

    Parameters
    ----------
    given
        With the parameters declared in `wyckoffdiff.plugin`.
    checkpoint
        A model file (`wyckoffdiff.checkpoint.load_model`).
    chunk_size
        Samples in a chunk.
    """

    def __init__(self, given: SamplerInput, checkpoint: Path, chunk_size: int) -> None:
        values = given.parameters
        self.seed, self.chunk_size = given.seed, chunk_size
        self.attempts = int(values["attempts"])
        if self.attempts < 1:
            raise ConfigError(f"attempts must be at least 1, got {self.attempts}")
        self.table = given.dataset.table
        self.condition = Condition.parse(
            spacegroups=str(values["spacegroups"]),
            elements=str(values["elements"]),
            required=str(values["required"]),
            given=str(values["given"]),
        )
        model, provenance = load_model(checkpoint)
        self.condition.check_range(model.settings.n_elements, model.settings.max_orbits)
        self.weights = torch.from_numpy(self.condition.spacegroup_weights(np.array(provenance.spacegroup_counts)))
        device = str(values["device"])
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        self.device, self.threads = device, torch.get_num_threads()
        self.sample = _sampler(model.to(device), provenance, self.condition, given, self.threads)

    def draw(self, chunk: int) -> Draw:
        start = time.perf_counter()
        items = tuple(map(self._sample, self.records(chunk)))
        return Draw(
            items,
            Timing(seconds=time.perf_counter() - start, device=self.device, threads=self.threads),
        )

    def records(self, chunk: int) -> list[Record | None]:
        """Return the materials of a chunk; None where all attempts at the required elements failed."""
        (seed,) = np.random.SeedSequence([self.seed, chunk]).generate_state(1, np.uint64).tolist()
        generator = torch.Generator().manual_seed(seed)
        found: list[Record | None] = [None] * self.chunk_size
        open_places = list(range(self.chunk_size))
        for _ in range(self.attempts):
            groups = torch.multinomial(self.weights, len(open_places), replacement=True, generator=generator).tolist()
            drawn = self.sample(groups, generator)
            for place, record in zip(open_places, drawn, strict=True):
                if self.condition.accepts(record):
                    found[place] = record
            open_places = [place for place in open_places if found[place] is None]
            if not open_places:
                break
        return found

    def _sample(self, record: Record | None) -> Sample:
        if record is None:
            return Invalid(InvalidReason.NOT_WRITTEN, f"no sample with all required elements in {self.attempts} draws")
        return to_sample(record, self.table)


def _sampler(
    model: Network, provenance: Provenance, condition: Condition, given: SamplerInput, threads: int
) -> Callable[[Sequence[int], torch.Generator], list[Record]]:
    """Return what draws one material of each space group; raises `ConfigError` where the model has no such steps."""
    values = given.parameters
    steps, events, last_step = int(values["steps"]), int(values["events"]), LastStep(str(values["last_step"]))
    if isinstance(model, EntryNetwork):
        if steps or events or last_step is not LastStep.CLEAN:
            raise ConfigError(
                "wyckoffdiff: this model completes materials entry by entry and has no chain of steps; leave out "
                "steps, events and last_step, or name a model of another preset as checkpoint"
            )
        entries = EntrySampler(model, provenance.sizes(), condition, threads)
        return lambda groups, generator: entries.sample(groups, generator, given.progress)
    settings = SampleSettings(
        steps=steps, events=events, last_step=last_step, threads=threads, memory=int(values["memory"])
    )
    counts = torch.tensor(provenance.constrained_counts), torch.tensor(provenance.unconstrained_counts)
    noise = Noise.of(provenance.training.prior, model.settings, counts)
    try:
        settings.check(noise)
    except ValueError as error:
        raise ConfigError(f"wyckoffdiff: {error}") from None
    return lambda groups, generator: sample(model, noise, groups, settings, condition, generator, given.progress)
