"""The results as JSON, without loss: what `crystalbench.tables.results_json.from_json` reads back.

Plain tables likewise: `crystalbench.tables.listing_json.page_from_json`.
"""

from collections.abc import Iterable

from crystalbench import ReporterSpec, hookimpl
from crystalbench.tables.listing_json import page_to_json
from crystalbench.tables.results_json import to_json


@hookimpl
def crystalbench_reporters() -> Iterable[ReporterSpec]:
    return (
        ReporterSpec(
            name="json", version="2", title="JSON, lossless", suffix=".json", render=to_json, page=page_to_json
        ),
    )
