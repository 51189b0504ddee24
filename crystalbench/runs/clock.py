"""What drawing a chunk costs, measured around the sampler."""

import os
from dataclasses import replace

from crystalbench.interfaces import Draw, Sampler


def clocked(sampler: Sampler, number: int) -> Draw | None:
    """Draw a chunk; where the sampler has a clock of the wall only, measure its CPU time and the machine's load too."""
    before = _cpu_seconds()
    draw = sampler.draw(number)
    if not isinstance(draw, Draw) or draw.timing is None or draw.timing.cpu_seconds is not None:
        return draw
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return replace(draw, timing=replace(draw.timing, cpu_seconds=_cpu_seconds() - before, load=load))


def _cpu_seconds() -> float:
    """CPU time of this process, its threads and its finished children."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
