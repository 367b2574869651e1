"""Damage a graph on purpose: what a gate lets through says what it is worth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import onnx
from onnx import helper, numpy_helper

from onnxguard.parity.comparison import Array
from onnxguard.parity.node_pass import name_of

Random = np.random.Generator


class Mutant(NamedTuple):
    """A damaged graph.

    Attributes:
        mutation: what was done, a key of ``MUTATIONS``.
        node: the name of the node that it was done to.
        proto: the damaged model.
    """

    mutation: str
    node: str
    proto: onnx.ModelProto


class _Weights(NamedTuple):
    """A node that reads a floating constant; ``slot`` is the input where."""

    place: int
    slot: int
    name: str


def mutants(proto: onnx.ModelProto, wanted: int, seed: int = 0) -> Iterator[Mutant]:
    """Give up to ``wanted`` mutants, the same for the same seed, each different from the original.

    The kinds of damage that the graph allows take turns.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    made = misses = turn = 0
    kinds = list(MUTATIONS)
    while made < wanted and misses < 4 * len(kinds):
        kind = kinds[turn % len(kinds)]
        turn += 1
        damaged = onnx.ModelProto()
        damaged.CopyFrom(proto)
        index = MUTATIONS[kind](damaged.graph, random)
        if index is None:
            misses += 1
            continue
        made += 1
        misses = 0
        yield Mutant(kind, name_of(proto.graph.node[index], index), damaged)


def _scale(graph: onnx.GraphProto, random: Random) -> int | None:
    factor = 1.0 + 10.0 ** random.uniform(-5, -2)
    return _change(graph, random, (1,), lambda w: w * w.dtype.type(factor))


def _halve_precision(graph: onnx.GraphProto, random: Random) -> int | None:
    return _change(graph, random, (1, 2), lambda w: w.astype(np.float16).astype(w.dtype))


def _move_bias(graph: onnx.GraphProto, random: Random) -> int | None:
    step = 10.0 ** random.uniform(-4, -2)
    return _change(graph, random, (2,), lambda b: b + b.dtype.type(step))


def _swap_channels(graph: onnx.GraphProto, random: Random) -> int | None:
    def swapped(w: Array) -> Array:
        if w.ndim < 2 or w.shape[0] < 2:
            return w
        a, b = random.choice(w.shape[0], 2, replace=False)
        w = w.copy()
        w[[a, b]] = w[[b, a]]
        return w

    return _change(graph, random, (1,), swapped)


def _zero_channel(graph: onnx.GraphProto, random: Random) -> int | None:
    def zeroed(w: Array) -> Array:
        if w.ndim < 2:
            return w
        w = w.copy()
        w[random.integers(w.shape[0])] = 0
        return w

    return _change(graph, random, (1,), zeroed)


def _flip_kernel(graph: onnx.GraphProto, random: Random) -> int | None:
    return _change(graph, random, (1,), lambda w: w[..., ::-1].copy() if w.ndim > 2 else w)


def _transpose_weight(graph: onnx.GraphProto, random: Random) -> int | None:
    def transposed(w: Array) -> Array:
        square = w.ndim >= 2 and w.shape[-1] == w.shape[-2]
        return np.ascontiguousarray(np.swapaxes(w, -1, -2)) if square else w

    return _change(graph, random, (1,), transposed)


def _change(
    graph: onnx.GraphProto, random: Random, slots: tuple[int, ...], change: Callable[[Array], Array]
) -> int | None:
    """Change one constant that a node reads at one of ``slots``; None where nothing changed."""
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    read = [
        _Weights(index, slot, node.input[slot])
        for index, node in enumerate(graph.node)
        for slot in slots
        if slot < len(node.input) and node.input[slot] in tensors
        if tensors[node.input[slot]].data_type in (1, 10, 11)
    ]
    if not read:
        return None
    place = read[random.integers(len(read))]
    before = numpy_helper.to_array(tensors[place.name])
    after = np.asarray(change(before), before.dtype)
    if np.array_equal(before, after):
        return None
    tensors[place.name].CopyFrom(numpy_helper.from_array(after, place.name))
    return place.place


