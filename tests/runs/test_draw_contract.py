"""What a generator gives is held to the contract while it is drawn: its row fails, the others are made."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crystalbench import Draw, GeneratorSpec, Invalid, hookimpl
from crystalbench.plugins import Plugins
from tests.runs.test_run import execute, row
from tests.small_plugins import Halides, Small, rock_salt

GIVEN: dict[str, tuple[Callable[[], object], str]] = {
    "no chunk": (lambda: [rock_salt(1)], "draw must return a Draw or None, not list"),
    "too many samples": (lambda: Draw((rock_salt(1),) * 11), "chunk 0 holds 11 samples, more than chunk_size=10"),
    "no sample": (lambda: Draw((rock_salt(1), "NaCl")), "chunk 0, sample 1: "),  # type: ignore[arg-type]
    "no reason": (lambda: Draw((Invalid("odd"),)), "Invalid.reason must be a member of InvalidReason"),  # type: ignore[arg-type]
}


class Odd:
    def __init__(self, make: Callable[[], object]) -> None:
        self.make = make

    @hookimpl
    def crystalbench_generators(self) -> Iterator[GeneratorSpec]:
        make = self.make

        class OddSampler(Halides):
            def draw(self, chunk: int) -> Draw:
                return make()  # type: ignore[return-value]

        yield GeneratorSpec(
            name="odd", version="1", title="Odd", description="Breaks the contract.", start=OddSampler, chunk_size=10
        )


@pytest.mark.parametrize("name", GIVEN)
def test_what_is_no_draw_fails_the_row_with_its_place_and_leaves_the_others(name: str, tmp_path: Path) -> None:
    make, message = GIVEN[name]
    plugins = Plugins()
    plugins.register(Small(), "small")
    plugins.register(Odd(make), "odd")
    finished = execute(plugins, tmp_path / "run", generators=["odd", "halides"], n=10, metrics=["halide_share"])
    assert any(message in failure.error for failure in finished.failures)
    assert row(finished, "odd").drawn == 0
    assert row(finished, "halides").cells["halide_share"].mean == 1


def test_a_generator_that_ends_early_is_drawn_as_far_as_it_goes(tmp_path: Path) -> None:
    plugins = Plugins()
    plugins.register(Small(), "small")
    plugins.register(Odd(lambda: None), "odd")
    finished = execute(plugins, tmp_path / "run", generators=["odd"], n=10, metrics=["halide_share"])
    assert row(finished, "odd").drawn == 0
