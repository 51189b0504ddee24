"""WyckoffGNN has the paper's size, and its fast forms equal the network as it is written in the paper."""

from itertools import product

import pytest
import torch
from torch import Tensor

from tests.wyckoffdiff.one_group import GroupTensors, encode
from wyckoffdiff.layout import layout
from wyckoffdiff.model import Positions, WyckoffGNN, parameter_count
from wyckoffdiff.pair_scores import blocks, n_pairs
from wyckoffdiff.settings import PRESETS, ModelSettings

TINY = ModelSettings(
    n_elements=7, max_orbits=3, hidden=12, layers=2, position_features=4, pair_hidden=10, message_hidden=9,
    decoder_hidden=11, timesteps=20,
)  # fmt: skip
GROUPS = (1, 2, 47, 191, 225, 19)


def tiny() -> WyckoffGNN:
    torch.manual_seed(0)
    return WyckoffGNN(TINY).double()


def tensors(spacegroup: int) -> GroupTensors:
    shape = layout(spacegroup)
    return GroupTensors.of(spacegroup, shape.dof, shape.multiplicity)


def states(group: GroupTensors, batch: int, settings: ModelSettings = TINY) -> tuple[Tensor, Tensor, Tensor]:
    seeded = torch.Generator().manual_seed(group.spacegroup)
    z0 = torch.randint(settings.n_elements + 1, (batch, len(group.constrained)), generator=seeded)
    shape = (batch, len(group.unconstrained), settings.n_elements)
    zinf = torch.randint(settings.max_orbits + 1, shape, generator=seeded)
    return z0, zinf, torch.randint(1, settings.timesteps + 1, (batch,), generator=seeded)


def as_the_paper_writes_it(model: WyckoffGNN, group: GroupTensors, z0: Tensor, zinf: Tensor, t: int) -> Tensor:
    """Algorithms 2-4 for one material, pair by pair, with the concatenation [w_i, w_j]: h (n, hidden)."""
    n = len(group.dof)
    rows: list[Tensor] = [torch.empty(0)] * n
    for place, at in enumerate(group.constrained.tolist()):
        rows[at] = model.element(z0[place])
    for place, at in enumerate(group.unconstrained.tolist()):
        rows[at] = model.counts(torch.cat([model.count(count) for count in zinf[place]]))
    h = torch.stack(rows)
    h_pos = torch.stack(
        [
            model.dof(group.dof[i])
            + model.letter(torch.tensor(i))
            + model.spacegroup(torch.tensor(group.spacegroup))
            + model.time(torch.tensor(t - 1))
            + model.multiplicity(group.multiplicity[i])
            for i in range(n)
        ]
    )
    for layer in model.layers:
        w = torch.cat([h, h_pos], 1)
        a = torch.zeros(n, n, dtype=h.dtype)
        for i, j in product(range(n), range(n)):
            a[i, j] = layer.score(torch.cat([w[i], w[j]]))[0]
        m = torch.stack([sum(a[i].softmax(0)[j] * layer.message(w[j]) for j in range(n)) for i in range(n)])
        h = torch.nn.functional.silu(h + m)
    return h


@pytest.mark.parametrize(
    ("settings", "parameters"), [(ModelSettings(), 9_575_083), (ModelSettings(max_orbits=10), 7_317_839)]
)
def test_the_paper_network_has_its_number_of_parameters(settings: ModelSettings, parameters: int) -> None:
    with torch.device("meta"):
        assert parameter_count(WyckoffGNN(settings)) == parameters


def test_without_the_multiplicity_embedding_of_the_released_code_it_has_the_size_of_algorithm_2() -> None:
    with torch.device("meta"):
        model = WyckoffGNN(PRESETS["paper"].model)
    assert parameter_count(model) - model.multiplicity.weight.numel() == 9_571_995


@pytest.mark.parametrize("spacegroup", GROUPS)
def test_encode_equals_the_algorithms_pair_by_pair(spacegroup: int) -> None:
    model, group = tiny(), tensors(spacegroup)
    z0, zinf, t = states(group, 3)
    with torch.no_grad():
        got = encode(model, group, z0, zinf, t)
        for row in range(3):
            expected = as_the_paper_writes_it(model, group, z0[row], zinf[row], int(t[row]))
            torch.testing.assert_close(got[row], expected, rtol=1e-10, atol=1e-12)


def test_one_time_step_for_all_is_the_same_as_one_each() -> None:
    model, group = tiny(), tensors(191)
    z0, zinf, _ = states(group, 4)
    with torch.no_grad():
        torch.testing.assert_close(
            encode(model, group, z0, zinf, 5), encode(model, group, z0, zinf, torch.full((4,), 5))
        )


