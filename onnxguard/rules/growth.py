"""How large a tensor a node asks for, as far as constants tell: a bound from below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import ceil, isnan, prod
from typing import NamedTuple

from onnxguard.model.constants import all_integers
from onnxguard.model.graph import Attribute, Graph, Node, Operator
from onnxguard.model.scopes import Scopes
from onnxguard.rules.sizes import (
    elements_of,
    first_dim,
    input_name,
    integer_list,
    integers,
    numbers,
    product,
    shape_of,
    whole,
)

LARGEST = float(1 << 63)
LARGEST_TRIPS = (1 << 63) - 1
"""How exporters write a Loop that its condition ends."""

Least = Callable[[Scopes, Graph, Node], int]


class Growth(NamedTuple):
    """The least elements that an operator's output has, and the inputs that say how many.

    ``of_data`` says that the first input is in the output: it counts as made of constants where
    that one is.
    """

    least: Least
    sizes: tuple[int, ...] = ()
    of_data: bool = False

    def asked(self, node: Node) -> list[bytes]:
        """The names of the inputs that say how many; ``scales`` has another place at first."""
        first = node.operator.op_type == "Resize" and len(node.inputs) == 2  # at opset 10
        sizes = (1,) if first else self.sizes
        return [node.inputs[at] for at in sizes if at < len(node.inputs) and node.inputs[at]]


def growth_of(operator: Operator) -> Growth | None:
    """How an operator grows; None for one whose output is no larger than what goes in."""
    domain, op_type, _ = operator
    return _GROWING.get(f"{domain}::{op_type}" if domain else op_type)


def hidden_size(scopes: Scopes, graph: Graph, node: Node, growth: Growth) -> str:
    """Why it is not known what a constant asks of a node; empty where it is, or none asks."""
    for name in growth.asked(node):
        static = scopes.static(graph, name, fold=True)
        if static.hidden:
            return static.source
    for attribute in node.attributes:
        if attribute.name in _LISTS and _is_cut(attribute):
            return f"a list of {max(attribute.counts):,} numbers"
    return ""


_LISTS = frozenset(
    b"dilations image_shape inputdimensions kernel_shape output_padding output_shape pads "
    b"pooled_shape scales shape strides".split()
)


def _is_cut(attribute: Attribute) -> bool:
    ints, floats, _ = attribute.counts
    return ints > len(attribute.ints) or floats > len(attribute.floats)


# -- sizes that are asked for ----------------------------------------------------------------------


def _shape_input(position: int) -> Growth:
    return Growth(lambda s, graph, node: product(integers(s, graph, node, position)), (position,))


def _cropped(scopes: Scopes, graph: Graph, node: Node) -> int:
    return product(integers(scopes, graph, node, 1))


def _shape_attribute(name: bytes) -> Growth:
    return Growth(lambda _scopes, _graph, node: product(integer_list(node, name)))


def _per_row(*names: bytes) -> Growth:
    """So many columns as the attributes say, for each row of the first input."""
    return Growth(
        lambda s, graph, node: first_dim(s, graph, node) * prod(whole(node, n) for n in names)
    )


def _times(scopes: Scopes, graph: Graph, node: Node) -> int:
    times = product(integers(scopes, graph, node, 1))
    return times * elements_of(scopes, graph, input_name(node, 0))


def _resize(scopes: Scopes, graph: Graph, node: Node) -> int:
    """``sizes``, else ``scales``: an input of its own place before opset 11, once an attribute."""
    sizes = product(integers(scopes, graph, node, 3))
    if sizes:
        policy = node.attribute(b"keep_aspect_ratio_policy")
        in_proportion = policy is not None and policy.s == b"not_smaller"
        return max(sizes, _in_proportion(scopes, graph, node)) if in_proportion else sizes
    old = node.operator.op_type == "Upsample" or len(node.inputs) == 2
    scales: tuple[float, ...] = scopes.floats(graph, input_name(node, 1 if old else 2))
    given = node.attribute(b"scales")
    if not scales and given is not None:
        scales = given.floats or given.ints
    grown = prod(max(scale, 1.0) for scale in scales if not isnan(scale))
    if grown <= 1:
        return 0
    return int(min(grown * elements_of(scopes, graph, input_name(node, 0)), LARGEST))


def _in_proportion(scopes: Scopes, graph: Graph, node: Node) -> int:
    """What ``sizes`` call for where all axes grow as much as the one that grows most."""
    sizes, axes = integers(scopes, graph, node, 3), node.attribute(b"axes")
    dims = shape_of(scopes, graph, input_name(node, 0))
    chosen = axes.ints if axes is not None else range(len(dims))
    grown = [dims[axis] for axis in chosen if -len(dims) <= axis < len(dims)]
    if len(grown) != len(sizes) or not all(grown):
        return 0
    factor = max(size / dim for size, dim in zip(sizes, grown, strict=True))
    return product(int(min(dim * factor, LARGEST)) for dim in grown)


def _pad(scopes: Scopes, graph: Graph, node: Node) -> int:
    """``pads``: an input, an attribute before opset 11; of the axes that a later input names."""
    pads = integers(scopes, graph, node, 1) or integer_list(node, b"pads")
    before, after = pads[: len(pads) // 2], pads[len(pads) // 2 :]
    added = [max(a, 0) + max(b, 0) for a, b in zip(before, after, strict=False)]
    dims = [max(dim, 1) for dim in shape_of(scopes, graph, input_name(node, 0))]
    axes = integers(scopes, graph, node, 3) or range(len(added))
    if len(axes) != len(added) or not all(-len(dims) <= axis < len(dims) for axis in axes):
        return product(1 + more for more in added)
    for axis, more in zip(axes, added, strict=True):
        dims[axis] += more
    return product(dims)


def _range(scopes: Scopes, graph: Graph, node: Node) -> int:
    start, limit, delta = (numbers(scopes, graph, node, position) for position in range(3))
    delta = delta or (1,) * (len(node.inputs) == 2)  # one of ONNX Runtime's own
    if not len(start) == len(limit) == len(delta) == 1 or not delta[0]:
        return 0
    elements = (limit[0] - start[0]) / delta[0]
    return max(ceil(min(elements, LARGEST)), 0) if not isnan(elements) else 0


def _mel(scopes: Scopes, graph: Graph, node: Node) -> int:
    bins, length = (integers(scopes, graph, node, position) for position in range(2))
    return product((*bins, *(size // 2 + 1 for size in length)))


def _regions(*sizes: bytes) -> Growth:
    """So many elements as the attributes say, for each region of interest."""

    def least(scopes: Scopes, graph: Graph, node: Node) -> int:
        asked = [n for name in sizes for n in (integer_list(node, name) or (whole(node, name),))]
        return first_dim(scopes, graph, node, 1) * product(asked)

    return Growth(least)


def _crops(scopes: Scopes, graph: Graph, node: Node) -> int:
    return first_dim(scopes, graph, node, 1) * product(integers(scopes, graph, node, 3))


def _vocabulary(scopes: Scopes, graph: Graph, node: Node) -> int:
    """A column for each number up to the largest of ``ngram_indexes``."""
    indexes = node.attribute(b"ngram_indexes")
    if indexes is None:
        return 0
    places: Sequence[int] = indexes.ints
    if _is_cut(indexes):
        places = all_integers(scopes.model, node, b"ngram_indexes", indexes.counts[0])
    rows = shape_of(scopes, graph, input_name(node, 0))[:-1]
    return (max(places) + 1) * max(product(rows), 1) if places else 0


def _features(scopes: Scopes, graph: Graph, node: Node) -> int:
    columns = sum(max(size, 0) for size in integer_list(node, b"inputdimensions"))
    return first_dim(scopes, graph, node) * columns


def _chosen(scopes: Scopes, graph: Graph, node: Node) -> int:
    rows = product(shape_of(scopes, graph, input_name(node, 0))[:-1])
    return max(rows, 1) * elements_of(scopes, graph, input_name(node, 1))


def _classes(scopes: Scopes, graph: Graph, node: Node) -> int:
    """A score for each class, for each row."""
    labels = [max(a.counts) for a in node.attributes if a.name.startswith(b"classlabels_")]
    return first_dim(scopes, graph, node) * max(labels, default=0)


def _frames(scopes: Scopes, graph: Graph, node: Node) -> int:
    """Of each frame of a signal half of what it holds, complex."""
    signal = shape_of(scopes, graph, input_name(node, 0))[1:2]
    step = integers(scopes, graph, node, 1)
    length = integers(scopes, graph, node, 3) or shape_of(scopes, graph, input_name(node, 2))
    if not signal or len(step) != 1 or len(length) != 1 or min(*step, *length) < 1:
        return 0
    return max((signal[0] - length[0]) // step[0] + 1, 0) * (length[0] // 2 + 1) * 2


def _across(scopes: Scopes, graph: Graph, node: Node) -> int:
    """The maps that ONNX Runtime adds for an LRN's ``size``."""
    return whole(node, b"size") * max(product(shape_of(scopes, graph, input_name(node, 0))[2:]), 1)


