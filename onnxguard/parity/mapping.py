"""Which tensor of the reference a node's output should be.

A node that is right gives a tensor that the reference has too: the values tell which. For a node
that is wrong, the exporters' hints do: scopes in node names (TorchScript), ``name_scopes`` in the
metadata (torch.export), the names of weights. Where several tensors fit a hint, the order of
computation decides, provided that there are as many tensors as nodes.
"""

from __future__ import annotations

import ast
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import onnx

from onnxguard.parity.trace import PRODUCT, Recorded
from onnxguard.running.comparison import Array, distances, is_floating, same_extremes

BATCH_NORMS = frozenset(
    {"batch_norm", "native_batch_norm", "cudnn_batch_norm", "BatchNormalization"}
    | {
        "_native_batch_norm_legit_no_training",
        "_native_batch_norm_legit",
        "_batch_norm_with_update",
    }
)
"""What an exporter folds into the convolution before it, whose node then has the norm's value."""

_FOLDED_INTO = frozenset({"Conv", "ConvTranspose", "Gemm"})
"""What takes a norm in; torch.export's node then has the norm's scope as well."""

_CONVOLUTIONS = frozenset({"convolution", "_convolution", "mkldnn_convolution"})

KINDS: dict[str, frozenset[str]] = {
    "Conv": _CONVOLUTIONS | {"conv1d", "conv2d", "conv3d"},
    "ConvTranspose": _CONVOLUTIONS | {"conv_transpose1d", "conv_transpose2d", "conv_transpose3d"},
    "MaxPool": frozenset(
        {"max_pool1d", "max_pool2d", "max_pool3d", "mkldnn_max_pool2d", "mkldnn_max_pool3d"}
        | {"max_pool2d_with_indices", "max_pool3d_with_indices"}
    ),
    "AveragePool": frozenset({"avg_pool1d", "avg_pool2d", "avg_pool3d"}),
    "Resize": frozenset(
        f"upsample_{kind}" for kind in ("nearest1d", "nearest2d", "nearest3d", "linear1d")
    )
    | {"upsample_bilinear2d", "upsample_bicubic2d", "upsample_trilinear3d"},
    "Concat": frozenset({"cat", "stack"}),
    "Gather": frozenset({"embedding"}),
    # PyTorch's products are exported as Gemm or as MatMul, and nodes are paired with tensors only
    # where there are as many: the two are counted together. Another graph has Gemm itself.
    "Gemm": frozenset(),
    "MatMul": frozenset({"mm", "bmm", "matmul", PRODUCT}),
    "BatchNormalization": BATCH_NORMS,
    "LayerNormalization": frozenset({"native_layer_norm", "layer_norm"}),
    "Relu": frozenset({"relu"}),
    "LeakyRelu": frozenset({"leaky_relu"}),
    "PRelu": frozenset({"_prelu_kernel", "prelu"}),
    "Elu": frozenset({"elu"}),
    "Gelu": frozenset({"gelu"}),
    "HardSigmoid": frozenset({"hardsigmoid"}),
    "HardSwish": frozenset({"hardswish"}),
    "Sigmoid": frozenset({"sigmoid"}),
    "Softplus": frozenset({"softplus"}),
    "Softmax": frozenset({"_softmax", "softmax"}),
    "LogSoftmax": frozenset({"_log_softmax", "log_softmax"}),
    "Tanh": frozenset({"tanh"}),
}
"""Operators that an exporter writes for one operator of PyTorch and for little else, so that order
identifies them. Arithmetic is not among them: it is also what larger operators become."""

_CASTS = frozenset({"_to_copy", "Cast", "CastLike"})
"""What changes a value's type alone, in PyTorch or ONNX."""

_TRAILING = {"mm": 1, "addmm": 1, PRODUCT: 1, "bmm": 2}
"""PyTorch flattens all dims but so many before it multiplies matrices; ONNX does not."""

_SCOPES = "pkg.torch.onnx.name_scopes"
ABOUT = 1e-2
"""Off by this share of its spread a tensor is known for what it stands for."""
_GLANCE = 16
"""Elements that are looked at before two tensors are compared in full."""

Meant = tuple[Recorded, ...]
"""The tensors of which a node's output should be one, by the hints."""


class Counterpart(NamedTuple):
    """A tensor of the reference that a node's output stands for, in the output's shape."""

    record: Recorded
    value: Array


