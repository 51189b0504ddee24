"""Sampling by events against the exact law of its jump process, by brute force on a tiny state space."""

import pytest
import torch

from tests.wyckoffdiff.test_sample import sampled
from tests.wyckoffdiff.tiny_chain import (
    GROUP,
    STATES,
    STEPS,
    chi_square,
    law_of_events,
    model,
    noise,
    state_of,
)  # fmt: skip
from wyckoffdiff.chain import LastStep
from wyckoffdiff.condition import Condition
from wyckoffdiff.events import block_times
from wyckoffdiff.inference import Evaluator
from wyckoffdiff.sample import SampleSettings, sample
from wyckoffdiff.settings import Prior
from wyckoffdiff.transitions import alpha_bars


@pytest.mark.parametrize("blocks", [1, 2, 5])
def test_events_follow_the_law_of_their_jump_process(blocks: int) -> None:
    samples = sampled(Prior.ZEROS, SampleSettings(events=blocks))
    assert chi_square(samples, law_of_events(blocks)) < 5
    assert chi_square(samples, law_of_events(3)) > 20


def test_given_positions_are_filled_at_their_exact_time_and_the_others_follow() -> None:
    condition = Condition.parse(spacegroups=str(GROUP), given="a=He c=2H")
    samples = sampled(Prior.ZEROS, SampleSettings(events=2), condition)
    assert all({(0, 2, 1), (2, 1, 2)} <= set(record.entries) for record in samples)
    law = law_of_events(2, given={0: 2, 2: 2, 3: 0}, substeps=60)
    assert chi_square(samples, law) < 5


def test_an_element_that_is_not_allowed_never_occurs_and_the_rest_is_drawn() -> None:
    samples = sampled(Prior.ZEROS, SampleSettings(events=4), Condition(elements=(2,)), n=3000)
    assert {z for record in samples for _, z, _ in record.entries} == {2}
    assert len({state_of(record) for record in samples}) > 4


def test_samples_depend_on_the_seed_and_not_on_threads_or_what_is_evaluated_together() -> None:
    def draw(seed: int, **settings: int) -> object:
        return sampled(Prior.ZEROS, SampleSettings(events=3, **settings), n=300, seed=seed)

    assert draw(1) == draw(1) != draw(2)
    assert draw(1) == draw(1, memory=0) == draw(1, threads=3)


def test_the_network_is_asked_once_a_block_and_state_and_again_after_events(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    encode = Evaluator.encode

    def counted(self: Evaluator, t: int, materials: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        asked.append((t, len(materials)))
        return encode(self, t, materials, rows)

    monkeypatch.setattr(Evaluator, "encode", counted)
    sampled(Prior.ZEROS, SampleSettings(events=2), n=5_000)
    assert asked[0][1] == 5  # every material is empty: one evaluation for each of the five groups
    assert max(materials for _, materials in asked) <= len(STATES) + 4
    first, second = block_times(noise(Prior.ZEROS).constrained.alpha_bar, 2)
    assert {t for t, _ in asked} == {first, second}


def test_progress_rises_to_one() -> None:
    told: list[float] = []
    groups = [GROUP] * 10
    settings = SampleSettings(events=4)
    sample(model(), noise(Prior.ZEROS), groups, settings, Condition(), torch.Generator().manual_seed(0), told.append)
    assert told == [0.25, 0.5, 0.75, 1.0]


def test_blocks_are_asked_at_times_in_their_middle() -> None:
    alpha_bar = alpha_bars(1000)
    times = block_times(alpha_bar, 4)
    assert [1 - float(alpha_bar[t]) for t in times] == pytest.approx([0.875, 0.625, 0.375, 0.125], abs=1e-3)
    assert len(set(block_times(alpha_bar, 100))) == 100


@pytest.mark.parametrize(
    ("prior", "settings", "message"),
    [
        (Prior.UNIFORM, {"events": 3}, "of the zeros prior"),
        (Prior.MARGINAL, {"events": 3}, "of the zeros prior"),
        (Prior.ZEROS, {"events": -1}, "0 \\(none: a chain\\) to 6, got -1"),
        (Prior.ZEROS, {"events": STEPS + 1}, "to 6, got 7"),
        (Prior.ZEROS, {"events": 3, "steps": 2}, "leave out steps and last_step"),
        (Prior.ZEROS, {"events": 3, "last_step": LastStep.REFERENCE}, "leave out steps and last_step"),
    ],
)
def test_what_has_no_events_is_refused(prior: Prior, settings: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sampled(prior, SampleSettings(**settings), n=1)  # type: ignore[arg-type]
