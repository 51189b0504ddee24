"""EntryNetwork: which entry of a material comes next, from its space group, the entries there, and how many miss.

A material is a token for (space group, number of missing entries) and one for each entry that is there; the tokens
attend to each other. Every Wyckoff position of the group then reads from the tokens, and gives a logit to each
element that it could take up: one distribution over all (position, element) pairs of the group. How many orbits come
at once is asked afterwards, for the pair chosen.

Three things tell the network what is alike: attention knows which tokens have the same element and which stand on the
same position, and the logit of an element that is there already gets a term from each of its tokens ("another
position like this one takes the same element again").

Tokens and positions of a batch lie one after another without padding; only the products of attention are padded.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from wyckoffdiff.entries.state import Entries
from wyckoffdiff.layout import stacked
from wyckoffdiff.model import N_DOF, N_MULTIPLICITIES, N_SPACEGROUPS
from wyckoffdiff.settings import EntrySettings

MOST_MISSING = 64
"""Larger numbers of missing entries share a row of their table; WBM has up to 9."""
POINTER = 64
"""Width of the product that lets an element come again."""


@dataclass(frozen=True, slots=True, eq=False)
class _Packed:
    """Rows of a (B, M) table that are used: ``place`` (N,) in the flattened table, ascending."""

    place: Tensor
    materials: int
    width: int

    @classmethod
    def of(cls, used: Tensor) -> "_Packed":
        """From a (B, M) bool table."""
        return cls(torch.nonzero(used.flatten()).flatten(), *used.shape)

    def pad(self, x: Tensor, fill: float = 0.0) -> Tensor:
        """Spread rows (N, ...) over the table: (B, M, ...)."""
        table = x.new_full((self.materials * self.width, *x.shape[1:]), fill)
        return table.index_copy(0, self.place, x).view(self.materials, self.width, *x.shape[1:])

    def pack(self, x: Tensor) -> Tensor:
        """Take the used rows of a table (B, M, ...): (N, ...)."""
        return x.flatten(0, 1)[self.place]


class Site(nn.Module):
    """What is known of a Wyckoff position: which of the 1,731 it is, its degrees of freedom, its multiplicity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.which = _table(len(stacked().dof), width)
        self.dof = _table(N_DOF, width)
        self.multiplicity = _table(N_MULTIPLICITIES, width)

    def forward(self, which: Tensor, dof: Tensor, multiplicity: Tensor) -> Tensor:
        """Return (..., width) of positions (...)."""
        total: Tensor = self.which(which) + self.dof(dof) + self.multiplicity(multiplicity)
        return total


class Attention(nn.Module):
    """Rows attend to tokens, then pass a network of one hidden layer; both are added to the rows.

    Parameters
    ----------
    alike
        Number of relations between a row and a token; each adds a learned number to the score in every head.
    """

    def __init__(self, width: int, heads: int, hidden: int, alike: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key_value, self.out = (nn.Linear(width, n * width) for n in (1, 2, 1))
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.alike = nn.Parameter(torch.zeros(alike, heads))
        for last in (self.out, self.down):
            nn.init.normal_(last.weight, std=0.01)
            nn.init.zeros_(last.bias)

    def forward(
        self, x: Tensor, rows: _Packed, y: Tensor | None, tokens: _Packed, bias: Tensor, alike: Tensor
    ) -> Tensor:
        """Return new rows (N, width).

        Parameters
        ----------
        x
            (N, width), laid out as ``rows``.
        y
            (K, width), the tokens, laid out as ``tokens``; None if they are the rows themselves.
        bias
            (B, 1, 1, M), 0 for a token and -inf where there is none.
        alike
            (B, R, M, relations) float.
        """
        normed = self.before(x)
        q = self._split(rows.pad(self.query(normed)), 1)[0]
        k, v = self._split(tokens.pad(self.key_value(normed if y is None else y)), 2)
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) + bias + (alike @ self.alike).permute(0, 3, 1, 2)
        x = x + self.out(rows.pack((scores.softmax(-1) @ v).transpose(1, 2).flatten(2)))
        changed: Tensor = x + self.down(functional.silu(self.up(self.between(x))))
        return changed

    def _split(self, x: Tensor, parts: int) -> Tensor:
        """(B, M, parts * width) to (parts, B, heads, M, width / heads)."""
        return x.view(*x.shape[:2], parts, self.heads, -1).permute(2, 0, 3, 1, 4)


