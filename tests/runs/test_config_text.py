"""A configuration written as TOML makes the same run."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from crystalbench.runs.config import GeneratorConfig, RunConfig, parse_toml, read_toml
from crystalbench.runs.config_text import config_text

WORDS = st.text(min_size=1, max_size=12)
NAMES = WORDS.filter(str.isprintable)
VALUES = st.one_of(st.booleans(), st.integers(-(2**40), 2**40), st.floats(allow_nan=False, allow_infinity=False), WORDS)


@given(
    st.lists(NAMES, min_size=1, max_size=3, unique_by=str.casefold),
    st.integers(1, 10**6),
    st.dictionaries(WORDS, st.dictionaries(WORDS, VALUES, max_size=2), max_size=2),
)
def test_any_configuration_comes_back(names: list[str], n: int, metric: dict[str, dict[str, object]]) -> None:
    config = RunConfig(generators=tuple(names), n=n, metric=metric, workers=1)  # type: ignore[arg-type]
    again = RunConfig.from_mapping(parse_toml(config_text(config)) | {"workers": 1})
    metric_kept = {name: values for name, values in metric.items() if values}
    assert {name: dict(values) for name, values in again.metric.items()} == metric_kept
    assert (again.generators, again.n) == (config.generators, config.n)


def test_sample_files_are_named_and_no_folder_of_the_machine_is(tmp_path: Path) -> None:
    mine = GeneratorConfig(name="mine", samples=(str(tmp_path / "secret" / "my labels.csv"),), generated=7)
    text = config_text(RunConfig(generators=("mine",), generator={"mine": mine}, seed=3))
    assert str(tmp_path) not in text
    (tmp_path / "run.toml").write_text(text, encoding="utf-8")
    (again,) = RunConfig.from_mapping(read_toml(tmp_path / "run.toml")).generator.values()
    assert again.samples == (str(tmp_path / "my labels.csv"),)
    assert again.generated == 7
