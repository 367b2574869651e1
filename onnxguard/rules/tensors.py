"""The tensors of a model, and those that its constants call for (OG301 to OG306)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache, partial
from math import inf, prod
from typing import NamedTuple

from onnxguard.base.findings import Severity
from onnxguard.base.printable import printable
from onnxguard.model.constant_nodes import constant_dtype, constant_value
from onnxguard.model.constants import CONSTANT, data_count
from onnxguard.model.graph import Graph, Node, Tensor
from onnxguard.model.messages import DTYPES, TENSOR, dtype_name
from onnxguard.model.survey import Survey
from onnxguard.model.type_names import elements_of
from onnxguard.policy.allowlist import Allowlist, DtypeRule
from onnxguard.rules import called_for, following
from onnxguard.rules.collector import Found, PlaceOf

_DTYPE_ATTRIBUTE = {"Cast": b"to"} | dict.fromkeys(
    ("RandomNormal", "RandomUniform", "EyeLike", "Multinomial", "SequenceEmpty", "Bernoulli"),
    b"dtype",
)
_DTYPE_ATTRIBUTE |= dict.fromkeys(("QuantizeLinear", "DequantizeLinear"), b"output_dtype")
"""Operators whose output has the dtype of an attribute."""

_TYPED = {1: 4, 14: 4, 11: 10, 15: 10, 7: 7, 12: 11, 13: 11, 8: 6}
"""dtype -> the typed field that holds it; int32_data (5) for all others."""

_STRING = 8
_PER_VALUE = {14: 0.5, 15: 0.5, 21: 2, 22: 2, 23: 2, 25: 4, 26: 4}
"""Elements per value of the typed field, where it is not one."""


def check(survey: Survey, policy: Allowlist, found: Found) -> None:
    """Check what tensors declare, and what the shapes made of constants call for."""
    sound = _sound(policy.dtypes, policy.limit("tensor_elements"), policy.limit("tensor_rank"))
    suspect = partial(_is_suspect, sound)
    for tensor, place_of in survey.model.tensors(suspect):
        _shape(tensor.dims, "a tensor", place_of, policy, found)
        _dtype(tensor.dtype, place_of, policy, found)
        _data(survey, tensor, place_of, found)
    dense = any(default.sparse for f in survey.model.functions for default in f.defaults)
    for graph in survey.model.graphs:
        dense = dense or bool(graph.sparse_initializers)
        for index, sparse in enumerate(graph.sparse_initializers):
            place = graph.place(f"sparse_initializer {index}", sparse.start, sparse.end)
            _shape(sparse.dims, "a sparse tensor", place, policy, found)
            if sparse.values is None or sparse.indices is None:
                message = "a sparse tensor lacks its values or indices"
                found.add("OG303", message, place, hint="export the model again")
        for node in graph.nodes:
            for attribute in node.attributes:
                for sparse in attribute.sparse:
                    dense = True
                    place = graph.place("sparse attribute", sparse.start, sparse.end)
                    _shape(sparse.dims, "a sparse tensor", place, policy, found)
        _values(graph, policy, found)
    rule = policy.dtypes
    for graph, index in survey.constants if rule and not rule.admits("string") else ():
        if constant_dtype(graph.nodes[index]) == _STRING:
            message = f"string values, allowed is {rule}"
            hint = "convert the values before the export"
            found.add("OG306", message, partial(graph.node_place, index), hint=hint)
    _given(survey, policy, found)
    _converted(survey, policy, found)
    if rule is not None:
        _made(survey, rule, found)
    following.check(survey, policy, found, called_for.check(survey, policy, found, dense))


class _Sound(NamedTuple):
    """What a tensor may be without a second look: bits by dtype, most elements, most dimensions."""

    bits: dict[int, int]
    elements: float
    rank: float


@lru_cache(maxsize=16)
def _sound(dtypes: DtypeRule | None, elements: int | None, rank: int | None) -> _Sound:
    bits = {
        code: bits
        for code, (name, bits) in DTYPES.items()
        if bits and (dtypes is None or dtypes.admits(name))
    }
    return _Sound(bits, inf if elements is None else elements, inf if rank is None else rank)


def _is_suspect(sound: _Sound, tensor: Tensor) -> bool:
    """Whether anything could be wrong with a tensor: a quick no for nearly all of them."""
    _, dtype, dims, elements, data, external, is_outside, _, _ = tensor
    if len(data) != 1 or external or is_outside:
        return True
    field, _, start, end, _ = data[0]
    return (
        field != 9
        or sound.bits.get(dtype, 0) * elements != (end - start) * 8
        or not 0 <= elements <= sound.elements
        or len(dims) > sound.rank
    )


def _shape(dims: Sequence[int], what: str, place: PlaceOf, policy: Allowlist, found: Found) -> None:
    rank, limit = policy.limits.get("tensor_rank"), policy.limits.get("tensor_elements")
    if rank is not None and len(dims) > rank.value:
        message = f"{what} has {len(dims)} dimensions, {rank.value} are allowed"
        found.add("OG302", message, place, hint="reshape it", adr=rank.decision.label)
    if any(dim < 0 for dim in dims):
        message = f"{what} has a negative dimension: {_dims(dims)}"
        hint = "declare an unknown size by a name, not by a number"
        found.add("OG302", message, place, hint=hint)
        return
    count = prod(dims)
    if limit is not None and count > limit.value:
        over = ", more than an int64 holds" if count >= 1 << 63 else ""
        shown = f"{count:,}" if count < 1 << 63 else f"2**{count.bit_length() - 1}"
        message = f"{what} of shape {_dims(dims)} has {shown} elements{over}"
        message += f", {limit.value:,} are allowed"
        found.add("OG301", message, place, hint="use a smaller shape", adr=limit.decision.label)


def _dims(dims: Iterable[int]) -> str:
    shown = [str(dim) for _, dim in zip(range(9), dims, strict=False)]
    return f"[{', '.join(shown[:8])}{', ...' if len(shown) > 8 else ''}]"


def _dtype(code: int, place: PlaceOf, policy: Allowlist, found: Found, once: object = None) -> None:
    if code == 0 or code not in DTYPES:
        message = f"a tensor's dtype is {dtype_name(code)}"
        found.add("OG305", message, place, hint="export the model again", once=once)
    elif policy.dtypes is not None and not policy.dtypes.admits(dtype_name(code)):
        message = f"{dtype_name(code)} values, allowed is {policy.dtypes}"
        hint = "convert the values before the export"
        found.add("OG306", message, place, hint=hint, once=once)


def _data(survey: Survey, tensor: Tensor, place: PlaceOf, found: Found) -> None:
    sources = [TENSOR.fields[number].name for number in sorted({d.field for d in tensor.data})]
    if tensor.is_external:
        sources.append("external_data")
    if len(sources) > 1:
        message = f"a tensor's values are given twice: {' and '.join(sources)}"
        hint = "runtimes differ in which they take: keep one"
        found.add("OG304", message, place, hint=hint)
        return
    count = tensor.elements
    if count < 0 or tensor.is_external or tensor.dtype not in DTYPES:
        return
    field = tensor.data[0].field if tensor.data else 0
    typed = _TYPED.get(tensor.dtype, 5)
    if field and field not in (9, typed):
        message = f"{dtype_name(tensor.dtype)} values are stored in {sources[0]}"
        message += f", they belong in {TENSOR.fields[typed].name}"
        found.add("OG303", message, place, hint="export the model again")
        return
    if field == 9:
        bits = DTYPES[tensor.dtype][1]
        held, wanted, unit = _bytes(tensor), (count * bits + 7) // 8, "bytes"
        if tensor.dtype == 8:
            wanted = -1  # strings have no raw form
    else:
        per_value = _PER_VALUE.get(tensor.dtype, 1)
        held = sum(data_count(survey.model, data, tensor.dtype) or 0 for data in tensor.data)
        wanted, unit = -int(-count // per_value), "values"
    if held != wanted:
        message = f"a tensor of shape {_dims(tensor.dims)} and dtype {dtype_name(tensor.dtype)}"
        message += f" holds {held:,} {unit} instead of {max(wanted, 0):,}"
        hint = "the file is damaged or was edited: export it again"
        found.add("OG303", message, place, hint=hint)


def _bytes(tensor: Tensor) -> int:
    return sum(data.end - data.start for data in tensor.data)


def _values(graph: Graph, policy: Allowlist, found: Found) -> None:
    checked: set[tuple[int, object]] = set()
    for value in (*graph.inputs, *graph.outputs, *graph.values):
        key = value.type.dtype, (value.type.dims, value.type.keys)
        if key in checked:
            continue
        checked.add(key)
        item = f'value "{printable(value.name)}"'
        place = partial(graph.place, item, value.start, value.end)
        dims = value.type.dims or ()
        sizes = [dim for dim in dims if isinstance(dim, int)]
        known = [size for size in sizes if size != -1]
        if len(known) < len(sizes):  # as Paddle writes it
            message = f"a value has the dimension -1, taken for an unknown one: {_dims(sizes)}"
            hint = "declare an unknown size by a name, not by a number"
            found.add("OG302", message, place, hint=hint, severity=Severity.WARNING)
        if len(dims) > (policy.limit("tensor_rank") or len(known)):
            known += [1] * (len(dims) - len(known))
        _shape(known, "a value", place, policy, found)
        if value.type.dtype:
            _dtype(value.type.dtype, place, policy, found)
        for code in filter(None, value.type.keys):
            _dtype(code, place, policy, found)


def _given(survey: Survey, policy: Allowlist, found: Found) -> None:
    """Check the strings that a call gives for the Constants of a function."""
    if policy.dtypes is None or policy.dtypes.admits("string"):
        return
    for view in survey.inlining.views:
        if view.scopes is survey.scopes or CONSTANT not in survey.counts[id(view.graph)]:
            continue
        for index, node in enumerate(view.graph.nodes):
            bound = view.scopes.bound(node) if node.operator == CONSTANT else node
            if bound is not node and constant_value(survey.model, bound)[0] == "string":
                place = partial(view.graph.node_place, index)
                _dtype(8, place, policy, found, once=view.node(index))


def _converted(survey: Survey, policy: Allowlist, found: Found) -> None:
    """Check the dtypes that nodes turn values into."""
    converting = {op for op in survey.operators if not op.domain and op.op_type in _DTYPE_ATTRIBUTE}
    for view in survey.inlining.views if converting else ():
        graph = view.graph
        if converting.isdisjoint(survey.counts[id(graph)]):
            continue
        for index, node in enumerate(graph.nodes):
            if node.operator in converting:
                bound = view.scopes.bound(node)
                attribute = bound.attribute(_DTYPE_ATTRIBUTE[node.operator.op_type])
                if attribute is None or not attribute.i:
                    continue
                if attribute.i not in DTYPES or not _is_typed(survey, graph, node):
                    place = partial(graph.node_place, index)
                    _dtype(attribute.i, place, policy, found, once=view.node(index))


def _is_typed(survey: Survey, graph: Graph, node: Node) -> bool:
    """Whether it is known what comes out of a node, so that ``_made`` judges it."""
    tables = survey.scopes.types.tables.get(id(graph), ())
    return any(table.get(name) for name in node.outputs for table in tables)


_STORED = frozenset({"Constant", "ConstantOfShape"})
"""Operators whose values are judged as the tensors that they are."""


def _made(survey: Survey, rule: DtypeRule, found: Found) -> None:
    """Check the dtypes of what nodes make, at the nodes that bring a dtype in."""
    names = {name for name, _ in DTYPES.values() if not rule.admits(name)}
    for graph in survey.model.graphs:
        tables = survey.scopes.types.tables.get(id(graph), [])
        kinds = {kind for table in tables for kind in set(table.values())}
        refused = {kind for kind in kinds if elements_of(kind) in names}
        for index, node in enumerate(graph.nodes) if refused else ():
            if not node.operator.domain and node.operator.op_type in _STORED:
                continue
            made: set[str] = set()
            for table in tables:
                given = {table.get(name) for name in node.inputs}
                made |= {table.get(name, "") for name in node.outputs} & refused - given
            for dtype in sorted(set(map(elements_of, made))):
                message = f"{dtype} values, allowed is {rule}"
                hint = "convert the values before the export"
                found.add("OG306", message, partial(graph.node_place, index), hint=hint)
