"""Matrix products, attention and what is made of them."""

from __future__ import annotations

from collections.abc import Callable

from onnxguard.model.shapes import dims as d
from onnxguard.model.shapes.dims import Dim, Shape, shape_text
from onnxguard.model.shapes.elementwise import broadcast
from onnxguard.model.shapes.known import (
    MismatchError,
    Outputs,
    Site,
    UnknownError,
    agreed,
    of,
    ranked,
)


def product_of(a: Shape, b: Shape) -> Shape:
    """The shape of a matrix product, as numpy.matmul has it.

    Raises:
        MismatchError: the inner dimensions differ, or one is a scalar.
    """
    if not a or not b:
        raise MismatchError(f"{shape_text(a)} and {shape_text(b)} cannot be multiplied")
    left = a if len(a) > 1 else (1, *a)
    right = b if len(b) > 1 else (*b, 1)
    if d.differ(left[-1], right[-2]):
        raise MismatchError(
            f"{shape_text(a)} and {shape_text(b)} cannot be multiplied: "
            f"{d.text(left[-1])} columns, {d.text(right[-2])} rows"
        )
    made = broadcast(left[:-2], right[:-2])
    made += () if len(a) == 1 else (left[-2],)
    return made + (() if len(b) == 1 else (right[-1],))


def matmul(site: Site) -> Outputs:
    """A by B."""
    return of(product_of(site.shape(0), site.shape(1)))


def qlinear_matmul(site: Site) -> Outputs:
    """B is input 3."""
    return of(product_of(site.shape(0), site.shape(3)))


def gemm(site: Site) -> Outputs:
    """``A' * B' + C``, either transposed where an attribute says so."""
    a, b = site.shape(0, rank=2), site.shape(1, rank=2)
    a = a[::-1] if site.integer(b"transA", 0) else a
    b = b[::-1] if site.integer(b"transB", 0) else b
    if d.differ(a[1], b[0]):
        raise MismatchError(
            f"{shape_text(a)} and {shape_text(b)} cannot be multiplied: "
            f"{d.text(a[1])} columns, {d.text(b[0])} rows"
        )
    return of((a[0], b[1]))


def einsum_terms(site: Site) -> tuple[list[str], str, dict[str, Dim], Shape]:
    """The terms of the inputs and the output, the size of every letter, and of the ellipsis.

    Raises:
        MismatchError: a term does not fit its input.
    """
    equation = site.text(b"equation", b"").decode("utf-8", "replace").replace(" ", "")
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if not equation or len(terms) != len(site.inputs):
        raise MismatchError(f"{len(terms)} terms for {len(site.inputs)} inputs")
    sizes: dict[str, Dim] = {}
    rest: Shape = ()
    for index, term in enumerate(terms):
        shape, letters = site.shape(index), term.replace("...", "")
        if "." in letters:
            raise UnknownError
        if len(letters) > len(shape) or (len(letters) < len(shape) and "..." not in term):
            raise MismatchError(f"term {index} does not fit {shape_text(shape)}")
        lead = term.index("...") if "..." in term else len(letters)
        hidden = len(shape) - len(letters)
        rest = broadcast(rest, shape[lead : lead + hidden])
        for letter, size in zip(letters, shape[:lead] + shape[lead + hidden :], strict=True):
            known = sizes.get(letter)
            if known == 1 or known is None:
                sizes[letter] = size if known is None or size is not None else None
            elif d.differ(known, size) and size != 1:
                raise MismatchError(f"{letter} is {d.text(known)} and {d.text(size)}")
            else:
                sizes[letter] = d.merged(known, size) if size != 1 else known
    if not arrow:
        letters = left.replace(",", "").replace("...", "")
        right = "..." * ("..." in left) + "".join(
            sorted(letter for letter in set(letters) if letters.count(letter) == 1)
        )
    return terms, right, sizes, rest


def einsum(site: Site) -> Outputs:
    """The letters of the output, each as long as in the inputs."""
    _, right, sizes, rest = einsum_terms(site)
    lead, dots, tail = right.partition("...")
    if any(letter not in sizes for letter in lead + tail):
        raise MismatchError("the output has a letter that no input has")
    middle = rest if dots else ()
    return of((*map(sizes.__getitem__, lead), *middle, *map(sizes.__getitem__, tail)))


def det(site: Site) -> Outputs:
    """One number for each square matrix."""
    shape = site.shape(0, least=2)
    if d.differ(shape[-1], shape[-2]):
        raise MismatchError(f"{shape_text(shape)} is not square")
    return of(shape[:-2])


