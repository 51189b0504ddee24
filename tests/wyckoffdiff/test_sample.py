"""The sampler against the exact law of its chain, computed by brute force on a tiny state space."""

import pytest
import torch

from tests.wyckoffdiff.tiny_chain import GROUP, STATES, STEPS, chi_square, law_of_chain, model, noise
from wyckoffdiff.chain import LastStep, times
from wyckoffdiff.condition import Condition
from wyckoffdiff.encoding import Record
from wyckoffdiff.sample import SampleSettings, sample
from wyckoffdiff.settings import Prior

N = 20_000
PRIORS = list(Prior)


def sampled(
    prior: Prior, settings: SampleSettings, condition: Condition | None = None, *, n: int = N, seed: int = 1
) -> list[Record]:
    condition = condition or Condition()
    others = [] if condition.given else [1, 2, 62, 47]  # other groups in the batch: they must not matter
    groups = [GROUP] * n + others
    drawn = sample(model(), noise(prior), groups, settings, condition, torch.Generator().manual_seed(seed))
    assert [record.spacegroup for record in drawn] == groups
    return drawn[:n]


@pytest.mark.parametrize("prior", PRIORS)
def test_all_steps_follow_the_law_of_the_exact_chain(prior: Prior) -> None:
    law = law_of_chain(prior, list(range(STEPS, -1, -1)))
    assert chi_square(sampled(prior, SampleSettings()), law) < 5


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("steps", [1, 2, 4])
def test_strides_follow_their_own_exact_law(prior: Prior, steps: int) -> None:
    law = law_of_chain(prior, times(STEPS, steps, LastStep.CLEAN))
    assert chi_square(sampled(prior, SampleSettings(steps=steps)), law) < 5


@pytest.mark.parametrize("prior", PRIORS)
def test_the_reference_last_step_leaves_the_noise_of_one_step(prior: Prior) -> None:
    law = law_of_chain(prior, list(range(STEPS, 0, -1)))
    assert chi_square(sampled(prior, SampleSettings(last_step=LastStep.REFERENCE)), law) < 5


@pytest.mark.parametrize("prior", PRIORS)
def test_the_comparison_tells_a_wrong_chain_from_the_right_one(prior: Prior) -> None:
    samples = sampled(prior, SampleSettings())
    assert chi_square(samples, law_of_chain(prior, times(STEPS, 2, LastStep.CLEAN))) > 20
    other = Prior.UNIFORM if prior is not Prior.UNIFORM else Prior.ZEROS
    assert chi_square(samples, law_of_chain(other, list(range(STEPS, -1, -1)))) > 20


@pytest.mark.parametrize("prior", PRIORS)
def test_an_excluded_element_follows_the_restricted_chain_and_never_occurs(prior: Prior) -> None:
    samples = sampled(prior, SampleSettings(), Condition(elements=(2,)))
    law = law_of_chain(prior, list(range(STEPS, -1, -1)), known={2: 0}, allowed=torch.tensor([1.0, 0.0, 1.0]))
    assert {z for record in samples for _, z, _ in record.entries} == {2}
    assert chi_square(samples, law) < 5


@pytest.mark.parametrize("prior", PRIORS)
def test_given_positions_stay_and_the_others_follow_the_restricted_chain(prior: Prior) -> None:
    condition = Condition.parse(spacegroups=str(GROUP), given="a=He c=2H")
    samples = sampled(prior, SampleSettings(), condition)
    assert all({(0, 2, 1), (2, 1, 2)} <= set(record.entries) for record in samples)
    law = law_of_chain(prior, list(range(STEPS, -1, -1)), known={0: 2, 2: 2, 3: 0})
    assert chi_square(samples, law) < 5


def test_a_position_given_as_empty_stays_empty() -> None:
    samples = sampled(Prior.UNIFORM, SampleSettings(), Condition.parse(spacegroups=str(GROUP), given="b="), n=500)
    assert all(position != 1 for record in samples for position, _, _ in record.entries)


def test_samples_depend_on_the_seed_and_on_nothing_else() -> None:
    def draw(seed: int, **settings: int) -> list[Record]:
        return sampled(Prior.MARGINAL, SampleSettings(**settings), n=300, seed=seed)

    assert draw(1) == draw(1) != draw(2)
    assert draw(1) == draw(1, memory=0)  # one material at a time
    threads = torch.get_num_threads()
    assert draw(1) == draw(1, threads=3)
    assert torch.get_num_threads() == threads


def test_equal_states_share_one_evaluation_and_different_ones_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    from wyckoffdiff.inference import Evaluator

    asked: list[int] = []
    encode = Evaluator.encode

    def counted(self: Evaluator, t: int, materials: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        asked.append(len(materials))
        return encode(self, t, materials, rows)

    monkeypatch.setattr(Evaluator, "encode", counted)
    sampled(Prior.ZEROS, SampleSettings(), n=5_000)
    assert asked[0] == 5  # every material is empty: one evaluation for each of the five groups
    assert max(asked) <= len(STATES) + 4
    assert len(asked) == STEPS


def test_times_fall_from_the_last_to_the_end_in_even_strides() -> None:
    assert times(1000, 0, LastStep.CLEAN) == list(range(1000, -1, -1))
    assert times(1000, 0, LastStep.REFERENCE) == list(range(1000, 0, -1))
    assert times(1000, 4, LastStep.CLEAN) == [1000, 750, 500, 250, 0]
    assert times(10, 3, LastStep.REFERENCE) == [10, 7, 4, 1]
    for steps in range(1, 11):
        grid = times(10, steps, LastStep.CLEAN)
        assert len(set(grid)) == steps + 1
        assert (grid[0], grid[-1]) == (10, 0)


@pytest.mark.parametrize("steps", [-1, 1001])
def test_more_steps_than_the_model_has_are_refused(steps: int) -> None:
    with pytest.raises(ValueError, match="0 \\(all\\) to 1000"):
        times(1000, steps, LastStep.CLEAN)
