"""Operators that reduce axes, or normalise over them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from math import isfinite

from onnxguard.model.shapes import dims as d
from onnxguard.model.shapes import scalars
from onnxguard.model.shapes.dims import Dim, Shape, shape_text
from onnxguard.model.shapes.known import (
    FLOAT,
    INT64,
    INTEGERS,
    Known,
    MismatchError,
    Number,
    Outputs,
    Site,
    UnknownError,
    agreed,
    axis_of,
    fitted,
    held,
    of,
    ranked,
)


def reduce_axes(site: Site) -> Outputs:
    """``axes``: an attribute, an input since opset 13 or 18; all of them where it is left out."""
    known = site.input(0)
    given = site.integers(b"axes")
    kept = site.integer(b"keepdims", 1) == 1
    if given is None and site.has(1):
        try:
            given = site.integers_at(1)
        except UnknownError:
            return of(_some(site, kept))
    if not given and site.integer(b"noop_with_empty_axes", 0):
        return of(known.shape)
    if not given and known.shape is None and not kept:
        return of(())
    shape = site.shape(0)
    axes = tuple(range(len(shape)))
    if given:
        axes = tuple({axis_of(axis, len(shape)) for axis in given})
    if not kept:
        made = tuple([dim for axis, dim in enumerate(shape) if axis not in axes])
    else:
        made = tuple([1 if axis in axes else dim for axis, dim in enumerate(shape)])
    return (_reduced(site, known, axes, made),)


def _some(site: Site, kept: bool) -> Shape | None:
    """What is left where no more than the number of axes is known."""
    shape = site.shape(0)
    if kept:
        return (None,) * len(shape)
    given = site.shape_of(1)
    # Of several axes two may be the same.
    return (None,) * (len(shape) - 1) if given == (1,) else None


def _reduced(site: Site, known: Known, axes: tuple[int, ...], made: Shape) -> Known:
    """A list of sizes that is reduced to one number: ReduceProd of a Shape, and the like."""
    values = known.values
    if values is None or len(axes) != len(known.shape or ()):
        return Known(made)
    name = site.node.operator.op_type
    if known.dtype == FLOAT and name in ("ReduceMax", "ReduceMin"):
        floats = [v for v in values if isinstance(v, float) and isfinite(v)]
        most = max if name == "ReduceMax" else min
        return held(made, (most(floats),), FLOAT) if len(floats) == len(values) > 0 else Known(made)
    if known.dtype != INT64:
        return Known(made)
    dims: Shape = tuple([v if not isinstance(v, float) else None for v in values])
    result: Number = None
    if name == "ReduceProd":
        result = d.product(dims)
    elif name == "ReduceSum":
        result = d.total(dims)
    elif name in ("ReduceMax", "ReduceMin") and values:
        numbers = [v for v in values if isinstance(v, int)]
        if len(numbers) == len(values):
            result = max(numbers) if name == "ReduceMax" else min(numbers)
        elif len(set(values)) == 1:
            result = values[0]
    return held(made, (result,), INT64)


def arg(site: Site) -> Outputs:
    """ArgMax, ArgMin: one axis."""
    shape = site.shape(0)
    axis = axis_of(site.integer(b"axis", 0), len(shape))
    middle: Shape = (1,) if site.integer(b"keepdims", 1) == 1 else ()
    return of(shape[:axis] + middle + shape[axis + 1 :])


def cum_sum(site: Site) -> Outputs:
    """X; of a list of whole numbers the sums so far."""
    known, shape = site.input(0), site.shape(0)
    if known.values is None or len(shape) != 1 or known.dtype not in INTEGERS:
        return of(shape)
    turn = -1 if site.integer(b"reverse", 0) else 1
    sums = list(accumulate(known.values[::turn], scalars.add))
    if site.integer(b"exclusive", 0):
        sums = [0, *sums[:-1]]
    return (held(shape, tuple([fitted(v, known.dtype) for v in sums[::turn]]), known.dtype),)


def global_pool(site: Site) -> Outputs:
    """``[N, C, 1, ...]``."""
    shape = site.shape(0, least=2)
    return of(shape[:2] + (1,) * (len(shape) - 2))


def softmax(site: Site) -> Outputs:
    """Any shape; the axis must be there."""
    shape = site.shape(0)
    axis_of(site.integer(b"axis", -1 if site.version >= 13 else 1), max(len(shape), 1))
    return of(shape)


def batch_normalization(site: Site) -> Outputs:
    """X, and the statistics of C channels, which all of its parameters have."""
    shape = site.shape(0, least=1)
    channels = shape[1] if len(shape) > 1 else None
    for index in range(1, 5):
        given = site.shape_of(index)
        if given is None:
            continue
        if len(given) != 1 and site.version >= 9:
            raise MismatchError(f"input {index} is {shape_text(given)}, it must be a vector")
        if len(given) == 1 and d.differ(given[0], channels):
            raise MismatchError(
                f"input {index} is {shape_text(given)} for {d.text(channels)} channels"
            )
        channels = d.merged(channels, given[0]) if len(given) == 1 else channels
    return of(shape, *[(channels,)] * 4)


def layer_normalization(site: Site) -> Outputs:
    """X; then the mean and the deviation, which have 1 on the axes from ``axis`` on."""
    shape = site.shape(0)
    axis = axis_of(site.integer(b"axis", -1), len(shape))
    small = shape[:axis] + (1,) * (len(shape) - axis)
    return of(shape, small, small)


def rms_normalization(site: Site) -> Outputs:
    """X."""
    return of(layer_normalization(site)[0].shape)


def instance_normalization(site: Site) -> Outputs:
    """X, whose channels the two parameters have."""
    shape = site.shape(0)
    for index in (1, 2):
        given = site.shape_of(index)
        if given is not None and len(given) != 1:
            raise MismatchError(f"input {index} is {shape_text(given)}, it must be a vector")
        if given and len(shape) > 1 and d.differ(given[0], shape[1]):
            raise MismatchError(
                f"input {index} is {shape_text(given)} for {d.text(shape[1])} channels"
            )
    return of(shape)


def loss(site: Site) -> Outputs:
    """A loss of each element, or one number; SoftmaxCrossEntropyLoss gives its logarithms too."""
    given, target = site.shape_of(0), site.shape_of(1)
    if given is not None and len(given) < 2:
        raise MismatchError(f"input 0 is {shape_text(given)}, it must have rank 2 or more")
    if given is not None and target is not None:
        if len(given) != len(target) + 1:
            raise MismatchError(f"{shape_text(given)} and its labels {shape_text(target)}")
        for axis, (a, b) in enumerate(zip((given[0], *given[2:]), target, strict=True)):
            agreed(a, b, f"axis {axis} of the labels")
    ranked(site, 2, 1)
    none = site.text(b"reduction", b"mean") == b"none"
    return of(target if none else (), given)


def top_k(site: Site) -> Outputs:
    """``K`` of an axis, and where they were: an attribute before opset 10."""
    shape = site.shape(0)
    axis = axis_of(site.integer(b"axis", -1), len(shape))
    count: Dim = None
    if site.version < 10:
        count = site.integer(b"k", -1)
    else:
        number = ranked(site, 1, 1)
        agreed(number[0] if number else None, 1, "K is one number")
        given = site.input(1).values
        if given and len(given) == 1 and not isinstance(given[0], float):
            count = given[0]
    size = shape[axis]
    if isinstance(count, int) and count < 0:
        raise MismatchError(f"k is {count}")
    if isinstance(count, int) and isinstance(size, int) and count > size:
        raise MismatchError(f"k is {count}, axis {axis} of {shape_text(shape)} has {size}")
    made = (*shape[:axis], count, *shape[axis + 1 :])
    return of(made, made)


_REDUCE = """ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin
ReduceProd ReduceSum ReduceSumSquare""".split()  # noqa: SIM905 # one line an operator would hide the others

REDUCTIONS: dict[str, Callable[[Site], Outputs]] = {
    **dict.fromkeys(_REDUCE, reduce_axes),
    **dict.fromkeys(["GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool"], global_pool),
    **dict.fromkeys(["ArgMax", "ArgMin"], arg),
    **dict.fromkeys(["Softmax", "LogSoftmax", "Hardmax"], softmax),
    **dict.fromkeys(["NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"], loss),
    "BatchNormalization": batch_normalization,
    "CumSum": cum_sum,
    "InstanceNormalization": instance_normalization,
    "LayerNormalization": layer_normalization,
    "RMSNormalization": rms_normalization,
    "TopK": top_k,
}