class EntryNetwork(nn.Module):
    """The network at given sizes."""

    _size: Tensor
    _first: Tensor
    _dof: Tensor
    _multiplicity: Tensor

    def __init__(self, settings: EntrySettings) -> None:
        super().__init__()
        self.settings = settings
        width = settings.hidden
        self.spacegroup, self.missing = _table(N_SPACEGROUPS, width), _table(MOST_MISSING + 1, width)
        self.element, self.orbits = _table(settings.n_elements + 1, width), _table(settings.max_orbits + 1, width)
        self.site, self.reader = Site(width), Site(width)
        self.layers = nn.ModuleList(
            Attention(width, settings.heads, 4 * width, alike=2) for _ in range(settings.layers)
        )
        self.tokens_norm, self.material = nn.LayerNorm(width), nn.Linear(width, width)
        self.readings = nn.ModuleList(
            Attention(width, settings.heads, 2 * width, alike=1) for _ in range(settings.readings)
        )
        self.positions_norm = nn.LayerNorm(width)
        self.elements = nn.Linear(width, settings.n_elements)
        nn.init.zeros_(self.elements.weight)
        self.again_query, self.again_key = (nn.Linear(width, POINTER, bias=False) for _ in range(2))
        self.chosen = _table(settings.n_elements + 1, width)
        self.amount_hidden, self.amount = nn.Linear(width, width), nn.Linear(width, settings.max_orbits)
        every = stacked()
        for name in ("size", "first", "dof", "multiplicity"):
            self.register_buffer(f"_{name}", torch.from_numpy(getattr(every, name)), persistent=False)

    @torch.no_grad()
    def start_from(self, constrained: Tensor, unconstrained: Tensor) -> None:
        """Set the biases of the elements to the logarithms of their (smoothed) frequencies.

        Parameters
        ----------
        constrained, unconstrained
            (N_a + 1,) and (N_a, P + 1), how often each value occurs.
        """
        entries = (constrained[1:] + unconstrained[:, 1:].sum(1)).to(self.elements.bias) + 0.5
        self.elements.bias.copy_((entries / entries.sum()).log())

    def compile_networks(self) -> None:
        """Compile the layers; their widths are fixed, their row counts are not."""
        for layer in (*self.layers, *self.readings):
            layer.compile(dynamic=True)

    def forward(self, state: Entries) -> tuple[Tensor, Tensor]:
        """Return the logits of the next entry, and what `amounts` needs.

        Returns
        -------
        (B, R, N_a) logits of (position, element) pairs, R the largest number of positions, -inf where a position or
        variable is taken or does not exist; and (B, R, width).
        """
        held = torch.arange(int(state.known.max()) + 1, device=state.known.device) <= state.known[:, None]
        tokens = _Packed.of(held)
        position, element, orbits = (
            functional.pad(x, (1, 0))[:, : tokens.width] for x in (state.position, state.element, state.orbits)
        )
        entry = held.clone()
        entry[:, 0] = False  # token 0 is the material itself
        x = tokens.pack(self._tokens(state, position, element, orbits))
        bias = torch.zeros(held.shape, device=x.device).masked_fill_(~held, -torch.inf)[:, None, None, :]
        pairs = entry[:, :, None] & entry[:, None, :]
        alike = [x[:, :, None] == x[:, None, :] for x in (element, position)]
        relations = (torch.stack(alike, -1) & pairs[..., None]).float()
        for layer in self.layers:
            x = layer(x, tokens, None, tokens, bias, relations)
        x = self.tokens_norm(x)
        size = self._size[state.spacegroup]
        number = torch.arange(int(size.max()), device=x.device)
        rows = _Packed.of(number < size[:, None])
        u = self._readers(state, rows) + self.material(tokens.pad(x)[:, 0])[rows.place // rows.width]
        here = ((number[:, None] == position[:, None, :]) & entry[:, None, :]).float()[..., None]
        for reading in self.readings:
            u = reading(u, rows, x, tokens, bias, here)
        u = self.positions_norm(u)
        again = rows.pad(self.again_query(u)) @ tokens.pad(self.again_key(x)).transpose(1, 2) / math.sqrt(POINTER)
        elements = functional.one_hot(element, self.settings.n_elements + 1)[..., 1:] * entry[..., None]
        logits = rows.pad(self.elements(u), -torch.inf) + again @ elements.to(again.dtype)
        return logits.masked_fill(self._taken(state, position, element, entry, rows.width), -torch.inf), rows.pad(u)

    def amounts(self, position: Tensor, element: Tensor) -> Tensor:
        """Return the logits of 1 to P orbits, (E, P), of chosen pairs: rows (E, width) of `forward`, elements (E,)."""
        logits: Tensor = self.amount(functional.silu(self.amount_hidden(position + self.chosen(element))))
        return logits

    def constrained(self, spacegroup: Tensor, position: Tensor) -> Tensor:
        """Whether positions (...) of groups (...) hold one orbit at most."""
        full: Tensor = self._dof[self._first[spacegroup] + position] == 0
        return full

    def _tokens(self, state: Entries, position: Tensor, element: Tensor, orbits: Tensor) -> Tensor:
        which = self._first[state.spacegroup][:, None] + position
        site = self.site(which, self._dof[which], self._multiplicity[which])
        x: Tensor = site + self.element(element) + self.orbits(orbits)
        x[:, 0] = self.spacegroup(state.spacegroup) + self.missing(state.missing.clamp(max=MOST_MISSING))
        return x

    def _readers(self, state: Entries, rows: _Packed) -> Tensor:
        which = self._first[state.spacegroup][rows.place // rows.width] + rows.place % rows.width
        found: Tensor = self.reader(which, self._dof[which], self._multiplicity[which])
        return found

    def _taken(self, state: Entries, position: Tensor, element: Tensor, entry: Tensor, width: int) -> Tensor:
        """(B, R, N_a): variables that are not at zero, and all of a constrained position that is occupied."""
        row = torch.nonzero(entry)[:, 0]
        position, element = position[entry], element[entry]
        taken = torch.zeros(len(state), width, self.settings.n_elements, dtype=torch.bool, device=row.device)
        taken[row, position, element - 1] = True
        full = self.constrained(state.spacegroup[row], position)
        taken[row[full], position[full]] = True
        return taken


def _table(rows: int, width: int) -> nn.Embedding:
    table = nn.Embedding(rows, width)
    nn.init.normal_(table.weight, std=0.3)
    return table