def heads_of(site: Site) -> tuple[Shape, Shape, Shape, bool]:
    """Q, K and V of an Attention as ``[N, heads, length, size]``, and whether they had rank 3."""
    shapes: list[Shape] = []
    flat = len(site.shape(0)) == 3
    for index in range(3):
        shape = site.shape(index)
        if len(shape) == 3:
            name = b"kv_num_heads" if index else b"q_num_heads"
            heads = site.integer(name, 0)
            if heads < 1:
                raise MismatchError(f"{name.decode()} is {heads or 'left out'}")
            shape = shape[0], heads, shape[1], d.floor_div(shape[2], heads)
        if len(shape) != 4:
            raise MismatchError(f"input {index} is {shape_text(shape)}, it must have rank 3 or 4")
        shapes.append(shape)
    return shapes[0], shapes[1], shapes[2], flat


def attention(site: Site) -> Outputs:
    """Y, the keys and values so far, and the product of Q and K (opset 23)."""
    q, k, v, flat = heads_of(site)
    for name in (b"left_window_size", b"right_window_size"):
        if site.integer(name, -1) < -1:
            raise MismatchError(f"{name.decode()} is {site.integer(name, -1)}")
    past = ranked(site, 4, 4)
    before = ranked(site, 5, 4)
    if site.has(4) != site.has(5):
        raise MismatchError("past keys and values come together")
    for kept, new in ((past, k), (before, v)):
        for axis, (a, b) in enumerate(zip(kept or (), new, strict=False)):
            if axis != 2:
                agreed(a, b, f"axis {axis} of what is kept and of what is new")
    length = k[2]
    if site.has(4):
        length = None if past is None else d.add(past[2], k[2])
    y: Shape = (q[0], q[1], q[2], v[3])
    if flat:
        y = q[0], q[2], d.mul(q[1], v[3])
    keys = k[0], k[1], length, k[3]
    values = v[0], v[1], d.add(before[2], v[2]) if before else length, v[3]
    return of(y, keys, values, (q[0], q[1], q[2], length))


def flex_attention(site: Site) -> Outputs:
    """``[N, heads, length of Q, size of V]``."""
    q, k, v = (site.shape(index, rank=4) for index in range(3))
    agreed(k[2], v[2], "the lengths of keys and values")
    agreed(q[3], k[3], "the sizes of queries and keys")
    agreed(k[1], v[1], "the heads of keys and values")
    batch = agreed(agreed(q[0], k[0], "the batch"), v[0], "the batch")
    for name in (b"score_mod", b"prob_mod"):
        changed = site.attribute(name)
        body = changed.graphs[-1] if changed and changed.graphs else None
        for value in (*body.inputs, *body.outputs) if body else ():
            if value.type.dims is not None and len(value.type.dims) != 4:
                raise MismatchError(f"{name.decode()} is of rank {len(value.type.dims)}, not 4")
    return of((batch, *q[1:3], v[3]))


def linear_attention(site: Site) -> Outputs:
    """``[N, length, heads * size of V]``, and the state ``[N, heads of K, size of K, of V]``."""
    q, k, v = (site.shape(index, rank=3) for index in range(3))
    heads, held = site.integer(b"q_num_heads", 0), site.integer(b"kv_num_heads", 0)
    if heads < 1 or held < 1 or heads % held:
        raise MismatchError(f"q_num_heads is {heads}, kv_num_heads is {held}")
    for name, shape, count in (("Q", q, heads), ("K", k, held), ("V", v, held)):
        if isinstance(shape[2], int) and shape[2] % count:
            raise MismatchError(f"{name} is {shape_text(shape)} in {count} heads")
        agreed(shape[0], q[0], "the batch")
        agreed(shape[1], q[1], "the lengths")
    size = d.floor_div(v[2], held)
    depth = agreed(d.floor_div(q[2], heads), d.floor_div(k[2], held), "the sizes of a head")
    state = (q[0], held, depth, size)
    for a, b in zip(ranked(site, 3, 4) or (), state, strict=False):
        agreed(a, b, "the state so far")
    _gate(site, 4, q, (held, k[2]))
    _gate(site, 5, q, (held, 1))
    return of((*q[:2], d.mul(size, heads)), state)


def _gate(site: Site, index: int, q: Shape, widths: Shape) -> None:
    """See that a number for each token, of one or the other width, is given for all tokens.

    Raises:
        MismatchError: it is not.
    """
    gate = ranked(site, index, 3)
    if gate is None:
        return
    agreed(gate[0], q[0], "the batch")
    agreed(gate[1], q[1], "the lengths")
    if all(d.differ(gate[2], width) for width in widths):
        wide = " or ".join(map(d.text, widths))
        raise MismatchError(f"input {index} is {shape_text(gate)}, its last axis must be {wide}")


def rotary(site: Site) -> Outputs:
    """The shape of the input."""
    return of(site.shape(0))


PREVIEW: dict[str, Callable[[Site], Outputs]] = {"FlexAttention": flex_attention}

LINEAR: dict[str, Callable[[Site], Outputs]] = {
    "Attention": attention,
    "Det": det,
    "Einsum": einsum,
    "Gemm": gemm,
    "LinearAttention": linear_attention,
    "MatMul": matmul,
    "MatMulInteger": matmul,
    "QLinearMatMul": qlinear_matmul,
    "RotaryEmbedding": rotary,
}
