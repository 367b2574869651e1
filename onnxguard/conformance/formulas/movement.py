"""What moves elements, and computes nothing."""

from __future__ import annotations

import itertools

import numpy as np

from onnxguard.conformance.formulas.node import (
    Array,
    Node,
    NoFormulaError,
    Value,
    axes_of,
    axis_of,
    exact,
    wide,
)


@exact("Identity")
def identity(node: Node, inputs: list[Value]) -> Value:  # noqa: ARG001 - as every formula
    """The input."""
    return [inputs[0]]


@exact("Reshape")
def reshape(node: Node, inputs: list[Value]) -> Value:
    """0 keeps a dim unless ``allowzero``; -1 is what is left."""
    x = inputs[0]
    wanted = [int(dim) for dim in (node.get("shape") if node.version < 5 else inputs[1])]
    if not node.get("allowzero", 0):
        wanted = [x.shape[at] if dim == 0 else dim for at, dim in enumerate(wanted)]
    if -1 in wanted:
        known = int(np.prod([dim for dim in wanted if dim != -1]))
        wanted[wanted.index(-1)] = x.size // known
    return x.reshape(wanted)


@exact("Flatten")
def flatten(node: Node, inputs: list[Value]) -> Value:
    """Two dims: those before ``axis``, and the rest."""
    x = inputs[0]
    axis = axis_of(node, x.ndim, 1)
    return x.reshape(int(np.prod(x.shape[:axis])), int(np.prod(x.shape[axis:])))


@exact("Squeeze")
def squeeze(node: Node, inputs: list[Value]) -> Value:
    """Without the dims of 1."""
    x, axes = inputs[0], axes_of(node, inputs)
    gone = {at for at, dim in enumerate(x.shape) if dim == 1}
    gone = gone if axes is None else {axis % x.ndim for axis in axes}
    return x.reshape([dim for at, dim in enumerate(x.shape) if at not in gone])


@exact("Unsqueeze")
def unsqueeze(node: Node, inputs: list[Value]) -> Value:
    """With dims of 1, at places of the output."""
    x, axes = inputs[0], axes_of(node, inputs) or ()
    rank = x.ndim + len(axes)
    new, dims = {axis % rank for axis in axes}, iter(x.shape)
    return x.reshape([1 if at in new else next(dims) for at in range(rank)])


@exact("Transpose")
def transpose(node: Node, inputs: list[Value]) -> Value:
    """Dims in another order, reversed by default."""
    x = inputs[0]
    return np.transpose(x, node.get("perm", list(range(x.ndim))[::-1]))


@exact("Concat")
def concat(node: Node, inputs: list[Value]) -> Value:
    """End to end along an axis."""
    return np.concatenate(inputs, axis_of(node, inputs[0].ndim, 1))


@exact("Split")
def split(node: Node, inputs: list[Value]) -> Value:
    """Parts along an axis; equal ones where no sizes are given, the last smaller from 18 on."""
    x = inputs[0]
    axis = axis_of(node, x.ndim)
    sizes = node.get("split") if node.version < 13 else ([*inputs, None])[1]
    if sizes is None:
        part = -(-x.shape[axis] // node.outputs)
        sizes = [part] * (node.outputs - 1) + [x.shape[axis] - part * (node.outputs - 1)]
    return list(np.split(x, np.cumsum(sizes)[:-1], axis))


@exact("Slice")
def slice_(node: Node, inputs: list[Value]) -> Value:
    """From starts to ends by steps; what lies outside is clamped."""
    x = inputs[0]
    if node.version < 10:
        starts, ends = node.get("starts"), node.get("ends")
        axes, steps = node.get("axes"), None
    else:
        starts, ends, axes, steps = ([*inputs, None, None])[1:5]
    axes = range(len(starts)) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        size = x.shape[int(axis)]
        places = range(*_limits(int(start), int(end), int(step), size))
        x = np.take(x, np.array(places, np.int64), int(axis))
    return x


def _limits(start: int, end: int, step: int, size: int) -> tuple[int, int, int]:
    start, end = (value + size if value < 0 else value for value in (start, end))
    if step > 0:
        return min(max(start, 0), size), min(max(end, 0), size), step
    return min(max(start, 0), size - 1), min(max(end, -1), size - 1), step


@exact("Gather")
def gather(node: Node, inputs: list[Value]) -> Value:
    """Rows along an axis, counted from the end where negative."""
    x, index = inputs
    axis = axis_of(node, x.ndim)
    return np.take(x, np.where(index < 0, index + x.shape[axis], index), axis)


@exact("GatherElements")
def gather_elements(node: Node, inputs: list[Value]) -> Value:
    """Elements along an axis, one for each index."""
    x, index = inputs
    axis = axis_of(node, x.ndim)
    index = np.where(index < 0, index + x.shape[axis], index)
    places = list(np.indices(index.shape))
    places[axis] = index
    return x[tuple(places)]


@exact("GatherND")
def gather_nd(node: Node, inputs: list[Value]) -> Value:
    """Slices picked by rows of indices, for each of the batches."""
    x, index = inputs
    batch = int(node.get("batch_dims", 0))
    shape = (*index.shape[:-1], *x.shape[batch + index.shape[-1] :])
    found = np.empty(shape, x.dtype)
    for place in itertools.product(*map(range, index.shape[:-1])):
        found[place] = x[(*place[:batch], *map(int, index[place]))]
    return found


@exact("ScatterND")
def scatter_nd(node: Node, inputs: list[Value]) -> Value:
    """A copy with slices replaced, or added, multiplied, or compared to what was there."""
    x, index, updates = inputs
    found = np.array(x)
    for place in itertools.product(*map(range, index.shape[:-1])):
        to = tuple(map(int, index[place]))
        before, new = found[to], updates[place]
        match node.get("reduction", "none"):
            case "none":
                found[to] = new
            case "add":
                found[to] = before | new if x.dtype.kind == "b" else before + new
            case "mul":
                found[to] = before & new if x.dtype.kind == "b" else before * new
            case "max":
                found[to] = np.maximum(before, new)
            case "min":
                found[to] = np.minimum(before, new)
    return found


@exact("Shape")
def shape(node: Node, inputs: list[Value]) -> Value:
    """The dims, from ``start`` to ``end``."""
    dims = np.array(inputs[0].shape, np.int64)
    return dims[slice(node.get("start", 0), node.get("end"))]


@exact("Size")
def size(node: Node, inputs: list[Value]) -> Value:  # noqa: ARG001 - as every formula
    """How many elements there are."""
    return np.array(inputs[0].size, np.int64)


@exact("Expand")
def expand(node: Node, inputs: list[Value]) -> Value:  # noqa: ARG001 - as every formula
    """Broadcast, both ways."""
    x, wanted = inputs
    return np.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(map(int, wanted))))


