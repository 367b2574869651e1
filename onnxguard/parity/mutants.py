"""Damage a graph on purpose: what a gate lets through says what it is worth."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import onnx
from onnx import helper, numpy_helper, shape_inference

from onnxguard.parity.node_pass import name_of
from onnxguard.running.comparison import Array
from onnxguard.running.cutting import constant_value, depends_on_values

Random = np.random.Generator

_FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE)
_WEIGHTS = (*_FLOATS, onnx.TensorProto.INT8)
_NUMBERS = (*_FLOATS, onnx.TensorProto.INT32, onnx.TensorProto.INT64)

KERNELS = {"Conv": 1, "ConvTranspose": 1}
WEIGHTED = KERNELS | {"Gemm": 1, "MatMul": 1, "Gather": 0, "LSTM": 1, "GRU": 1}
"""Operators with a weight, and the input where it is."""
BIASED = {"Conv": 2, "ConvTranspose": 2, "Gemm": 2, "Add": 1, "LayerNormalization": 2, "LSTM": 3}
"""Operators with a bias, and the input where it is."""
ACTIVATIONS = frozenset(
    {"Relu", "LeakyRelu", "PRelu", "Elu", "Sigmoid", "Tanh", "Gelu", "Erf", "Softplus", "Clip"}
    | {"Softmax", "LogSoftmax", "HardSigmoid", "HardSwish"}
)
QUANTISED = {"DequantizeLinear": 0, "QLinearConv": 3, "QLinearMatMul": 3, "QGemm": 3}
QUANTISED |= {"ConvInteger": 1, "MatMulInteger": 1}
"""Operators that read weights of int8, and the input where they are."""
STEPPED = {"DequantizeLinear": 1, "QLinearConv": 4, "QLinearMatMul": 4, "QGemm": 4}
"""And the input where the size of a step is."""
BOUNDED = frozenset({"Clip", "Max", "Min"})
COMPARING = frozenset({"Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"})
ARITHMETIC = frozenset({"Add", "Div", "Mod", "Mul", "Pow", "Sub"})
_LEAST, _MOST = 1e-4, 1e6
"""Numbers beyond keep a divisor from zero, or stand for infinity."""
DAMAGED = ", damaged"
"""Added to the name of a constant that was changed: other nodes may read the original."""


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


class Patient(NamedTuple):
    """A copy of a graph, to be damaged in place.

    Attributes:
        graph: the copy.
        random: decides where and how much.
        floats: the tensors that are floating: shapes are not to be damaged, integer division
            by zero would end the process.
    """

    graph: onnx.GraphProto
    random: Random
    floats: frozenset[str]

    def pick(self, operators: frozenset[str]) -> int | None:
        """One of the nodes of these operators, at random."""
        places = [
            index
            for index, node in enumerate(self.graph.node)
            if node.op_type in operators and set(node.output) <= self.floats
        ]
        return int(self.random.choice(places)) if places else None


def mutants(proto: onnx.ModelProto, wanted: int, seed: int = 0) -> Iterator[Mutant]:
    """Give up to ``wanted`` mutants, the same for the same seed, no two of them alike.

    The kinds of damage that the graph allows take turns.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    floats = _floating(proto)
    seen = {_digest(proto)}
    misses = turn = 0
    kinds = list(MUTATIONS)
    while len(seen) <= wanted and misses < 4 * len(kinds):
        kind = kinds[turn % len(kinds)]
        turn += 1
        damaged = onnx.ModelProto()
        damaged.CopyFrom(proto)
        index = MUTATIONS[kind](Patient(damaged.graph, random, floats))
        if index is None or (digest := _digest(damaged)) in seen:
            misses += 1
            continue
        seen.add(digest)
        misses = 0
        yield Mutant(kind, name_of(proto.graph.node[index], index), damaged)


def _digest(proto: onnx.ModelProto) -> bytes:
    return hashlib.sha256(proto.SerializeToString(deterministic=True)).digest()


def _floating(proto: onnx.ModelProto) -> frozenset[str]:
    """The names of the floating tensors that nodes make, as far as inference knows."""
    graph = shape_inference.infer_shapes(proto).graph
    values = (*graph.value_info, *graph.output)
    return frozenset(v.name for v in values if v.type.tensor_type.elem_type in _FLOATS)


def _scale(patient: Patient) -> int | None:
    factor = 1.0 + 10.0 ** patient.random.uniform(-5, -2)
    return _change(patient, WEIGHTED, lambda w, _: w * w.dtype.type(factor))


def _halve_precision(patient: Patient) -> int | None:
    def rounded(w: Array, _: int) -> Array:
        fits = bool(np.all(np.abs(w) <= np.finfo(np.float16).max))
        return w.astype(np.float16).astype(w.dtype) if fits else w

    return _change(patient, WEIGHTED, rounded)


