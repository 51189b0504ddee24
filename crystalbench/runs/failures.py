"""What a run fails with while samples are drawn: code that raises, files that cannot be read, nothing valid in one."""

from crystalbench.crystals.samples import Invalid, nothing_valid
from crystalbench.errors import ReadError
from crystalbench.isolation import describe, isolated, trace
from crystalbench.runs.progress import Report, silent
from crystalbench.runs.stream import ReplicaSamples, Stream, draw_replica
from crystalbench.tables.results import Failure

READ = "read"
"""The step in which files fail that cannot be read; code fails in the others."""


def drawn_or_failed(
    stream: Stream, *, n: int, novel: int, limit: int, report: Report = silent
) -> ReplicaSamples | Failure:
    """As `draw_replica`; what is raised is a failed row: in step `READ` where a file cannot be read."""
    plugin = stream.generator.plugin

    def draw() -> ReplicaSamples | Failure:
        try:
            return draw_replica(stream, n=n, novel=novel, limit=limit, report=report)
        except ReadError as error:
            return Failure(READ, plugin, describe(error), trace(error))

    return isolated("sample", plugin, draw)


def drawing_failure(generator: str, source: str, drawn: ReplicaSamples | Failure, of_file: bool) -> Failure | None:
    """Return what a run fails with after a replica was drawn: what was raised, or that a file holds nothing valid."""
    if isinstance(drawn, Failure):
        return drawn
    if not of_file or drawn.drawn.valid:
        return None
    first = next(item for item in drawn.drawn if isinstance(item, Invalid))
    return Failure("convert", generator, nothing_valid(source, drawn.drawn.reasons, first))
