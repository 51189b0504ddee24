"""WyckoffGNN for sampling: what a step needs and nothing else, without gradients; equal to `WyckoffGNN.encode`.

A step of the lazy sampler asks for some positions of some materials, all at one time t. So

* only materials with such a position are evaluated, and in the last layer only the pairs (i, j) with such an i;
* an *empty* position of a space group looks the same in all materials, so in the first layer its messages and the
  scores of two empty positions are computed once for the whole batch;
* the decoder's last layer is applied for the elements that are asked for.

Pairs are processed in blocks that stay in the processor's cache.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from wyckoffdiff.model import N_LETTERS, Layer, Positions, WyckoffGNN, attend
from wyckoffdiff.pair_scores import Sizes

PAIR_FLOATS = 1 << 19
"""Numbers in a block of pairs: 2 MB."""


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """All pairs (i, j) of the chosen materials, in the order of `wyckoffdiff.pair_scores`.

    Attributes
    ----------
    i, j
        (pairs,) int64, rows among the chosen positions.
    wanted
        (pairs,) bool, whether h_i is asked for.
    """

    sizes: Sizes
    i: Tensor
    j: Tensor
    wanted: Tensor


class Evaluator:
    """The network on a fixed batch of materials whose occupation changes.

    Parameters
    ----------
    model
        Weights; on any device.
    positions
        Of B materials, on the CPU; all of them start empty.
    """

    def __init__(self, model: WyckoffGNN, positions: Positions) -> None:
        self.model = model
        self.device = model.time.weight.device
        self.positions = p = positions.to(self.device)
        self.size = torch.cat([torch.full((materials,), n) for materials, n in positions.sizes]).to(self.device)
        self.first = torch.cumsum(self.size, 0) - self.size
        with torch.inference_mode():
            self.static = (
                model.dof(p.dof)
                + model.letter(p.letter)
                + model.spacegroup(p.spacegroup)
                + model.multiplicity(p.multiplicity)
            )
            no_element = torch.zeros(1, dtype=torch.int64, device=self.device)
            no_counts = torch.zeros(1, model.settings.n_elements, dtype=torch.int64, device=self.device)
            empty0, emptyinf = model.occupation(no_element, no_counts)
            self.h = torch.where((p.dof == 0)[:, None], empty0, emptyinf)  # h^0 of every position
        self.occupied = torch.zeros(len(p.dof), dtype=torch.bool, device=self.device)
        # a kind is a position of a space group; the kinds of one group are consecutive, in the order of the letters
        _, self.kind = torch.unique(p.spacegroup * N_LETTERS + p.letter, return_inverse=True)
        self.n_kinds = int(self.kind.max()) + 1
        self.kind_node = torch.empty(self.n_kinds, dtype=torch.int64, device=self.device)
        self.kind_node[self.kind] = torch.arange(len(self.kind), device=self.device)
        self.empty_h = self.h.clone()

    @torch.inference_mode()
    def occupy(self, rows0: Tensor, z0: Tensor, rowsinf: Tensor, zinf: Tensor) -> None:
        """Set new values of some positions.

        Parameters
        ----------
        rows0, z0
            (C0,) int64 each, places in ``positions.constrained`` and their elements.
        rowsinf, zinf
            (Cinf,) and (Cinf, N_a) int64, places in ``positions.unconstrained`` and their numbers of orbits.
        """
        z0, zinf = z0.to(self.device), zinf.to(self.device)
        nodes0 = self.positions.constrained[rows0.to(self.device)]
        nodesinf = self.positions.unconstrained[rowsinf.to(self.device)]
        self.h[nodes0], self.h[nodesinf] = self.model.occupation(z0, zinf)
        self.occupied[nodes0], self.occupied[nodesinf] = z0 > 0, (zinf > 0).any(1)

    @torch.inference_mode()
    def encode(self, t: int, materials: Tensor, rows: Tensor) -> Tensor:
        """Return h (R, hidden) of some positions after all layers.

        Parameters
        ----------
        t
            Time, 1..T.
        materials
            (M,) int64, ascending, of 0..B-1.
        rows
            (R,) int64, positions of those materials, of 0..N-1.
        """
        materials, rows = materials.to(self.device), rows.to(self.device)
        nodes, sizes = self._nodes(materials)
        place = torch.empty(len(self.occupied), dtype=torch.int64, device=self.device)
        place[nodes] = torch.arange(len(nodes), device=self.device)
        pairs = self._pairs(sizes, place[rows])
        time = self.model.time.weight[t - 1]
        h, h_pos = self.h[nodes], self.static[nodes] + time
        for number, layer in enumerate(self.model.layers):
            assert isinstance(layer, Layer)
            last = number == len(self.model.layers) - 1
            if number == 0:
                scores, psi = self._first_layer(layer, nodes, h, h_pos, time, pairs, last)
            else:
                w = torch.cat([h, h_pos], 1)
                wanted = pairs.wanted if last else torch.ones_like(pairs.wanted)
                scores, psi = _scores(layer, w, pairs.i, pairs.j, wanted), layer.message(w)
            h = functional.silu(h + attend(scores, psi, sizes))
        return h[place[rows]]

    def _nodes(self, materials: Tensor) -> tuple[Tensor, Sizes]:
        """Positions of some materials, and the runs of equally many positions."""
        size = self.size[materials]
        start = torch.cumsum(size, 0) - size
        nodes = torch.arange(int(size.sum()), device=self.device)
        nodes += torch.repeat_interleave(self.first[materials] - start, size)
        n, counts = torch.unique_consecutive(size, return_counts=True)
        return nodes, tuple(zip(counts.tolist(), n.tolist(), strict=True))

    def _pairs(self, sizes: Sizes, wanted_rows: Tensor) -> _Pairs:
        i, j, first = [], [], 0
        for materials, n in sizes:
            rows = torch.arange(first, first + materials * n, device=self.device).view(materials, n)
            i.append(rows[:, :, None].expand(-1, -1, n).reshape(-1))
            j.append(rows[:, None, :].expand(-1, n, -1).reshape(-1))
            first += materials * n
        receiving = torch.cat(i)
        wanted = torch.zeros(first, dtype=torch.bool, device=self.device)
        wanted[wanted_rows] = True
        return _Pairs(sizes, receiving, torch.cat(j), wanted[receiving])

    def _first_layer(
        self, layer: Layer, nodes: Tensor, h: Tensor, h_pos: Tensor, time: Tensor, pairs: _Pairs, last: bool
    ) -> tuple[Tensor, Tensor]:
        """Scores (pairs,) and psi (N, hidden), each kind of empty position once."""
        empty = ~self.occupied[nodes]
        kind = self.kind[nodes]
        used = torch.zeros(self.n_kinds, dtype=torch.bool, device=self.device)
        used[kind] = True
        kinds = torch.nonzero(used).flatten()
        occupied = torch.nonzero(~empty).flatten()
        samples = self.kind_node[kinds]
        w = torch.cat(
            [
                torch.cat([self.empty_h[samples], self.static[samples] + time], 1),
                torch.cat([h[occupied], h_pos[occupied]], 1),
            ]
        )
        row_of_kind = torch.empty(self.n_kinds, dtype=torch.int64, device=self.device)
        row_of_kind[kinds] = torch.arange(len(kinds), device=self.device)
        row = row_of_kind[kind]
        row[occupied] = torch.arange(len(kinds), len(w), device=self.device)
        # pairs of empty positions by (kind of i, letter of j)
        both = empty[pairs.i] & empty[pairs.j]
        if last:
            both &= pairs.wanted
        key = (kind * N_LETTERS)[pairs.i[both]] + self.positions.letter[nodes][pairs.j[both]]
        asked = torch.zeros(self.n_kinds * N_LETTERS, dtype=torch.bool, device=self.device)
        asked[key] = True
        keys = torch.nonzero(asked).flatten()
        i_kind, j_letter = keys // N_LETTERS, keys % N_LETTERS
        j_kind = i_kind - self.positions.letter[self.kind_node[i_kind]] + j_letter
        alone = ~both & pairs.wanted if last else ~both
        place = torch.nonzero(alone).flatten()
        i = torch.cat([row_of_kind[i_kind], row[pairs.i[place]]])
        j = torch.cat([row_of_kind[j_kind], row[pairs.j[place]]])
        computed = _scores(layer, w, i, j, None)
        table = computed.new_empty(len(asked))
        table[keys] = computed[: len(keys)]
        scores = computed.new_zeros(len(pairs.i))
        scores[both] = table[key]
        scores[place] = computed[len(keys) :]
        return scores, layer.message(w)[row]

    @torch.inference_mode()
    def constrained_logits(self, h: Tensor) -> Tensor:
        """Decode rows h (M, hidden) of constrained positions: (M, N_a + 1)."""
        return self.model.constrained_logits(h)

    @torch.inference_mode()
    def all_unconstrained_logits(self, h: Tensor) -> Tensor:
        """Decode rows h (M, hidden) of unconstrained positions: (M, N_a, P + 1)."""
        return self.model.unconstrained_logits(h)

    @torch.inference_mode()
    def unconstrained_trunk(self, h: Tensor) -> Tensor:
        """Return what the logits of all elements share: (M, decoder_hidden) of rows h (M, hidden)."""
        return self.model.unconstrained_trunk(h)

    @torch.inference_mode()
    def unconstrained_logits(self, trunk: Tensor, row: Tensor, elements: Tensor) -> Tensor:
        """Decode one element of a position: (M, P + 1).

        Parameters
        ----------
        trunk
            (R, decoder_hidden), `unconstrained_trunk` of the positions.
        row
            (M,) int64, rows of ``trunk``.
        elements
            (M,) int64, atomic numbers 1..N_a, ascending.
        """
        last = self.model.unconstrained_decoder.linear(3)
        states = self.model.settings.max_orbits + 1
        logits = trunk.new_empty(len(row), states)
        present, counts = torch.unique_consecutive(elements, return_counts=True)
        start = 0
        for element, count in zip(present.tolist(), counts.tolist(), strict=True):
            end, head = start + count, slice((element - 1) * states, element * states)
            torch.addmm(last.bias[head], trunk[row[start:end]], last.weight[head].T, out=logits[start:end])
            start = end
        return logits


def _scores(layer: Layer, w: Tensor, i: Tensor, j: Tensor, wanted: Tensor | None) -> Tensor:
    """Scores of the pairs (w_i, w_j): (pairs,), 0 where not wanted."""
    first, second, third, last = (layer.score.linear(k) for k in range(4))
    receiving, sending = first.weight.chunk(2, dim=1)
    a, b = functional.linear(w, receiving, first.bias), functional.linear(w, sending)
    if wanted is not None and not wanted.all():
        place = torch.nonzero(wanted).flatten()
        scores = w.new_zeros(len(i))
        scores[place] = _scores_of(a, b, i[place], j[place], second, third, last)
        return scores
    return _scores_of(a, b, i, j, second, third, last)


def _scores_of(
    a: Tensor, b: Tensor, i: Tensor, j: Tensor, second: nn.Linear, third: nn.Linear, last: nn.Linear
) -> Tensor:
    width = a.shape[1]
    most = max(1, PAIR_FLOATS // width) if a.device.type == "cpu" else 1 << 18
    x, y = (a.new_empty(min(most, len(i)), width) for _ in range(2))
    scores = a.new_empty(len(i))
    for start in range(0, len(i), most):
        end = min(start + most, len(i))
        left, right = x[: end - start], y[: end - start]
        torch.index_select(a, 0, i[start:end], out=left)
        torch.index_select(b, 0, j[start:end], out=right)
        functional.silu(left.add_(right), inplace=True)
        functional.silu(torch.addmm(second.bias, left, second.weight.T, out=right), inplace=True)
        functional.silu(torch.addmm(third.bias, right, third.weight.T, out=left), inplace=True)
        torch.mv(left, last.weight[0], out=scores[start:end])
    return scores + last.bias