@exact("Tile")
def tile(node: Node, inputs: list[Value]) -> Value:
    """Repeated along each axis."""
    if node.version < 6:
        raise NoFormulaError("one axis at a time")
    return np.tile(inputs[0], [int(count) for count in inputs[1]])


@exact("Pad")
def pad(node: Node, inputs: list[Value]) -> Value:
    """More at both ends, or less where negative: a constant, or the elements there again."""
    x = inputs[0]
    if node.version < 11:
        pads, value, axes = node.get("pads"), node.get("value", 0.0), None
    else:
        pads, value, axes = ([*inputs, None, None])[1:4]
        value = 0 if value is None else value.reshape(-1)[0]
    axes = range(x.ndim) if axes is None else [int(axis) % x.ndim for axis in axes]
    mode, count = node.get("mode", "constant"), len(pads) // 2
    for at, axis in enumerate(axes):
        places = np.arange(-int(pads[at]), x.shape[axis] + int(pads[at + count]))
        x = _padded(x, axis, places, mode, value)
    return x


def _padded(x: Array, axis: int, places: Array, mode: str, value: object) -> Array:
    size = x.shape[axis]
    inside = (places >= 0) & (places < size)
    match mode:
        case "edge":
            places = np.clip(places, 0, size - 1)
        case "reflect":
            period = max(2 * (size - 1), 1)
            places = np.abs((places + size - 1) % period - (size - 1))
        case "wrap":
            places = places % size
        case "constant":
            taken = np.take(x, np.where(inside, places, 0), axis) if size else None
            around = [-1 if at == axis else 1 for at in range(x.ndim)]
            if taken is None:
                dims = [len(places) if at == axis else dim for at, dim in enumerate(x.shape)]
                return np.full(dims, value).astype(x.dtype)
            return np.where(inside.reshape(around), taken, np.asarray(value).astype(x.dtype))
        case _:
            raise NoFormulaError(f"the mode {mode}")
    return np.take(x, places, axis)


@exact("Constant")
def constant(node: Node, inputs: list[Value]) -> Value:  # noqa: ARG001 - as every formula
    """The value of whichever attribute holds it."""
    dtypes = {"value_float": np.float32, "value_floats": np.float32}
    for name, value in node.attributes.items():
        if name == "value":
            return value
        if name in {"value_int", "value_ints", *dtypes}:
            return np.array(value, dtypes.get(name, np.int64))
    raise NoFormulaError("strings and sparse tensors")


@exact("ConstantOfShape")
def constant_of_shape(node: Node, inputs: list[Value]) -> Value:
    """One value everywhere, float32 0 by default."""
    value = node.get("value", np.zeros(1, np.float32))
    return np.full([int(dim) for dim in inputs[0]], value.reshape(-1)[0], value.dtype)


@exact("Range")
def range_(node: Node, inputs: list[Value]) -> Value:  # noqa: ARG001 - as every formula
    """``start + i * delta``, as long as that is before ``limit``."""
    start, limit, delta = (wide(value) for value in inputs)
    count = max(int(np.ceil((limit - start) / delta)), 0)
    return (start + np.arange(count) * delta).astype(inputs[0].dtype)
