"""Operators that make a tensor of constants, attributes and shapes."""

from __future__ import annotations

import math
from collections.abc import Callable

from onnxguard.model.shapes import dims as d
from onnxguard.model.shapes.dims import Dim, Shape
from onnxguard.model.shapes.known import (
    FLOAT,
    FLOATS,
    INT64,
    Known,
    MismatchError,
    Outputs,
    Site,
    UnknownError,
    elements_of,
    fitted,
    held,
    of,
    ranked,
)


def constant(site: Site) -> Outputs:
    """A Constant, in whichever attribute it stands."""
    given = [name for name in site.attributes if name in _CONSTANTS]
    attribute = site.attribute(given[0]) if len(given) == 1 else None
    if attribute is None:
        raise UnknownError
    name = given[0]  # a function's caller may call what it gives otherwise
    if name == b"value":
        return (site.tensor(attribute.tensors[-1]),) if attribute.tensors else ()
    if name == b"sparse_value":
        return of(attribute.sparse[-1].dims if attribute.sparse else None)
    if name == b"value_int":
        return (held((), (attribute.i,), INT64),)
    if name == b"value_float":
        return (held((), (attribute.f,), FLOAT),)
    if name == b"value_string":
        return of(())
    ints, floats, strings = attribute.counts
    if name == b"value_ints":
        return (held((ints,), attribute.ints, INT64),)
    if name == b"value_floats":
        return (held((floats,), attribute.floats, FLOAT),)
    return of((strings,))


_CONSTANTS = frozenset(
    b"value sparse_value value_int value_float value_string value_ints value_floats "
    b"value_strings".split()
)


def sizes(given: Shape, what: str) -> Shape:
    """A shape that is made of the elements of a tensor.

    Raises:
        MismatchError: one is negative.
    """
    for dim in given:
        if isinstance(dim, int) and dim < 0:
            raise MismatchError(f"{what} asks for a dimension of {dim}")
    return given


def constant_of_shape(site: Site) -> Outputs:
    """One number, as often as the input says."""
    ranked(site, 0, 1)
    shape = sizes(site.dims(0), "the shape")
    value, count = site.attribute(b"value"), elements_of(shape)
    one = Known((), (0.0,), FLOAT)
    if value is not None:
        one = site.full(site.tensor(value.tensors[-1])) if value.tensors else Known()
    if count is None or one.values is None or len(one.values) != 1 or count > 64:
        return of(shape)
    return (held(shape, one.values * count, one.dtype),)


def shape(site: Site) -> Outputs:
    """The dimensions of the input from ``start`` to ``end``."""
    found = site.shape(0)
    start, end = site.integer(b"start", 0), site.integer(b"end", len(found))
    found = found[start:end] if start < len(found) else ()
    return (held((len(found),), tuple(map(d.sized, found)), INT64),)


def size(site: Site) -> Outputs:
    """How many elements the input has."""
    return (held((), (d.elements(site.shape(0)),), INT64),)


def range_(site: Site) -> Outputs:
    """``ceil((limit - start) / delta)`` elements, none where that is negative."""
    parts = [site.input(i).values for i in range(3)]
    if any(part is None or len(part) != 1 for part in parts):
        return of((None,))
    start, limit, delta = [part[0] for part in parts if part]
    dtype = site.input(0).dtype
    count: Dim = None
    if isinstance(delta, (int, float)) and not delta:
        raise MismatchError("delta is 0")
    if isinstance(start, (int, float)) and isinstance(limit, (int, float)):
        if not isinstance(delta, (int, float)):
            return of((None,))
        if dtype in FLOATS:
            span = fitted(limit - start, dtype)
            ratio = math.inf if not isinstance(span, float) else span / delta
            count = max(math.ceil(ratio), 0) if math.isfinite(ratio) else None
        elif isinstance(start, int) and isinstance(limit, int) and isinstance(delta, int):
            count = max(-((start - limit) // delta), 0)
            if count <= 64:
                values = tuple([fitted(start + i * delta, dtype) for i in range(count)])
                return (held((count,), values, dtype),)
    elif isinstance(delta, int) and not isinstance(start, float) and not isinstance(limit, float):
        length = d.sub(limit, start)
        if isinstance(length, d.Sym) and delta == 1 and all(n > 0 for _, n in length.terms):
            count = length
        elif isinstance(length, d.Span) and delta > 0 and (length.low or 0) > 1:
            count = d.ceil_div(length, delta)
    return of((count,))


def by_shape_attribute(site: Site) -> Outputs:
    """RandomNormal, RandomUniform: the attribute ``shape``."""
    given = site.integers(b"shape")
    if given is None:
        raise UnknownError
    return of(sizes(given, "shape"))


def window(site: Site) -> Outputs:
    """HannWindow and the like: a vector of the size that the input says."""
    return of((site.dims(0)[0] if site.dims(0) else None,))


def mel_weight_matrix(site: Site) -> Outputs:
    """``[floor(dft_length / 2) + 1, num_mel_bins]``."""
    bins, length = site.input(0).values, site.input(1).values
    first = d.floor_div(length[0], 2) if length and isinstance(length[0], int) else None
    second = bins[0] if bins and isinstance(bins[0], int) else None
    return of((d.add(first, 1), second))


def multinomial(site: Site) -> Outputs:
    """A row of samples for each row of the input."""
    return of((site.shape(0, rank=2)[0], site.integer(b"sample_size", 1)))


CREATION: dict[str, Callable[[Site], Outputs]] = {
    "BlackmanWindow": window,
    "Constant": constant,
    "ConstantOfShape": constant_of_shape,
    "HammingWindow": window,
    "HannWindow": window,
    "MelWeightMatrix": mel_weight_matrix,
    "Multinomial": multinomial,
    "RandomNormal": by_shape_attribute,
    "RandomUniform": by_shape_attribute,
    "Range": range_,
    "Shape": shape,
    "Size": size,
}