class Counterparts:
    """Finds counterparts among what one run of the reference computed."""

    def __init__(self, records: Sequence[Recorded]) -> None:
        self._records = records
        self._by_shape: dict[tuple[int, ...], list[Recorded]] = defaultdict(list)
        self._followers: dict[int, list[int]] = defaultdict(list)
        for position, record in enumerate(records):
            self._by_shape[record.value.shape].append(record)
            for source in record.sources:
                self._followers[source].append(position)
        self._modules = {record.module for record in records}
        self._scopes = {record.scope for record in records}
        self._is_graph = any(record.kind in KINDS for record in records)

    def find(
        self, meant: Meant, value: Array, tolerance: float, fed: Collection[Array] = ()
    ) -> Counterpart | None:
        """Look up what an output of a node should be.

        Args:
            meant: of ``expected``.
            value: what the node made of the reference's tensors.
            tolerance: within this a value is the same.
            fed: what the node was fed: what is meant is not what went in.

        Returns:
            The counterpart; None where nothing fits beyond doubt.
        """
        if not is_floating(value.dtype) or not value.size:
            return None
        hinted = list(_in_shape(meant, value))
        others = [
            record
            for record in self._by_shape[value.shape]
            if not hinted or all(record.value is not array for array in fed)
        ]
        for candidates in (hinted, _in_shape(others, value)):
            same = [c for c in candidates if _glance(c, value, tolerance)]
            best = min(((_apart(c, value), n) for n, c in enumerate(same)), default=(math.inf, 0))
            if best[0] <= tolerance:
                return same[best[1]]
        # What computes in another precision than the reference is measured, not refused.
        hinted = hinted or list(_in_shape(meant, value, alike=False))
        return min(hinted, key=lambda counterpart: _apart(counterpart, value), default=None)

    def behind(self, data: Array) -> Array | None:
        """The reference's tensor that stands where a graph has this one, in its shape.

        Returns:
            The nearest of its size, which may be off by ``ABOUT`` of the spread; None where there
            is none, or where all values are alike. Integers, which are not recorded, themselves.
        """
        finite = data[np.isfinite(data)]
        spread = float(np.ptp(finite.astype(np.float64))) if finite.size else 0.0
        if not spread:
            return None
        if not is_floating(data.dtype):
            return data
        values = [r.value for r in self._records if r.value.size == data.size]
        near = [(_distance_of(v.reshape(data.shape), data), n) for n, v in enumerate(values)]
        apart, best = min(near, default=(math.inf, 0))
        return values[best].reshape(data.shape) if apart <= ABOUT * spread else None

    def expected(self, graph: onnx.GraphProto) -> dict[str, Meant]:
        """For first outputs of nodes that have a hint: the tensors that they should be one of."""
        weights = {tensor.name for tensor in graph.initializer}
        readers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        groups: dict[tuple[str, str, str], list[int]] = defaultdict(list)
        alone: dict[tuple[str, str], list[int]] = defaultdict(list)
        for index, node in enumerate(graph.node):
            for name in node.input:
                readers[name].append(node)
            if node.output and node.domain in ("", "ai.onnx") and node.op_type != "Constant":
                hint = self._hint(node, weights)
                alone[hint].append(index)
                if node.op_type in KINDS:
                    groups[(self._family(node.op_type), *hint)].append(index)
        pairs: dict[int, int] = {}
        left: dict[str, list[int]] = defaultdict(list)
        for (family, by, place), nodes in groups.items():
            places = self._places(family, by, place) if by else []
            if len(places) == len(nodes):
                pairs |= dict(zip(nodes, places, strict=True))
            else:
                left[family] += nodes
        for family, nodes in left.items():
            taken = set(pairs.values())
            places = [p for p in self._places(family, "", "") if p not in taken]
            if len(places) == len(nodes):
                pairs |= dict(zip(sorted(nodes), places, strict=True))
        for (by, place), nodes in alone.items():
            here = self._here(by, place) if by and len(nodes) == 1 else []
            here = [p for p in here if self._records[p].kind not in _CASTS]
            if graph.node[nodes[0]].op_type in _CASTS:
                continue  # it has its input's value, and a record of its own
            if len(here) == 1 and not self._is_graph:
                pairs.setdefault(nodes[0], here[0])
        expected: dict[str, Meant] = {}
        for index, position in sorted(pairs.items()):
            expected |= self._meant(graph.node[index], position, readers, weights)
        return expected

    def _meant(
        self,
        node: onnx.NodeProto,
        position: int,
        readers: Mapping[str, Sequence[onnx.NodeProto]],
        weights: set[str],
    ) -> dict[str, Meant]:
        """What a node that stands for a record should give, and the node that adds its bias."""
        name, record = node.output[0], self._records[position]
        followed = {reader.op_type for reader in readers[name]}
        if self._is_graph and followed != self._kinds_after(position):
            return {}  # the graphs are optimised differently: one node may hold more
        if record.kind == PRODUCT:
            biased = self._records[position + 1]
            if node.op_type == "Gemm":
                return {name: (biased,)}
            adders = [r for r in readers[name] if r.op_type == "Add" and weights & {*r.input}]
            return {name: (record,)} | {adder.output[0]: (biased,) for adder in adders}
        return {name: self._folded(position, followed) or (record,)}

    def _family(self, op_type: str) -> str:
        return "MatMul" if op_type == "Gemm" and not self._is_graph else op_type

    def _here(self, by: str, place: str) -> list[int]:
        return [
            position
            for position, record in enumerate(self._records)
            if not by or getattr(record, by) == place
        ]

    def _places(self, family: str, by: str, place: str) -> list[int]:
        here = self._here(by, place)
        kinds = KINDS[family] | {family}
        places = [position for position in here if self._records[position].kind in kinds]
        if by and not places and family in _FOLDED_INTO:
            return [position for position in here if self._records[position].kind in BATCH_NORMS]
        return places

    def _kinds_after(self, position: int) -> set[str]:
        return {self._records[follower].kind for follower in self._followers[position]}

    def _folded(self, position: int, followed: set[str]) -> Meant:
        """The batch norms that were folded into a node: the graph has none behind it."""
        if "BatchNormalization" in followed:
            return ()
        after = (self._records[follower] for follower in self._followers[position])
        return tuple(record for record in after if record.kind in BATCH_NORMS)

    def _hint(self, node: onnx.NodeProto, weights: set[str]) -> tuple[str, str]:
        """``(field of a record, its value)``; two empty texts where there is no hint."""
        for prop in node.metadata_props:
            if prop.key == _SCOPES:
                module = _module_of(prop.value)
                if module in self._modules:
                    return "module", module
        scope = node.name.rpartition("/")[0]
        if node.name.startswith("/") and scope in self._scopes:
            return "scope", scope
        for name in node.input:
            module = name.rpartition(".")[0]
            if module and name in weights and module in self._modules:
                return "module", module
        return "", ""