def _change_resize(graph: onnx.GraphProto, random: Random) -> int | None:
    index = _pick(graph, random, "Resize")
    if index is None:
        return None
    node = graph.node[index]
    values = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    mode = values.get("mode", b"nearest")
    transformation = values.get("coordinate_transformation_mode", b"half_pixel")
    changes = [
        {"mode": "nearest" if mode != b"nearest" else "linear"},
        {"coordinate_transformation_mode": "asymmetric"},
        {"coordinate_transformation_mode": "align_corners"},
    ]
    if transformation in (b"asymmetric", b"align_corners"):
        changes[1:] = [{"coordinate_transformation_mode": "half_pixel"}]
    _set(node, changes[random.integers(len(changes))])
    return index


def _remove_activation(graph: onnx.GraphProto, random: Random) -> int | None:
    index = _pick(graph, random, *_ACTIVATIONS)
    if index is None:
        return None
    node = graph.node[index]
    source, gone = node.input[0], node.output[0]
    if any(value.name == gone for value in graph.output):
        node.CopyFrom(helper.make_node("Identity", [source], [gone], node.name))
        return index
    for reader in graph.node:
        for slot, name in enumerate(reader.input):
            if name == gone:
                reader.input[slot] = source
    del graph.node[index]
    return index


def _reorder_concat(graph: onnx.GraphProto, random: Random) -> int | None:
    index = _pick(graph, random, "Concat")
    if index is None or len(graph.node[index].input) < 2:
        return None
    names = list(graph.node[index].input)
    if len(set(names)) == 1:
        return None
    graph.node[index].input[:] = names[1:] + names[:1]
    return index


def _swap_operands(graph: onnx.GraphProto, random: Random) -> int | None:
    index = _pick(graph, random, "Sub", "Div")
    if index is None:
        return None
    graph.node[index].input[:] = list(graph.node[index].input)[::-1]
    return index


def _replace_pooling(graph: onnx.GraphProto, random: Random) -> int | None:
    index = _pick(graph, random, "MaxPool")
    if index is None or len(graph.node[index].output) != 1:
        return None
    node = graph.node[index]
    node.op_type = "AveragePool"
    kept = [a for a in node.attribute if a.name not in ("storage_order", "dilations")]
    del node.attribute[:]
    node.attribute.extend(kept)
    return index


_ACTIVATIONS = (
    "Relu",
    "LeakyRelu",
    "Sigmoid",
    "Tanh",
    "Gelu",
    "Erf",
    "Softmax",
    "HardSwish",
    "Clip",
)

MUTATIONS: dict[str, Callable[[onnx.GraphProto, Random], int | None]] = {
    "weight scaled by 1 + 1e-5 to 1 + 1e-2": _scale,
    "weight rounded to float16": _halve_precision,
    "bias moved by 1e-4 to 1e-2": _move_bias,
    "output channels swapped": _swap_channels,
    "output channel zeroed": _zero_channel,
    "kernel flipped": _flip_kernel,
    "weight transposed": _transpose_weight,
    "Resize mode changed": _change_resize,
    "activation removed": _remove_activation,
    "Concat reordered": _reorder_concat,
    "operands swapped": _swap_operands,
    "MaxPool replaced by AveragePool": _replace_pooling,
}
"""The kinds of damage; each changes a graph in place and tells the node, None where it cannot."""


def _pick(graph: onnx.GraphProto, random: Random, *op_types: str) -> int | None:
    places = [i for i, node in enumerate(graph.node) if node.op_type in op_types]
    return int(random.choice(places)) if places else None


def _set(node: onnx.NodeProto, values: dict[str, str]) -> None:
    kept = [a for a in node.attribute if a.name not in values]
    del node.attribute[:]
    node.attribute.extend(kept)
    node.attribute.extend(helper.make_attribute(name, value) for name, value in values.items())
