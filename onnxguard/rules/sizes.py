"""What constants and declarations say of the size of what a node reads."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite, prod

from onnxguard.model.graph import Attribute, Graph, Node
from onnxguard.model.scopes import Scopes


def product(sizes: Iterable[int]) -> int:
    """A product that takes what is unknown, 0 or less for 1; 0 of nothing."""
    positive = [max(size, 1) for size in sizes]
    return prod(positive) if positive else 0


def input_name(node: Node, position: int) -> bytes:
    """The name that a node reads at a position; empty where it is left out."""
    return node.inputs[position] if position < len(node.inputs) else b""


def numbers(scopes: Scopes, graph: Graph, node: Node, position: int) -> tuple[float, ...]:
    """What a small constant input holds; empty where none is given, or its numbers unknown."""
    return scopes.static(graph, input_name(node, position), fold=True).values or ()


def integers(scopes: Scopes, graph: Graph, node: Node, position: int) -> tuple[int, ...]:
    """The same in whole numbers, without what is not finite."""
    return tuple([int(n) for n in numbers(scopes, graph, node, position) if isfinite(n)])


def whole(node: Node, name: bytes) -> int:
    """An integer attribute; 0 where there is none."""
    attribute = node.attribute(name)
    return max(attribute.i or 0, 0) if attribute else 0


def integer_list(node: Node, name: bytes) -> tuple[int, ...]:
    """The first integers of a list attribute."""
    attribute = node.attribute(name)
    return attribute.ints if attribute else ()


_KEEPS_SHAPE = frozenset(
    "Abs Cast Celu Clip Cos DequantizeLinear Dropout Elu Erf Exp Gelu HardSigmoid HardSwish "  # noqa: SIM905
    "Identity LeakyRelu Log LogSoftmax Mish Neg Not QuantizeLinear Reciprocal Relu Round Selu "
    "Sigmoid Sign Sin Softmax Softplus Softsign Sqrt Tanh ThresholdedRelu".split()
)
_KEEPS_ELEMENTS = _KEEPS_SHAPE | {"Flatten", "Reshape", "Squeeze", "Transpose", "Unsqueeze"}
_STEPS = 64
"""Nodes that are followed back to what declares a shape."""


def shape_of(
    scopes: Scopes, graph: Graph, name: bytes, through: frozenset[str] = _KEEPS_SHAPE
) -> tuple[int, ...]:
    """The dims that an initializer, a Constant or an input declares, unknown ones as 1."""
    for _ in range(_STEPS):
        found = scopes.define(graph, name)
        if not found:
            break
        graph, node, initializer, _, value = found[0]
        if initializer is not None:
            return initializer.dims
        if value is not None:
            return tuple([dim if isinstance(dim, int) else 1 for dim in value.type.dims or ()])
        if node is None or node.operator.domain:
            break
        if node.operator.op_type == "Constant":
            return next(map(_constant_shape, node.attributes), ())
        if node.operator.op_type not in through:
            break
        name = input_name(node, 0)
    return ()


def _constant_shape(attribute: Attribute) -> tuple[int, ...]:
    if attribute.tensors:
        return attribute.tensors[0].dims
    return attribute.sparse[0].dims if attribute.sparse else (max(attribute.counts),)


def elements_of(scopes: Scopes, graph: Graph, name: bytes) -> int:
    """The least elements of a value, at least 1."""
    return max(product(shape_of(scopes, graph, name, _KEEPS_ELEMENTS)), 1)


def first_dim(scopes: Scopes, graph: Graph, node: Node, position: int = 0) -> int:
    """The first dimension of an input, usually the batch."""
    return max(*shape_of(scopes, graph, input_name(node, position))[:1], 1, 1)