def mixed(batch: dict[int, int]) -> tuple[Positions, list[tuple[GroupTensors, Tensor, Tensor, Tensor]]]:
    """Positions of several groups, ordered by number of positions, and the same materials group by group."""
    groups = sorted((tensors(s) for s in batch), key=lambda g: len(g.dof))
    each = [(g, *states(g, batch[g.spacegroup])) for g in groups]
    many = [batch[g.spacegroup] for g in groups]

    def repeated(name: str) -> Tensor:
        return torch.cat([getattr(g, name).repeat(b) for g, b in zip(groups, many, strict=True)])

    n = torch.tensor([len(g.dof) for g, b in zip(groups, many, strict=True) for _ in range(b)])
    dof = repeated("dof")
    return Positions(
        sizes=tuple((b, len(g.dof)) for g, b in zip(groups, many, strict=True)),
        spacegroup=torch.cat([torch.full((len(g.dof) * b,), g.spacegroup) for g, b in zip(groups, many, strict=True)]),
        material=torch.repeat_interleave(torch.arange(len(n)), n),
        dof=dof,
        letter=repeated("letter"),
        multiplicity=repeated("multiplicity"),
        constrained=torch.nonzero(dof == 0)[:, 0],
        unconstrained=torch.nonzero(dof > 0)[:, 0],
    ), each


def test_a_batch_of_many_groups_equals_its_groups_one_by_one() -> None:
    model = tiny()
    positions, each = mixed({1: 3, 2: 2, 47: 1, 191: 4, 225: 2, 19: 1})
    z0 = torch.cat([x.flatten() for _, x, _, _ in each])
    zinf = torch.cat([x.flatten(0, 1) for _, _, x, _ in each])
    t = torch.cat([x for *_, x in each])
    with torch.no_grad():
        got0, gotinf = model(positions, z0, zinf, t)
        h = [(g, encode(model, g, a, b, c)) for g, a, b, c in each]
        torch.testing.assert_close(
            got0, torch.cat([model.constrained_logits(x[:, g.constrained].flatten(0, 1)) for g, x in h])
        )
        torch.testing.assert_close(
            gotinf, torch.cat([model.unconstrained_logits(x[:, g.unconstrained].flatten(0, 1)) for g, x in h])
        )


def test_the_backward_pass_of_the_pair_scores_is_the_derivative(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against automatic differentiation of the plain formula, with blocks of many, few and single materials."""
    model = tiny()
    positions, each = mixed({1: 3, 2: 2, 47: 1, 225: 2})
    z0 = torch.cat([x.flatten() for _, x, _, _ in each])
    zinf = torch.cat([x.flatten(0, 1) for _, _, x, _ in each])
    t = torch.cat([x for *_, x in each])
    found = []
    for block in (1, 30, 5000):
        monkeypatch.setattr("wyckoffdiff.pair_scores.BLOCK", block)
        model.zero_grad()
        logits0, logitsinf = model(positions, z0, zinf, t)
        (logits0.sin().sum() + logitsinf.cos().sum()).backward()
        found.append({name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None})
    model.zero_grad()
    h = [torch.cat([as_the_paper_writes_it(model, g, a[k], b[k], int(c[k]))[getattr(g, kind)] for k in range(len(a))])
         for kind in ("constrained", "unconstrained") for g, a, b, c in each]  # fmt: skip
    half = len(each)
    expected0 = model.constrained_logits(torch.cat(h[:half]))
    expectedinf = model.unconstrained_logits(torch.cat(h[half:]))
    (expected0.sin().sum() + expectedinf.cos().sum()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        for gradients in found:
            torch.testing.assert_close(gradients[name], parameter.grad, rtol=1e-8, atol=1e-10, msg=name)


def test_an_informed_start_predicts_the_frequencies_where_the_rest_is_silent() -> None:
    model = tiny()
    constrained = torch.randint(100, (TINY.n_elements + 1,))
    unconstrained = torch.randint(100, (TINY.n_elements, TINY.max_orbits + 1))
    model.start_from(constrained, unconstrained)
    with torch.no_grad():
        for decoder in (model.constrained_decoder, model.unconstrained_decoder):
            decoder.linear(3).weight.zero_()
        h = torch.randn(2, TINY.hidden, dtype=torch.float64)
        for logits, counts in (
            (model.constrained_logits(h), constrained),
            (model.unconstrained_logits(h), unconstrained),
        ):
            expected = (counts + 0.5) / (counts + 0.5).sum(-1, keepdim=True)
            torch.testing.assert_close(logits.softmax(-1)[1], expected, check_dtype=False)


def test_logits_under_bf16_stay_near_those_in_float32() -> None:
    torch.manual_seed(0)
    model, group = WyckoffGNN(TINY), tensors(225)
    z0, zinf, t = states(group, 4)
    with torch.no_grad():
        exact = encode(model, group, z0, zinf, t)
        with torch.autocast("cpu", torch.bfloat16):
            rough = encode(model, group, z0, zinf, t)
    assert not torch.equal(exact, rough)
    torch.testing.assert_close(rough.float(), exact, rtol=0.1, atol=0.05)


@pytest.mark.parametrize("most", [1, 10, 100, 10_000])
def test_blocks_cover_every_pair_once_in_order(most: int) -> None:
    sizes = ((3, 1), (5, 4), (1, 27), (2, 4))
    pair = position = 0
    for start, end, segments in blocks(sizes, most):
        assert start == pair
        row = 0
        for first, materials, n, at in segments:
            assert (first, at) == (position, row)
            position, row = position + materials * n, row + materials * n * n
        pair = end
        assert end - start == row
        assert row <= most or (len(segments) == 1 and segments[0][1] == 1)
    assert pair == n_pairs(sizes)
