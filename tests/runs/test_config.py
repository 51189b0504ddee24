"""Configuration: every key is checked, every flag maps onto a key, and it survives the manifest."""

from dataclasses import fields
from pathlib import Path

import pytest

from crystalbench.cli.options import CONVERSION_FLAGS, build_config
from crystalbench.crystals.wyckoff import Table
from crystalbench.errors import ConfigError
from crystalbench.parameters import RESERVED, Parameter
from crystalbench.runs.config import GeneratorConfig, RunConfig, check_parameters, read_toml

SINGLE = (
    "generators", "metrics", "encoders", "reports", "dataset", "n", "novel", "max_draws", "seed", "published",
    "columns", "sort", "workers", "scheduler",
)  # fmt: skip
REPEATED = ("samples", "reader", "generated", "replicas", "settings")
NO_FLAGS = dict.fromkeys((*SINGLE, *CONVERSION_FLAGS)) | dict.fromkeys(REPEATED, ())

EVERYTHING = {
    "generators": ["a", "b"],
    "dataset": "wbm",
    "n": 50,
    "novel": 10,
    "max_draws": 500,
    "seed": 7,
    "metrics": ["novelty"],
    "reports": ["latex"],
    "published": True,
    "columns": ["paper", "validity"],
    "sort": "-fwd",
    "workers": 1,
    "scheduler": "tcp://10.0.0.1:8786",
    "conversion": {"backend": "moyo", "symprec": 0.01, "table": "pymatgen"},
    "generator": {
        "a": {"samples": ["x.pt", "y.pt"], "reader": "cdvae", "generated": 60, "title": "A", "evaluation": 1}
    },
    "metric": {"novelty": {"rule": "strict"}},
    "encoders": ["small"],
    "encoder": {"small": {"checkpoint": "x.pth"}},
}


def test_a_configuration_survives_the_manifest() -> None:
    config = RunConfig.from_mapping(EVERYTHING | {"workers": 1})
    again = RunConfig.from_mapping(config.to_mapping() | {"workers": 1})
    assert again.to_mapping() == config.to_mapping()
    assert not {"workers", "scheduler"} & config.to_mapping().keys()
    assert config.conversion.table is Table.PYMATGEN
    assert config.generator["a"].parameters == {"evaluation": 1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"genertors": ["a"]}, "did you mean 'generators'"),
        ({"conversion": {"symprek": 1.0}}, "did you mean 'conversion.symprec'"),
        ({"conversion": {"backend": "spglyb"}}, "did you mean 'spglib'"),
        ({"n": "many"}, "n must be of type int, got 'many'"),
        ({"n": 0}, "n must be from 1 to 1,000,000,000, got 0"),
        ({"n": 10**30}, "n must be from 1 to 1,000,000,000"),
        ({"novel": -1}, "novel must be from 0"),
        ({"seed": 2**64}, "seed must be from 0 to 18,446,744,073,709,551,615"),
        ({"workers": 10**6}, "workers must be from 1 to 4,096"),
        ({"generator": {"a": {"replicas": 10**12}}}, "1 to 1,000 replicas"),
        ({"generator": {"a": {"generated": 10**12}}}, "0 to 1,000,000,000 generated samples"),
        ({"conversion": {"symprec": 10**400}}, "conversion.symprec must be of type float"),
        ({"generators": ["a\x1b[31m"]}, "characters that cannot be printed"),
        ({"n": True}, "n must be of type int"),
        ({"generators": []}, "no generators"),
        ({"generators": ["a", "a"]}, "named twice"),
        ({"generators": "a"}, "must be a list of names"),
        ({"generator": {"a": {"samples": ["x"], "replicas": 3}}}, "one file per replica"),
        ({"conversion": []}, "conversion must be a table"),
        ({"encoder": "small"}, "encoder must be a table"),
        ({"generators": ["a", "A"]}, "named twice"),
    ],
)
def test_what_the_user_must_change_is_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        RunConfig.from_mapping({"generators": ["a"], **change})


