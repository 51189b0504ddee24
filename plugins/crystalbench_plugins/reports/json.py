"""The results as JSON, without loss: what `crystalbench.tables.results_json.from_json` reads back."""

from collections.abc import Iterable

from crystalbench import ReporterSpec, hookimpl
from crystalbench.tables.results_json import to_json


@hookimpl
def crystalbench_reporters() -> Iterable[ReporterSpec]:
    return (ReporterSpec(name="json", version="1", title="JSON, lossless", suffix=".json", render=to_json),)
