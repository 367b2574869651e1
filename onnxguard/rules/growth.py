"""How large a tensor a node asks for, as far as constants tell: a bound from below."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from math import ceil, isfinite, isnan, prod

from onnxguard.model.graph import Graph, Node
from onnxguard.model.scopes import Scopes

LARGEST = float(1 << 63)


def least_elements(scopes: Scopes, graph: Graph, node: Node) -> int:
    """The least number of elements that a node's output has; 0 where nothing is known."""
    least = _GROWING.get(node.operator.op_type)
    return least(scopes, graph, node) if least and not node.operator.domain else 0


def _product(sizes: Iterable[int]) -> int:
    positive = [max(size, 1) for size in sizes]
    return prod(positive) if positive else 0


def _input(node: Node, position: int) -> bytes:
    return node.inputs[position] if position < len(node.inputs) else b""


def _numbers(scopes: Scopes, graph: Graph, node: Node, position: int) -> tuple[float, ...]:
    return scopes.static(graph, _input(node, position), fold=True).values or ()


def _ints(scopes: Scopes, graph: Graph, node: Node, position: int) -> tuple[int, ...]:
    return tuple([int(n) for n in _numbers(scopes, graph, node, position) if isfinite(n)])


def _elements(scopes: Scopes, graph: Graph, name: bytes) -> int:
    """Elements of a value that an initializer or an input declares, unknown dims as 1."""
    for definition in scopes.define(graph, name)[:1]:
        if definition.initializer is not None:
            return _product(definition.initializer.dims)
        if definition.value is not None:
            dims = definition.value.type.dims or ()
            return _product(dim for dim in dims if isinstance(dim, int))
    return 1


def _shape_input(position: int) -> Callable[[Scopes, Graph, Node], int]:
    return lambda scopes, graph, node: _product(_ints(scopes, graph, node, position))


def _shape_attribute(name: bytes) -> Callable[[Scopes, Graph, Node], int]:
    def least(scopes: Scopes, graph: Graph, node: Node) -> int:
        shape = node.attribute(name)
        return _product(shape.ints) if shape else 0

    return least


def _tile(scopes: Scopes, graph: Graph, node: Node) -> int:
    repeats = _product(_ints(scopes, graph, node, 1))
    return repeats * max(_elements(scopes, graph, _input(node, 0)), 1)


def _resize(scopes: Scopes, graph: Graph, node: Node) -> int:
    """``sizes``, else ``scales``: an input of its own place before opset 11, once an attribute."""
    sizes = _product(_ints(scopes, graph, node, 3))
    policy = node.attribute(b"keep_aspect_ratio_policy")
    if sizes and policy is not None and policy.s == b"not_smaller":
        return max(sizes, _in_proportion(scopes, graph, node))
    if sizes:
        return sizes
    old = node.operator.op_type == "Upsample" or len(node.inputs) == 2
    scales = scopes.floats(graph, _input(node, 1 if old else 2))
    given = node.attribute(b"scales")
    if not scales and given is not None:
        scales = given.floats
    grown = prod(max(scale, 1.0) for scale in scales if not isnan(scale))
    if grown <= 1:
        return 0
    return int(min(grown * max(_elements(scopes, graph, _input(node, 0)), 1), LARGEST))


def _in_proportion(scopes: Scopes, graph: Graph, node: Node) -> int:
    """What ``sizes`` call for where all axes grow as much as the one that grows most."""
    sizes, axes = _ints(scopes, graph, node, 3), node.attribute(b"axes")
    found = scopes.define(graph, _input(node, 0))[:1]
    declared = [d.value.type.dims or () for d in found if d.value is not None]
    declared += [d.initializer.dims for d in found if d.initializer is not None]
    dims = [dim if isinstance(dim, int) and dim > 0 else 0 for each in declared for dim in each]
    chosen = axes.ints if axes is not None else range(len(dims))
    grown = [dims[axis] for axis in chosen if -len(dims) <= axis < len(dims)]
    if len(grown) != len(sizes) or not all(grown):
        return 0
    factor = max(size / dim for size, dim in zip(sizes, grown, strict=True))
    return _product(int(min(dim * factor, LARGEST)) for dim in grown)


