"""The score a_ij = mlp([w_i, w_j]) of every pair of positions of a material, exactly, at a fraction of the cost.

The first layer of the network is linear in the concatenation, so it is two products per *position*,
W [w_i; w_j] = A w_i + B w_j; only the two inner layers are computed per pair. Pairs are processed in blocks that stay
in the processor's cache, and the backward pass keeps two arrays per pair instead of six.

Pairs are ordered by material, then i, then j. ``sizes`` are runs of materials with equally many positions:
((materials, positions), ...).
"""

from collections.abc import Iterator
from typing import Any, TypeAlias

import torch
from torch import Tensor

Sizes: TypeAlias = tuple[tuple[int, int], ...]
Segment: TypeAlias = tuple[int, int, int, int]  # first position, materials, positions of each, first row in the block

BLOCK = 2048
"""Pairs in a block: at the paper's width of 544 such an array has 4.5 MB."""


def blocks(sizes: Sizes, most: int) -> Iterator[tuple[int, int, list[Segment]]]:
    """Yield (first pair, end, segments): blocks of whole materials with at most ``most`` pairs, or one material."""
    first_pair = rows = position = 0
    segments: list[Segment] = []
    for materials, n in sizes:
        while materials:
            fit = min(materials, max(most - rows, 0) // (n * n))
            if not fit and segments:
                yield first_pair, first_pair + rows, segments
                first_pair, rows, segments = first_pair + rows, 0, []
                continue
            fit = max(fit, 1)
            segments.append((position, fit, n, rows))
            position, rows, materials = position + fit * n, rows + fit * n * n, materials - fit
    if segments:
        yield first_pair, first_pair + rows, segments


def n_pairs(sizes: Sizes) -> int:
    """Return the number of pairs, self-pairs included."""
    return sum(materials * n * n for materials, n in sizes)


def pair_scores(
    a: Tensor, b: Tensor, inner: tuple[Tensor, Tensor, Tensor, Tensor], last: tuple[Tensor, Tensor], sizes: Sizes
) -> Tensor:
    """Return w4 . silu(W3 silu(W2 silu(a_i + b_j) + b2) + b3) + b4 for every pair.

    Parameters
    ----------
    a, b
        (N, H), first layer of the receiving and of the sending position; one of them holds the bias.
    inner
        W2 (H, H), b2 (H,), W3 (H, H), b3 (H,).
    last
        w4 (1, H), b4 (1,).
    sizes
        Runs of materials with equally many positions.

    Returns
    -------
    Tensor
        (pairs,), at least float32. Under autocast the products are computed in its type.
    """
    device = a.device.type
    dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else a.dtype
    most = BLOCK if device == "cpu" else 1 << 20
    w2, b2, w3, b3, w4 = (tensor.to(dtype) for tensor in (*inner, last[0][0]))
    with torch.autocast(device, enabled=False):
        if torch.is_grad_enabled():
            scores: Tensor = _PairScores.apply(a.to(dtype), b.to(dtype), w2, b2, w3, b3, w4, sizes, most)  # type: ignore[no-untyped-call]
        else:
            scores = _forward(a.to(dtype), b.to(dtype), w2, b2, w3, b3, w4, sizes, most)
        return scores.to(torch.promote_types(dtype, torch.float32)) + last[1]


def _sums(a: Tensor, b: Tensor, segments: list[Segment], out: Tensor) -> Tensor:
    """Write a_i + b_j of a block's pairs into the first rows of ``out``; return those rows."""
    rows = 0
    for first, materials, n, row in segments:
        rows = row + materials * n * n
        left = a[first : first + materials * n].view(materials, n, 1, -1)
        right = b[first : first + materials * n].view(materials, 1, n, -1)
        torch.add(left, right, out=out[row:rows].view(materials, n, n, -1))
    return out[:rows]


def _forward(
    a: Tensor, b: Tensor, w2: Tensor, b2: Tensor, w3: Tensor, b3: Tensor, w4: Tensor,
    sizes: Sizes, most: int, keep: tuple[Tensor, Tensor] | None = None,
) -> Tensor:  # fmt: skip
    """Scores without b4; writes the inputs of the second and third activation into ``keep``, (pairs, H) each."""
    plan = list(blocks(sizes, most))
    largest = max((end - start for start, end, _ in plan), default=0)
    x, y = a.new_empty(largest, a.shape[1]), a.new_empty(largest, a.shape[1])
    scores = a.new_empty(n_pairs(sizes))
    for start, end, segments in plan:
        s1 = _sums(a, b, segments, x)
        torch.ops.aten.silu.out(s1, out=s1)
        u2 = y[: end - start] if keep is None else keep[0][start:end]
        torch.addmm(b2, s1, w2.T, out=u2)
        s2 = torch.ops.aten.silu.out(u2, out=x[: end - start])
        u3 = y[: end - start] if keep is None else keep[1][start:end]
        torch.addmm(b3, s2, w3.T, out=u3)
        s3 = torch.ops.aten.silu.out(u3, out=x[: end - start])
        torch.mv(s3, w4, out=scores[start:end])
    return scores


class _PairScores(torch.autograd.Function):
    """`_forward` with its derivative; once differentiable."""

    @staticmethod
    def forward(
        ctx: Any, a: Tensor, b: Tensor, w2: Tensor, b2: Tensor, w3: Tensor, b3: Tensor, w4: Tensor,
        sizes: Sizes, most: int,
    ) -> Tensor:  # fmt: skip
        pairs = n_pairs(sizes)
        keep = a.new_empty(pairs, a.shape[1]), a.new_empty(pairs, a.shape[1])
        scores = _forward(a, b, w2, b2, w3, b3, w4, sizes, most, keep)
        ctx.save_for_backward(a, b, w2, w3, w4, *keep)
        ctx.sizes, ctx.most = sizes, most
        return scores

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        a, b, w2, w3, w4, u2, u3 = ctx.saved_tensors
        da, db = torch.empty_like(a), torch.empty_like(b)
        dw2, dw3 = torch.zeros_like(w2, dtype=torch.float32), torch.zeros_like(w3, dtype=torch.float32)
        db2, db3, dw4 = (torch.zeros(a.shape[1], device=a.device) for _ in range(3))
        plan = list(blocks(ctx.sizes, ctx.most))
        largest = max((end - start for start, end, _ in plan), default=0)
        x, y, z = (a.new_empty(largest, a.shape[1]) for _ in range(3))
        for start, end, segments in plan:
            rows = end - start
            g = grads[0][start:end].to(a.dtype)
            s = torch.ops.aten.silu.out(u3[start:end], out=x[:rows])
            dw4 += torch.mv(s.T, g)
            ds = torch.outer(g, w4, out=y[:rows])
            du3 = torch.ops.aten.silu_backward.grad_input(ds, u3[start:end], grad_input=ds)
            db3 += du3.sum(0, dtype=torch.float32)
            s = torch.ops.aten.silu.out(u2[start:end], out=x[:rows])
            dw3 += du3.T @ s
            ds = torch.mm(du3, w3, out=x[:rows])
            du2 = torch.ops.aten.silu_backward.grad_input(ds, u2[start:end], grad_input=ds)
            db2 += du2.sum(0, dtype=torch.float32)
            u1 = _sums(a, b, segments, y)
            dw2 += du2.T @ torch.ops.aten.silu.out(u1, out=z[:rows])
            ds = torch.mm(du2, w2, out=z[:rows])
            du1 = torch.ops.aten.silu_backward.grad_input(ds, u1, grad_input=ds)
            for first, materials, n, row in segments:
                block = du1[row : row + materials * n * n].view(materials, n, n, -1)
                torch.sum(block, 2, out=da[first : first + materials * n].view(materials, n, -1))
                torch.sum(block, 1, out=db[first : first + materials * n].view(materials, n, -1))
        dtype = a.dtype
        inner = (dw2.to(dtype), db2.to(dtype), dw3.to(dtype), db3.to(dtype), dw4.to(dtype))
        return da, db, *inner, None, None