def _move_bias(patient: Patient) -> int | None:
    step = 10.0 ** patient.random.uniform(-4, -2)
    return _change(patient, BIASED, lambda b, _: b + b.dtype.type(step))


def _swap_channels(patient: Patient) -> int | None:
    def swapped(w: Array, axis: int) -> Array:
        if w.ndim < 2 or w.shape[axis] < 2:
            return w
        a, b = patient.random.choice(w.shape[axis], 2, replace=False)
        order = np.arange(w.shape[axis])
        order[[a, b]] = b, a
        return np.take(w, order, axis)

    return _change(patient, WEIGHTED | QUANTISED, swapped)


def _zero_channel(patient: Patient) -> int | None:
    def zeroed(w: Array, axis: int) -> Array:
        if w.ndim < 2:
            return w
        w = w.copy()
        np.moveaxis(w, axis, 0)[patient.random.integers(w.shape[axis])] = 0
        return w

    return _change(patient, WEIGHTED | QUANTISED, zeroed)


def _zero_rows(patient: Patient) -> int | None:
    def zeroed(w: Array, _: int) -> Array:
        if w.ndim != 2 or len(w) < 8:
            return w
        w = w.copy()
        w[-max(len(w) >> int(patient.random.integers(1, 7)), 1) :] = (
            0  # half of them to the last one
        )
        return w

    return _change(patient, {"Gather": 0, "Cast": 0}, zeroed)


def _change_step(patient: Patient) -> int | None:
    return _change(
        patient, STEPPED, lambda s, _: s * s.dtype.type(patient.random.choice([0.5, 2.0]))
    )


def _flip_kernel(patient: Patient) -> int | None:
    return _change(patient, KERNELS, lambda w, _: w[..., ::-1])


def _transpose_weight(patient: Patient) -> int | None:
    def transposed(w: Array, _: int) -> Array:
        square = w.ndim >= 2 and w.shape[-1] == w.shape[-2]
        return np.swapaxes(w, -1, -2) if square else w

    return _change(patient, WEIGHTED, transposed)


def _change(
    patient: Patient, slots: dict[str, int], change: Callable[[Array, int], Array]
) -> int | None:
    """Change one constant, for one of the nodes that read it; None where nothing changed.

    Args:
        patient: the graph.
        slots: by operator, the input where the constant is.
        change: gets the constant and the axis of the output channels, makes another.
    """
    graph = patient.graph
    tensors = {t.name: t for t in graph.initializer if t.data_type in _WEIGHTS}
    places = [
        (index, slot)
        for index, node in enumerate(graph.node)
        if (slot := slots.get(node.op_type, len(node.input))) < len(node.input)
        if node.input[slot] in tensors
    ]
    if not places:
        return None
    index, slot = places[patient.random.integers(len(places))]
    node = graph.node[index]
    before = numpy_helper.to_array(tensors[node.input[slot]])
    reader = node
    if node.op_type == "DequantizeLinear":
        reader = next((n for n in graph.node if node.output[0] in n.input), node)
    after = np.asarray(change(before, _output_axis(reader)), before.dtype, order="C")
    if np.array_equal(before, after):
        return None
    name = node.input[slot] + DAMAGED
    graph.initializer.append(numpy_helper.from_array(after, name))
    node.input[slot] = name
    return index


def _output_axis(node: onnx.NodeProto) -> int:
    if node.op_type in ("Gemm", "QGemm"):
        return 0 if any(a.name == "transB" and a.i for a in node.attribute) else 1
    axes = {"ConvTranspose": 1, "Gather": -1, "LSTM": 1, "GRU": 1}
    return axes.get(node.op_type, -1 if "MatMul" in node.op_type else 0)


def _change_resize(patient: Patient) -> int | None:
    index = patient.pick(frozenset({"Resize"}))
    if index is None:
        return None
    node = patient.graph.node[index]
    values = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    if values.get("mode", b"nearest") == b"nearest":
        # At whole factors the positions of nearest neighbours agree in all modes.
        changes = [{"mode": "linear"}]
    elif values.get("coordinate_transformation_mode") in (b"asymmetric", b"align_corners"):
        changes = [{"mode": "nearest"}, {"coordinate_transformation_mode": "half_pixel"}]
    else:
        changes = [{"mode": "nearest"}, {"coordinate_transformation_mode": "asymmetric"}]
        changes.append({"coordinate_transformation_mode": "align_corners"})
    _set(node, changes[patient.random.integers(len(changes))])
    return index


def _remove_activation(patient: Patient) -> int | None:
    index = patient.pick(ACTIVATIONS)
    if index is None:
        return None
    node = patient.graph.node[index]
    if node.op_type == "Clip" and not all(len(node.input) > i and node.input[i] for i in (1, 2)):
        return None  # one-sided: it keeps a divisor from zero, which no input makes it
    node.CopyFrom(helper.make_node("Identity", node.input[:1], node.output, node.name))
    return index