def _pad(scopes: Scopes, graph: Graph, node: Node) -> int:
    """``pads``: an input, an attribute before opset 11; each axis has at least one element."""
    pads = _ints(scopes, graph, node, 1)
    given = node.attribute(b"pads")
    if not pads and given is not None:
        pads = given.ints
    before, after = pads[: len(pads) // 2], pads[len(pads) // 2 :]
    return _product(1 + max(a, 0) + max(b, 0) for a, b in zip(before, after, strict=False))


def _window(scopes: Scopes, graph: Graph, node: Node) -> int:
    """A window over an axis of one element and its ``pads``; a Conv's is as large as its weights.

    Weights whose shape is not known are taken for a window of one element.
    """
    given = {attribute.name: attribute.ints for attribute in node.attributes}
    kernel, pads = given.get(b"kernel_shape", ()), given.get(b"pads", ())
    if not kernel and pads and node.operator.op_type == "Conv":
        kernel = _weights(scopes, graph, node)[2:] or (1,) * (len(pads) // 2)
    return _padded(kernel, pads, given.get(b"strides", ()), given.get(b"dilations", ()))


def _weights(scopes: Scopes, graph: Graph, node: Node) -> tuple[int, ...]:
    found = scopes.define(graph, _input(node, 1))
    tensor = found[0].initializer if len(found) == 1 else None
    if tensor is None and len(found) == 1 and found[0].node is not None:
        held = found[0].node.attribute(b"value")
        tensor = held.tensors[0] if held is not None and held.tensors else None
    return tensor.dims if tensor is not None else ()


@lru_cache(maxsize=1024)  # a model has few kinds of windows, and up to 100,000 of them
def _padded(
    kernel: tuple[int, ...],
    pads: tuple[int, ...],
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
) -> int:
    axes = len(kernel)
    if len(pads) != 2 * axes:
        return 0
    strides, dilations = strides or (1,) * axes, dilations or (1,) * axes
    return _product(
        (a + b - dilation * (size - 1)) // max(stride, 1) + 1
        for size, a, b, stride, dilation in zip(
            kernel, pads, pads[axes:], strides, dilations, strict=False
        )
    )


def _range(scopes: Scopes, graph: Graph, node: Node) -> int:
    start, limit, delta = (_numbers(scopes, graph, node, position) for position in range(3))
    if not len(start) == len(limit) == len(delta) == 1 or not delta[0]:
        return 0
    elements = (limit[0] - start[0]) / delta[0]
    return max(ceil(min(elements, LARGEST)), 0) if not isnan(elements) else 0


FROM_CONSTANTS = frozenset(
    ["AffineGrid", "ConstantOfShape", "Expand", "OneHot", "RandomNormal", "RandomUniform", "Range"]
) | {"Tile"}
"""The operators whose output is as large as constants say, whatever runs through the model."""


_Key = tuple[int, int, bytes]


class Origins:
    """Tells which values are made of constants alone; each is looked at once."""

    def __init__(self) -> None:
        self._known: dict[_Key, bool] = {}

    def of_constants(self, scopes: Scopes, graph: Graph, node: Node) -> bool:
        """Whether a node makes its output of constants alone, or as large as they say."""
        if node.operator.op_type in FROM_CONSTANTS:
            return True
        if node.operator.op_type not in _RESIZE:
            return False
        start = iter([(graph, _input(node, 0))])
        pending: list[tuple[_Key | None, Iterator[tuple[Graph, bytes]]]] = [(None, start)]
        while pending:
            key, parts = pending[-1]
            part = next(parts, None)
            if part is None:
                pending.pop()
                if key is not None:
                    self._known[key] = True
                continue
            inner = id(scopes), id(scopes.home_of(*part)), part[1]
            if inner not in self._known:
                self._known[inner] = False  # until all that it is made of is known
                made_of = _made_of(scopes, *part)
                if made_of is None:
                    return False
                pending.append((inner, iter(made_of)))
            elif not self._known[inner]:
                return False  # and so is everything that waits for it
        return True


def _made_of(scopes: Scopes, graph: Graph, name: bytes) -> list[tuple[Graph, bytes]] | None:
    """What a value is computed from; None where it is not known before the model runs."""
    found = scopes.define(graph, name)
    if not found or any(definition.input for definition in found):
        return [] if scopes.static(graph, name, fold=True).values is not None else None
    nodes = [(definition.graph, definition.node) for definition in found if definition.node]
    return [(home, name) for home, node in nodes for name in filter(None, node.inputs)]


_RESIZE = frozenset({"CenterCropPad", "Pad", "Resize", "Upsample"})
_GROWING: dict[str, Callable[[Scopes, Graph, Node], int]] = {
    "AffineGrid": _shape_input(1),
    "AveragePool": _window,
    "CenterCropPad": _shape_input(1),
    "ConstantOfShape": _shape_input(0),
    "Conv": _window,
    "ConvTranspose": _shape_attribute(b"output_shape"),
    "Expand": _shape_input(1),
    "LpPool": _window,
    "MaxPool": _window,
    "OneHot": _shape_input(1),
    "Pad": _pad,
    "RandomNormal": _shape_attribute(b"shape"),
    "RandomUniform": _shape_attribute(b"shape"),
    "Range": _range,
    "Resize": _resize,
    "Tile": _tile,
    "Upsample": _resize,
}
GROWING = frozenset(_GROWING)
"""The operators whose output can be larger than what goes in."""
