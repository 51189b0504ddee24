"""Materials drawn from a trained WyckoffGNN: by the backward chain, or for the zeros prior by its events."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter

import torch

from wyckoffdiff.batches import Noise
from wyckoffdiff.chain import Chain, LastStep, times
from wyckoffdiff.condition import Condition
from wyckoffdiff.encoding import Record
from wyckoffdiff.events import Events, check_events
from wyckoffdiff.layout import stacked
from wyckoffdiff.model import WyckoffGNN
from wyckoffdiff.state import State, one_thread_each


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSettings:
    """How materials are drawn.

    Attributes
    ----------
    steps
        Number of steps of the chain; 0 for all T.
    events
        Blocks of time in each of which the network is asked once, and again after every event; 0 for the chain.
    threads, memory
        Threads, and MB for the activations of the network in each. A small memory, or a GPU, changes which materials
        are evaluated together, and by rounding now and then a sample; threads change nothing.
    """

    steps: int = 0
    last_step: LastStep = LastStep.CLEAN
    events: int = 0
    threads: int = 1
    memory: int = 256

    def check(self, noise: Noise) -> None:
        """Raise `ValueError` for what cannot be drawn so."""
        times(noise.constrained.timesteps, self.steps, self.last_step)
        check_events(noise, self.events)
        if self.events and (self.steps or self.last_step is not LastStep.CLEAN):
            raise ValueError("events take no steps: leave out steps and last_step, or events")


def sample(
    model: WyckoffGNN,
    noise: Noise,
    spacegroups: Sequence[int],
    settings: SampleSettings,
    condition: Condition,
    generator: torch.Generator,
    progress: Callable[[float], None] = lambda share: None,
) -> list[Record]:
    """Draw one material of each space group; a record without entries is a void material.

    The samples depend on nothing but the arguments (``settings.threads`` does not matter). Required
    elements are not looked at here: see `wyckoffdiff.condition`. ``progress`` is told the share of the way that is
    done.

    Raises
    ------
    ValueError
        If the settings are not possible with this noise.
    """
    settings.check(noise)
    order = sorted(range(len(spacegroups)), key=lambda k: stacked().size[spacegroups[k]])
    groups = [spacegroups[k] for k in order]
    with one_thread_each(), ThreadPoolExecutor(settings.threads) as pool:
        run = pool.map if settings.threads > 1 else map
        state = State(model, groups, condition, settings.memory)
        if settings.events:
            Events(state, noise, generator, run).draw(settings.events, progress)
        else:
            chain = Chain(state, noise, generator, run)
            for t, s in pairwise(times(noise.constrained.timesteps, settings.steps, settings.last_step)):
                chain.step(t, s)
                progress(1 - s / noise.constrained.timesteps)
    return [record for _, record in sorted(zip(order, state.records(), strict=True), key=itemgetter(0))]