def _reorder_concat(patient: Patient) -> int | None:
    index = patient.pick(frozenset({"Concat"}))
    if index is None:
        return None
    names = list(patient.graph.node[index].input)
    if len(set(names)) < 2:
        return None
    patient.graph.node[index].input[:] = names[1:] + names[:1]
    return index


def _swap_operands(patient: Patient) -> int | None:
    index = patient.pick(frozenset({"Sub", "Div"}))
    if index is None:
        return None
    node = patient.graph.node[index]
    first, second = node.input
    readers = [n for n in patient.graph.node if node.output[0] in n.input]
    if first == second or (node.op_type == "Sub" and all(map(_is_even, readers))):
        return None
    node.input[:] = second, first
    return index


def _is_even(node: onnx.NodeProto) -> bool:
    """Whether a node makes the same of a number and its negative."""
    squares = node.op_type == "Mul" and node.input[0] == node.input[1]
    return squares or node.op_type in ("Abs", "Pow", "ReduceSumSquare", "ReduceL2")


def _replace_pooling(patient: Patient) -> int | None:
    index = patient.pick(frozenset({"MaxPool"}))
    if index is None or len(patient.graph.node[index].output) != 1:
        return None
    node = patient.graph.node[index]
    node.op_type = "AveragePool"
    kept = [a for a in node.attribute if a.name not in ("storage_order", "dilations")]
    del node.attribute[:]
    node.attribute.extend(kept)
    return index


def _move_bound(patient: Patient) -> int | None:
    return _change_number(patient, BOUNDED, patient.random.choice([0.5, 2.0]))


def _move_threshold(patient: Patient) -> int | None:
    return _change_number(patient, COMPARING, patient.random.choice([0.5, 2.0]))


def _scale_constant(patient: Patient) -> int | None:
    return _change_number(patient, ARITHMETIC, 1.0 + 10.0 ** patient.random.uniform(-3, -1))


def _change_number(patient: Patient, operators: frozenset[str], factor: float) -> int | None:
    """Multiply a single number that a node reads beside values; integers by 2 or by 1/2."""
    graph = patient.graph
    numbers = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        value = constant_value(node)
        if value is not None:
            numbers[node.output[0]] = value
    places = [
        (index, slot)
        for index, node in enumerate(graph.node)
        if node.op_type in operators
        if node.op_type in COMPARING or set(node.output) <= patient.floats
        for slot, name in enumerate(node.input)
        if name in numbers and _is_plain(numbers[name])
        if depends_on_values(graph, (other for other in node.input if other not in numbers))
    ]
    if not places:
        return None
    index, slot = places[patient.random.integers(len(places))]
    before = numpy_helper.to_array(numbers[graph.node[index].input[slot]])
    after = before * before.dtype.type(factor)
    if before.dtype.kind in "iu":
        after = before * 2 if factor > 1 else before // 2
    if np.array_equal(before, after):
        return None
    name = graph.node[index].input[slot] + DAMAGED
    graph.initializer.append(numpy_helper.from_array(after.astype(before.dtype), name))
    graph.node[index].input[slot] = name
    return index


def _is_plain(tensor: onnx.TensorProto) -> bool:
    """Whether a tensor is one number of an ordinary size; others are equal to their multiples."""
    if any(dim != 1 for dim in tensor.dims) or tensor.data_type not in _NUMBERS:
        return False
    return bool(_LEAST <= abs(float(numpy_helper.to_array(tensor).ravel()[0])) <= _MOST)


MUTATIONS: dict[str, Callable[[Patient], int | None]] = {
    "weight scaled by 1 + 1e-5 to 1 + 1e-2": _scale,
    "weight rounded to float16": _halve_precision,
    "bias moved by 1e-4 to 1e-2": _move_bias,
    "output channels swapped": _swap_channels,
    "output channel zeroed": _zero_channel,
    "rows of a table zeroed": _zero_rows,
    "step of quantised numbers halved or doubled": _change_step,
    "kernel flipped": _flip_kernel,
    "weight transposed": _transpose_weight,
    "Resize mode changed": _change_resize,
    "activation removed": _remove_activation,
    "Concat reordered": _reorder_concat,
    "operands swapped": _swap_operands,
    "MaxPool replaced by AveragePool": _replace_pooling,
    "bound of a Clip, Max or Min halved or doubled": _move_bound,
    "number that is compared with halved or doubled": _move_threshold,
    "constant scaled by 1 + 1e-3 to 1 + 1e-1": _scale_constant,
}
"""The kinds of damage; each changes a graph in place and tells the node, None where it cannot."""


def _set(node: onnx.NodeProto, values: dict[str, str]) -> None:
    kept = [a for a in node.attribute if a.name not in values]
    del node.attribute[:]
    node.attribute.extend(kept)
    node.attribute.extend(helper.make_attribute(name, value) for name, value in values.items())