def _stacked(scopes: Scopes, graph: Graph, node: Node) -> int:
    """What a Loop keeps of each round, of its largest scan output."""
    trips, body = integers(scopes, graph, node, 0), node.attribute(b"body")
    if len(trips) != 1 or body is None or not body.graphs:
        return 0
    kept = body.graphs[0].outputs[max(len(node.inputs) - 1, 1) :]
    sizes = [elements_of(scopes, body.graphs[0], value.name) for value in kept]
    return max(trips[0], 0) * max(sizes) if sizes and trips[0] < LARGEST_TRIPS else 0


def _categories(scopes: Scopes, graph: Graph, node: Node) -> int:
    counts = [max(a.counts) for a in node.attributes if a.name in (b"cats_int64s", b"cats_strings")]
    return max(counts, default=0) * elements_of(scopes, graph, input_name(node, 0))


# -- windows ---------------------------------------------------------------------------------------


def _window(weights: int | None = None) -> Growth:
    """A window over an axis and its ``pads``; one of weights has their shape, and a map for each.

    An input whose shape is not known is taken for one element, and so are weights.
    """

    def least(scopes: Scopes, graph: Graph, node: Node) -> int:
        given = {attribute.name: attribute.ints for attribute in node.attributes}
        kernel, pads = given.get(b"kernel_shape", ()), given.get(b"pads", ())
        dims: tuple[int, ...] = ()
        if weights is not None and not kernel:
            dims = shape_of(scopes, graph, input_name(node, weights))
        kernel = kernel or dims[2:] or (1,) * (len(pads) // 2)
        size = _padded(kernel, pads, given.get(b"strides", ()), given.get(b"dilations", ()))
        if size > 1 and weights is not None:  # it is larger than what goes in
            dims = dims or shape_of(scopes, graph, input_name(node, weights))
            size *= max(*dims[:1], 1, 1)
        return size if size > 1 else 0

    return Growth(least, of_data=True)


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
    return product(
        (a + b - dilation * (size - 1)) // max(stride, 1) + 1
        for size, a, b, stride, dilation in zip(
            kernel, pads, pads[axes:], strides, dilations, strict=False
        )
    )


def _spread(scopes: Scopes, graph: Graph, node: Node) -> int:
    """A window that each element is spread over, of a map for each column of the weights."""
    given = {attribute.name: attribute.ints for attribute in node.attributes}
    weights = shape_of(scopes, graph, input_name(node, 1))
    maps, kernel = 1, given.get(b"kernel_shape", ())
    if node.operator.op_type == "ConvTranspose":
        maps = max(*weights[1:2], 1, 1) * max(whole(node, b"group"), 1)
        kernel, asked = kernel or weights[2:], product(given.get(b"output_shape", ()))
    else:
        asked = product(integers(scopes, graph, node, 2))
    dims = [max(dim, 1) for dim in shape_of(scopes, graph, input_name(node, 0))[2:]]
    axes = len(kernel) or len(given.get(b"strides", ()))
    dims, kernel = dims or [1] * axes, kernel or (1,) * axes
    strides = given.get(b"strides") or (1,) * axes
    pads = given.get(b"pads") or (0,) * (2 * axes)
    dilations = given.get(b"dilations") or (1,) * axes
    extra = given.get(b"output_padding") or (0,) * axes
    spread = [
        stride * (dim - 1) + more + (size - 1) * dilation + 1 - a - b
        for dim, size, stride, dilation, more, a, b in zip(
            dims, kernel, strides, dilations, extra, pads, pads[axes:], strict=False
        )
    ]
    same = (node.attribute(b"auto_pad") or Attribute(b"")).s or b""
    if same.startswith(b"SAME"):
        whole_steps = [dim * stride for dim, stride in zip(dims, strides, strict=False)]
        spread = list(map(min, spread, whole_steps))
    return maps * max(asked, product(spread))


_GROWING: dict[str, Growth] = {
    "AffineGrid": _shape_input(1),
    "BlackmanWindow": _shape_input(0),
    "CenterCropPad": Growth(_cropped, (1,), of_data=True),
    "Col2Im": _shape_input(1),
    "ConstantOfShape": _shape_input(0),
    "ConvTranspose": Growth(_spread, of_data=True),
    "DFT": _shape_input(1),
    "Expand": _shape_input(1),
    "LRN": Growth(_across, of_data=True),
    "Loop": Growth(_stacked),
    "STFT": Growth(_frames, (1, 3)),
    "HammingWindow": _shape_input(0),
    "HannWindow": _shape_input(0),
    "MaxRoiPool": _regions(b"pooled_shape"),
    "MaxUnpool": Growth(_spread, (2,), of_data=True),
    "MelWeightMatrix": Growth(_mel, (0, 1)),
    "Multinomial": _per_row(b"sample_size"),
    "OneHot": Growth(_times, (1,)),
    "Pad": Growth(_pad, (1,), of_data=True),
    "RandomNormal": _shape_attribute(b"shape"),
    "RandomUniform": _shape_attribute(b"shape"),
    "Range": Growth(_range, (0, 1, 2)),
    "Resize": Growth(_resize, (2, 3), of_data=True),
    "RoiAlign": _regions(b"output_height", b"output_width"),
    "TfIdfVectorizer": Growth(_vocabulary),
    "Tile": Growth(_times, (1,)),
    "Upsample": Growth(_resize, (1,), of_data=True),
    "ai.onnx.ml::ArrayFeatureExtractor": Growth(_chosen),
    "ai.onnx.ml::CastMap": _per_row(b"max_map"),
    "ai.onnx.ml::FeatureVectorizer": Growth(_features),
    "ai.onnx.ml::OneHotEncoder": Growth(_categories),
    "ai.onnx.ml::TreeEnsemble": _per_row(b"n_targets"),
    "ai.onnx.ml::TreeEnsembleRegressor": _per_row(b"n_targets"),
    "com.microsoft::CropAndResize": Growth(_crops, (3,)),
    "com.microsoft::Pad": Growth(_pad, (1,), of_data=True),
    "com.microsoft::Range": Growth(_range, (0, 1, 2)),
}
_GROWING |= {
    f"ai.onnx.ml::{name}": Growth(_classes)
    for name in ("LinearClassifier", "SVMClassifier", "TreeEnsembleClassifier")
}
_GROWING |= dict.fromkeys(("AveragePool", "LpPool", "MaxPool"), _window())
_GROWING |= dict.fromkeys(("Conv", "ConvInteger", "DeformConv"), _window(1))
_GROWING["QLinearConv"] = _window(3)
_MICROSOFT = {"FusedConv": "Conv", "NhwcFusedConv": "Conv", "QLinearConv": "QLinearConv"}
_MICROSOFT |= dict.fromkeys(("MaxpoolWithMask", "NhwcMaxPool", "QLinearAveragePool"), "MaxPool")
_GROWING |= {f"com.microsoft::{name}": _GROWING[like] for name, like in _MICROSOFT.items()}
_GROWING |= {
    f"com.microsoft.nchwc::{name}": _GROWING[name]
    for name in ("AveragePool", "Conv", "MaxPool", "Upsample")
}
