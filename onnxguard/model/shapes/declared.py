"""What a file declares of the shapes of its values, beside what follows of them."""

from __future__ import annotations

from collections.abc import Mapping

from onnxguard.model.graph import Graph, Type
from onnxguard.model.shapes import dims as d
from onnxguard.model.shapes.dims import Dim, Shape
from onnxguard.model.shapes.known import Known


def declared_shape(given: Type, names: Mapping[bytes, int]) -> Shape | None:
    """The shape of a declared type; named dimensions are of the sizes in ``names``, where there."""
    if given.dims is None:
        return None
    return tuple(
        [
            (names.get(dim) or d.symbol(dim))
            if isinstance(dim, bytes)
            else dim
            if dim is None or dim >= 0
            else None
            for dim in given.dims
        ]
    )


def filled_in(found: Known, stated: Shape | None) -> Known:
    """What follows of a value, and where that is nothing what is declared."""
    if stated is None or found.shape == stated:
        return found
    if found.shape is None:
        return found._replace(shape=stated)
    if len(found.shape) != len(stated):
        return found
    shape = tuple([_more(a, b) for a, b in zip(found.shape, stated, strict=True)])
    return found._replace(shape=shape)


def contradicts(shape: Shape, stated: Shape) -> bool:
    """Whether no sizes of named dimensions make both shapes the same."""
    return len(shape) != len(stated) or any(map(d.differ, shape, stated))


def without_ones(shape: Shape) -> Shape:
    """A shape without its dimensions of size 1."""
    return tuple([dim for dim in shape if dim != 1])


def _more(found: Dim, stated: Dim) -> Dim:
    """What is stated of a dimension that is unknown, if that is no less than it must be."""
    if stated is None or isinstance(found, (int, d.Sym)):
        return found
    return stated if d.least(stated) >= d.least(found) else found


def bound_names(graph: Graph, given: Mapping[bytes, tuple[int, ...]]) -> dict[bytes, int]:
    """The sizes of named dimensions that follow from the sizes of inputs."""
    found: dict[bytes, int] = {}
    for value in graph.inputs:
        dims, sizes = value.type.dims, given.get(value.name)
        for dim, size in zip(dims or (), sizes or (), strict=False):
            if isinstance(dim, bytes):
                found.setdefault(dim, size)
    return found
