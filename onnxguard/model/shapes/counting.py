"""Multiply-accumulates of one node: one multiplication and one addition count as one.

Counted are products of tensors: convolutions, matrix products, attention, recurrent layers. What
works element by element, pools and normalises is not; biases and activations are not.
"""

from __future__ import annotations

from collections.abc import Callable

from onnxguard.model.shapes import dims as d
from onnxguard.model.shapes.dims import Dim, Shape
from onnxguard.model.shapes.known import MismatchError, Outputs, Site, UnknownError
from onnxguard.model.shapes.linear import einsum_terms, heads_of
from onnxguard.model.shapes.recurrent import GATES

Count = Callable[[Site, Outputs], Dim]


def macs_of(site: Site, outputs: Outputs) -> Dim:
    """The multiply-accumulates of a node; 0 of an operator that is not counted."""
    operator = site.node.operator
    return _counted(COUNTED.get(operator.domain, {}).get(operator.op_type), site, outputs)


def workspace_of(site: Site, outputs: Outputs) -> Dim:
    """The elements that a node of ``WORKSPACES`` needs beside its inputs and outputs."""
    operator = site.node.operator
    return _counted(WORKSPACES.get(operator.domain, {}).get(operator.op_type), site, outputs)


def _counted(count: Count | None, site: Site, outputs: Outputs) -> Dim:
    if count is None:
        return 0
    try:
        return count(site, outputs)
    except (UnknownError, MismatchError):
        return None


def _made(outputs: Outputs) -> Shape:
    if not outputs or outputs[0].shape is None:
        raise UnknownError
    return outputs[0].shape


def _convolution(weights_at: int) -> Count:
    """Each element that comes out is a product with the weights of its channel."""

    def count(site: Site, outputs: Outputs) -> Dim:
        return d.mul(d.product(_made(outputs)), d.product(site.shape(weights_at, least=2)[1:]))

    return count


def _transposed(site: Site, _: Outputs) -> Dim:
    """Each element that goes in is multiplied with the weights of its channel."""
    return d.mul(d.product(site.shape(0)), d.product(site.shape(1, least=2)[1:]))


def _product(site: Site, outputs: Outputs) -> Dim:
    """Each element that comes out is a row by a column."""
    shape = site.shape(0, least=1)
    across = site.integer(b"transA", 0) and len(shape) > 1
    return d.mul(d.product(_made(outputs)), shape[-2 if across else -1])


def _einsum(site: Site, _: Outputs) -> Dim:
    """Every combination of the letters."""
    if len(site.inputs) < 2:
        return 0
    sizes, rest = einsum_terms(site)[2:]
    return d.mul(d.product(tuple(sizes.values())), d.product(rest))


def _attention(site: Site, _: Outputs) -> Dim:
    """Q by K, and what comes of it by V."""
    q, k, v = heads_of(site)[:3]
    return d.product((*q[:3], _keys(site, k), d.add(q[3], v[3])))


def _keys(site: Site, k: Shape) -> Dim:
    """How many keys there are, with those from before."""
    past = site.shape_of(4)
    if not site.has(4):
        return k[2]
    return d.add(k[2], past[2]) if past and len(past) == 4 else None


def _recurrent(site: Site, _: Outputs) -> Dim:
    """At every step each gate is a product with the input and one with the hidden state."""
    recurrence, (length, batch, features) = site.shape(2, rank=3), site.shape(0, rank=3)
    gates = d.mul(GATES[site.node.operator.op_type], recurrence[0])
    hidden = recurrence[2]
    return d.product((length, batch, gates, hidden, d.add(features, hidden)))


def _packed_attention(site: Site, outputs: Outputs) -> Dim:
    """com.microsoft: the projections, then as Attention."""
    shape, weights = site.shape(0, rank=3), site.shape(1, rank=2)
    projected = d.mul(d.product(shape), weights[1])
    hidden = _made(outputs)[2]
    return d.add(projected, d.product((2, shape[0], shape[1], shape[1], hidden)))


def _multi_head(site: Site, _: Outputs) -> Dim:
    q, k, v = (site.shape(index, rank=3) for index in range(3))
    return d.product((q[0], q[1], k[1], d.add(q[2], v[2])))


def _columns(weights_at: int) -> Count:
    """Every window written out, as ONNX Runtime does for integers."""

    def count(site: Site, outputs: Outputs) -> Dim:
        weights = site.shape(weights_at, least=2)
        return d.mul(d.product(_made(outputs)[2:]), d.product(weights[1:]))

    return count


def _bent(site: Site, outputs: Outputs) -> Dim:
    """Every window of a DeformConv written out, of one picture and of all of its maps."""
    kernel = site.shape(1, least=2)[2:]
    return d.product((site.shape(0, least=2)[1], *kernel, *_made(outputs)[2:]))


