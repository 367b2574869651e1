"""Convolutions, which PyTorch computes in float64, and pooling."""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

import numpy as np

from onnxguard.conformance.formulas.node import Array, Node, NoFormulaError, Value, exact, real


class Window(NamedTuple):
    """A window that slides over the spatial dims; a number for each.

    Attributes:
        before: pads at the low end.
        after: pads at the high end.
        sizes: of the output.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    sizes: tuple[int, ...]


def _window(node: Node, sizes: tuple[int, ...], kernel: tuple[int, ...]) -> Window:
    rank = len(sizes)
    strides = tuple(node.get("strides", [1] * rank))
    dilations = tuple(node.get("dilations", [1] * rank))
    spans = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True))
    pads = [int(p) for p in node.get("pads", [0] * 2 * rank)]
    before, after = pads[:rank], pads[rank:]
    auto = node.get("auto_pad", "NOTSET")
    rounded = math.ceil if node.get("ceil_mode", 0) else math.floor
    found = []
    for at, (size, span, stride) in enumerate(zip(sizes, spans, strides, strict=True)):
        if auto in {"SAME_UPPER", "SAME_LOWER"}:
            out = -(-size // stride)
            total = max((out - 1) * stride + span - size, 0)
            less, more = total // 2, total - total // 2
            before[at], after[at] = (less, more) if auto == "SAME_UPPER" else (more, less)
            found.append(out)
            continue
        if auto == "VALID":
            before[at] = after[at] = 0
        out = rounded((size + before[at] + after[at] - span) / stride) + 1
        # A window that would start in the padding behind the tensor is no window.
        if node.get("ceil_mode", 0) and (out - 1) * stride >= size + before[at]:
            out -= 1
        found.append(out)
    return Window(kernel, strides, dilations, tuple(before), tuple(after), tuple(found))


def _cells(x: Array, window: Window, fill: float) -> tuple[Array, Array]:
    """``[cells, N, C, *sizes]``: what each cell of the window sees; and its flat index, or -1."""
    spatial = x.shape[2:]
    reach = [
        (out - 1) * stride + (k - 1) * dilation + 1
        for out, stride, k, dilation in zip(
            window.sizes, window.strides, window.kernel, window.dilations, strict=True
        )
    ]
    ends = [max(r - b - s, 0) for r, b, s in zip(reach, window.before, spatial, strict=True)]
    around = list(zip(window.before, ends, strict=True))
    padded = np.pad(x, [(0, 0), (0, 0), *around], constant_values=fill)
    places = np.pad(np.arange(math.prod(spatial)).reshape(spatial), around, constant_values=-1)
    values, flat = [], []
    for cell in itertools.product(*map(range, window.kernel)):
        cut: Any = tuple(
            slice(c * d, c * d + (out - 1) * s + 1, s)
            for c, d, out, s in zip(
                cell, window.dilations, window.sizes, window.strides, strict=True
            )
        )
        values.append(padded[(..., *cut)])
        flat.append(places[cut])
    return np.stack(values), np.stack(flat)


@exact("MaxPool")
def max_pool(node: Node, inputs: list[Value]) -> Value:
    """The largest in the window, and where it lies in the whole tensor."""
    x = inputs[0]
    work = x if x.dtype.kind in "iu" else x.astype(np.float64)
    least = np.iinfo(x.dtype).min if x.dtype.kind in "iu" else -math.inf
    window = _window(node, x.shape[2:], tuple(node.get("kernel_shape")))
    values, flat = _cells(work, window, least)
    y = values.max(axis=0).astype(x.dtype)
    if node.outputs == 1:
        return [y]
    inside = (flat >= 0)[:, None, None]
    masked = np.where(inside, values, least)
    best = np.argmax(masked, axis=0)  # the first of equal ones
    index = np.take_along_axis(
        np.broadcast_to(flat[:, None, None], values.shape), best[None], axis=0
    )[0]
    spatial = x.shape[2:]
    if node.get("storage_order", 0):
        index = np.ravel_multi_index(np.unravel_index(index, spatial), spatial, order="F")
    planes = np.arange(x.shape[0] * x.shape[1]).reshape(*x.shape[:2], *[1] * len(spatial))
    return [y, (planes * math.prod(spatial) + index).astype(np.int64)]


@real("AveragePool")
def average_pool(node: Node, inputs: list[Value]) -> Value:
    """The mean of the window: of what lies in the tensor, or in its pads too."""
    x = inputs[0]
    window = _window(node, x.shape[2:], tuple(node.get("kernel_shape")))
    total = _cells(x, window, 0.0)[0].sum(axis=0)
    counted = np.ones((1, 1, *x.shape[2:]))
    if node.get("count_include_pad", 0):
        around = list(zip(window.before, window.after, strict=True))
        counted = np.pad(counted, [(0, 0), (0, 0), *around], constant_values=1.0)
        window = window._replace(before=(0,) * len(around), after=(0,) * len(around))
    return total / _cells(counted, window, 0.0)[0].sum(axis=0)


@real("Conv")
def conv(node: Node, inputs: list[Value]) -> Value:
    """Cross-correlation, by PyTorch."""
    import torch
    from torch.nn import functional

    x, weight, bias = ([*inputs, None])[:3]
    window = _window(node, x.shape[2:], weight.shape[2:])
    around = list(zip(window.before, window.after, strict=True))
    padded = np.pad(x, [(0, 0), (0, 0), *around])
    kinds: dict[int, Any] = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
    if x.ndim - 2 not in kinds:
        raise NoFormulaError(f"{x.ndim - 2} spatial dims")
    parts = [None if p is None else torch.from_numpy(np.array(p)) for p in (padded, weight, bias)]
    return kinds[x.ndim - 2](
        *parts,
        stride=window.strides,
        dilation=window.dilations,
        groups=int(node.get("group", 1)),
    ).numpy()


@real("ConvTranspose")
def conv_transpose(node: Node, inputs: list[Value]) -> Value:
    """The whole of what PyTorch makes without pads, then cut to the pads."""
    import torch
    from torch.nn import functional

    x, weight, bias = ([*inputs, None])[:3]
    rank = x.ndim - 2
    kinds: dict[int, Any] = {
        1: functional.conv_transpose1d,
        2: functional.conv_transpose2d,
        3: functional.conv_transpose3d,
    }
    if rank not in kinds:
        raise NoFormulaError(f"{rank} spatial dims")
    strides, dilations = (list(node.get(n, [1] * rank)) for n in ("strides", "dilations"))
    full = kinds[rank](
        *(torch.from_numpy(np.array(part)) for part in (x, weight)),
        stride=strides,
        dilation=dilations,
        groups=int(node.get("group", 1)),
    ).numpy()
    extra = [int(e) for e in node.get("output_padding", [0] * rank)]
    full = np.pad(full, [(0, 0), (0, 0), *((0, e) for e in extra)])
    before, after = _cropped(node, full.shape[2:], x.shape[2:], strides)
    grown = [(max(-b, 0), max(-a, 0)) for b, a in zip(before, after, strict=True)]
    full = np.pad(full, [(0, 0), (0, 0), *grown])
    cut: Any = tuple(
        slice(max(b, 0), size - max(a, 0))
        for b, a, size in zip(before, after, full.shape[2:], strict=True)
    )
    y = full[(..., *cut)]
    return y if bias is None else y + bias.reshape(-1, *[1] * rank)


def _cropped(
    node: Node, full: tuple[int, ...], sizes: tuple[int, ...], strides: list[int]
) -> tuple[list[int], list[int]]:
    """What is cut off at both ends, as pads or as the size of the output say it."""
    rank, auto = len(sizes), node.get("auto_pad", "NOTSET")
    pads = [int(p) for p in node.get("pads", [0] * 2 * rank)]
    wanted = node.get("output_shape")
    if wanted is None and auto in {"SAME_UPPER", "SAME_LOWER"}:
        wanted = [size * stride for size, stride in zip(sizes, strides, strict=True)]
    if wanted is None:
        return (pads[:rank], pads[rank:]) if auto == "NOTSET" else ([0] * rank, [0] * rank)
    totals = [f - int(w) for f, w in zip(full, wanted[-rank:], strict=True)]
    less, more = [t // 2 for t in totals], [t - t // 2 for t in totals]
    return (less, more) if (auto == "SAME_UPPER") == (node.version >= 11) else (more, less)
