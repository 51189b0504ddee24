"""The contract of a suite."""

from crystalbench.errors import ConfigError
from crystalbench.runs.config import RunConfig
from crystalbench.suites import SuiteSpec


def check_suite(spec: SuiteSpec) -> None:
    """Its settings are those of a configuration file, and name no rows: those are the user's."""
    rows = sorted({"generators", "generator", "suite"} & spec.settings.keys())
    assert not rows, f"{spec.name}: a suite does not set {', '.join(rows)}"
    assert spec.settings, f"{spec.name}: sets nothing"
    try:
        RunConfig.from_mapping({"generators": ["any"], **spec.settings})
    except ConfigError as error:
        raise AssertionError(f"{spec.name}: {error}") from error