def _spread(site: Site, _: Outputs) -> Dim:
    """What each element gives to every place of its window, before it is added up."""
    return d.mul(d.product(site.shape(0)[2:]), d.product(site.shape(1, least=2)[1:]))


def _gates(site: Site, _: Outputs) -> Dim:
    """What every gate gets of the input, at all steps."""
    length, batch = site.shape(0, rank=3)[:2]
    rows = site.shape(1, rank=3)[:2]
    return d.product((length, batch, *rows))


def _scores(site: Site, _: Outputs) -> Dim:
    q, k = heads_of(site)[:2]
    return d.product((*q[:3], _keys(site, k)))


def _indices(site: Site, _: Outputs) -> Dim:
    """A place for each element, whatever it is."""
    shape = site.shape(0)
    return d.mul(d.product(shape), len(shape))


def _paired(site: Site, _: Outputs) -> Dim:
    """What is left of the first operands of an Einsum once it has gone through each but the last.

    ONNX Runtime multiplies them two at a time, and sums over a letter where it is read last.
    """
    terms, right, sizes, rest = einsum_terms(site)
    largest: Dim = 0
    seen: set[str] = set()
    for at, term in enumerate(terms[:-1]):
        seen.update(term)
        kept = seen.intersection("".join(terms[at + 1 :]) + right) & sizes.keys()
        made = d.product((*[sizes[letter] for letter in sorted(kept)], *rest))
        largest = max(largest, made, key=d.least)
    return largest


def _sampled(site: Site, outputs: Outputs) -> Dim:
    """Where each of the samples of a region lies, in 48 bytes; how many is only asked for so."""
    samples = site.integer(b"sampling_ratio", 0)
    return d.mul(d.product(_made(outputs)[2:]), 12 * samples * samples)


def _packed_scores(site: Site, _: Outputs) -> Dim:
    """com.microsoft: each head's product of queries and keys, those from before among them."""
    batch, length = site.shape(0, rank=3)[:2]
    past = site.shape_of(4) if site.has(4) else None
    keys = d.add(length, past[3]) if past and len(past) == 5 else length
    return d.product((batch, site.integer(b"num_heads", 1), length, keys))


def _separate_scores(site: Site, outputs: Outputs) -> Dim:
    """The same where ONNX Runtime does not go through them block by block."""
    if not (any(map(site.has, range(4, 8))) or len(outputs) > 1 or _is_unidirectional(site)):
        return 0
    (batch, length), keys = site.shape(0, least=3)[:2], site.shape(1, least=3)[-2]
    return d.product((batch, site.integer(b"num_heads", 1), length, keys))


def _is_unidirectional(site: Site) -> bool:
    return bool(site.integer(b"unidirectional", 0))


def _transform(_: Site, outputs: Outputs) -> Dim:
    """The arrays for a length that is no power of two, of complex numbers: measured."""
    return d.mul(d.product(_made(outputs)[1:]), 8)


WORKSPACES: dict[str, dict[str, Count]] = {
    "": {
        **dict.fromkeys(GATES, _gates),
        "Attention": _scores,
        "ConvInteger": _columns(1),
        "ConvTranspose": _spread,
        "DFT": _transform,
        "DeformConv": _bent,
        "Einsum": _paired,
        "NonZero": _indices,
        "QLinearConv": _columns(3),
        "RoiAlign": _sampled,
    },
    "com.microsoft": {
        "Attention": _packed_scores,
        "MultiHeadAttention": _separate_scores,
        "QAttention": _packed_scores,
    },
}
"""Domain -> operator -> the elements that ONNX Runtime allocates while one runs."""

COUNTED: dict[str, dict[str, Count]] = {
    "": {
        **dict.fromkeys(GATES, _recurrent),
        "Attention": _attention,
        "CausalConvWithState": _convolution(1),
        "Conv": _convolution(1),
        "ConvInteger": _convolution(1),
        "ConvTranspose": _transposed,
        "DeformConv": _convolution(1),
        "Einsum": _einsum,
        "Gemm": _product,
        "MatMul": _product,
        "MatMulInteger": _product,
        "QLinearConv": _convolution(3),
        "QLinearMatMul": _product,
    },
    "com.microsoft": {
        "Attention": _packed_attention,
        "DynamicQuantizeMatMul": _product,
        "FusedConv": _convolution(1),
        "FusedGemm": _product,
        "FusedMatMul": _product,
        "MatMulInteger16": _product,
        "MatMulIntegerToFloat": _product,
        "MatMulNBits": _product,
        "MultiHeadAttention": _multi_head,
        "QGemm": _product,
        "TransposeMatMul": _product,
    },
}
"""Domain -> operator -> how its multiply-accumulates are counted."""