def test_flags_override_the_file(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('generators = ["a"]\nn = 5\nseed = 3\n[conversion]\nsymprec = 0.2\n')
    config = build_config(
        config_file=path, **NO_FLAGS | {"n": 9, "symprec": 0.3, "settings": ("generator.a.size=2.5",)}
    )
    assert (config.n, config.seed, config.conversion.symprec) == (9, 3, 0.3)
    assert config.generator["a"].parameters == {"size": 2.5}


def test_flags_may_narrow_a_file(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('generators = ["a", "b"]\n[generator.b]\nsize = 1\n[metric.m]\nrule = "x"\n')
    config = build_config(config_file=path, **NO_FLAGS | {"generators": "a", "metrics": "other"})
    assert (config.generators, config.generator, config.metric) == (("a",), {}, {})


@pytest.mark.parametrize("text", ["conversion = 5", "generators = 5", "generator = 3", "[generator]\nmine = 5"])
def test_values_in_the_place_of_tables_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "run.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="must be a"):
        build_config(config_file=path, **NO_FLAGS | {"backend": "moyo", "samples": ("mine=x.pt",)})


def test_set_takes_any_toml_key_and_text_without_quotes() -> None:
    settings = ('generator."v1.0".size=2.5', "generator.a.rule=some text", "n=7")
    config = build_config(config_file=None, **NO_FLAGS | {"generators": "a,v1.0", "settings": settings})
    assert config.generator["v1.0"].parameters == {"size": 2.5}
    assert config.generator["a"].parameters == {"rule": "some text"}
    assert config.n == 7


def test_set_takes_one_setting_at_a_time() -> None:
    with pytest.raises(ConfigError, match="expected NAME=VALUE"):
        build_config(config_file=None, **NO_FLAGS | {"generators": "a", "settings": ("n=10\nseed=99",)})


def test_samples_name_their_generator() -> None:
    config = build_config(config_file=None, **NO_FLAGS | {"generators": "a", "samples": ("mine=x.pt,y.pt",)})
    assert config.generators == ("a", "mine")
    assert config.generator["mine"].samples == ("x.pt", "y.pt")


def test_sample_paths_in_a_file_are_relative_to_it(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('[generator.mine]\nsamples = ["x.pt"]\n')
    assert RunConfig.from_mapping(read_toml(path)).generator["mine"].samples == (str(tmp_path / "x.pt"),)


@pytest.mark.parametrize("text", ["n = ", "\udcff"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "run.toml"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ConfigError, match=r"run\.toml: not a TOML file"):
        read_toml(path)


@pytest.mark.parametrize("flag", ["mine", "=x.pt", "mine="])
def test_a_flag_without_name_or_value_is_refused(flag: str) -> None:
    with pytest.raises(ConfigError, match="expected NAME=VALUE"):
        build_config(config_file=None, **NO_FLAGS | {"samples": (flag,)})


def test_parameters_are_filled_in_and_checked() -> None:
    declared = (Parameter(name="rule", default="cdvae", help="", choices=("cdvae", "smact")),
                Parameter(name="size", default=1.0, help=""))  # fmt: skip
    assert check_parameters("m", {"size": 2}, declared) == {"rule": "cdvae", "size": 2}
    for given, message in (
        ({"rule": "other"}, "one of cdvae, smact"),
        ({"rule": 1}, "one of cdvae, smact, got 1"),
        ({"rule": 1.5}, "must be of type str"),
        ({"siz": 1}, "did you mean 'size'"),
    ):
        with pytest.raises(ConfigError, match=message):
            check_parameters("m", given, declared)


def test_text_of_digits_need_not_be_quoted() -> None:
    declared = (
        Parameter(name="spacegroups", default="", help=""),
        Parameter(name="rule", default="1", help="", choices=("1", "2")),
    )
    assert check_parameters("m", {"spacegroups": 62, "rule": 2}, declared) == {"spacegroups": "62", "rule": "2"}


def test_no_setting_of_a_generator_can_be_named_like_a_key_of_every_generator() -> None:
    assert {f.name for f in fields(GeneratorConfig)} == RESERVED