def _module_of(scopes: str) -> str:
    """The module's path in a ``name_scopes`` text, ``['', 'enc1a', 'enc1a.0', 'conv2d']``."""
    try:
        names = ast.literal_eval(scopes)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return "\0"
    if not isinstance(names, list) or len(names) < 2 or not isinstance(names[-2], str):
        return "\0"
    return names[-2].partition("@")[0]  # conv@1 is the second call of conv


def _in_shape(
    records: Iterable[Recorded], wanted: Array, alike: bool = True
) -> Iterator[Counterpart]:
    """Those of a value's shape, and of its dtype if ``alike``, or else of another precision."""
    shape = wanted.shape
    for record in records:
        value, kept = record.value, _TRAILING.get(record.kind, 0)
        if (value.dtype == wanted.dtype) is not alike or not is_floating(value.dtype):
            continue
        if value.shape == shape:
            yield Counterpart(record, value)
        elif kept and value.size == math.prod(shape) and value.shape[-kept:] == shape[-kept:]:
            yield Counterpart(record, value.reshape(shape))


def _glance(counterpart: Counterpart, value: Array, tolerance: float) -> bool:
    places = np.linspace(0, value.size - 1, _GLANCE).astype(np.intp)
    with np.errstate(invalid="ignore", over="ignore"):
        a, b = counterpart.value.flat[places], value.flat[places]
        near = (distances(a, b) <= tolerance) | same_extremes(a, b)
    return bool(near.all())


def _apart(counterpart: Counterpart, value: Array) -> float:
    return _distance_of(counterpart.value, value)


def _distance_of(expected: Array, value: Array) -> float:
    """The largest distance of two floating arrays of a shape; infinite where only one is NaN."""
    with np.errstate(invalid="ignore", over="ignore"):
        gaps = distances(expected, value)
        if not np.isfinite(gaps).all():
            gaps[same_extremes(expected, value)] = 0
        largest = float(gaps.max())
    return math.inf if math.isnan(largest) else largest
