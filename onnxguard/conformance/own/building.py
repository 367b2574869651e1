"""Drafts become models of one node, and what they feed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, defs, helper, numpy_helper, shape_inference

from onnxguard.base.printable import printable
from onnxguard.conformance.coverage import Item, exercised
from onnxguard.conformance.own.draft import PACKED, RECIPES, Draft, Task, constraint_dtypes

MOST_CASES = 1500
"""Of one operator; what a recipe writes beyond is left out."""
_UNCHECKED = {"LayerNormalization"}
"""Its schema in onnx allows attributes that it does not name."""


class OwnCase(NamedTuple):
    """A case that was generated.

    Attributes:
        name: of the operator and a number.
        shown: dtypes, shapes and attributes, for people.
        model: a ModelProto of the node, and of casts around it for dtypes that cannot be fed.
        feeds: by the names of the graph's inputs.
        covers: what it exercises.
        forbids: why it must be refused; "" where it must run.
    """

    name: str
    shown: str
    model: bytes
    feeds: dict[str, Any]
    covers: frozenset[Item]
    forbids: str


def own_cases(op_type: str, opset: int, admits: Callable[[str], bool]) -> tuple[OwnCase, ...]:
    """All cases of an operator of the default domain at an opset; none where it has no recipe.

    They depend on the operator's version and on ``admits`` alone.
    """
    made = RECIPES.get(op_type)
    try:
        schema = defs.get_schema(op_type, opset, "")
    except defs.SchemaError:
        return ()
    if made is None or schema.deprecated:
        return ()
    drafts: list[Draft] = []
    for draft in made.write(Task(schema, opset, admits)):
        drafts.append(draft)
        if len(drafts) >= MOST_CASES:
            break
    sound = next(draft for draft in drafts if not draft.forbids)
    drafts += _forbidden(schema, sound)
    return tuple(_built(schema, opset, draft, number) for number, draft in enumerate(drafts))


def _forbidden(schema: defs.OpSchema, sound: Draft) -> Iterator[Draft]:
    """What no operator takes: attributes, numbers of inputs and dtypes that it does not have."""
    if schema.name not in _UNCHECKED:
        strange = {**sound.attributes, "onnxguard_strange": 1}
        yield sound._replace(attributes=strange, forbids="an attribute that there is not")
    if sound.inputs and schema.min_input == len(sound.inputs):
        yield sound._replace(inputs=sound.inputs[:-1], forbids="too few inputs")
    if not schema.inputs:
        return
    if schema.max_input < 9:
        more = [*sound.inputs, *[sound.inputs[0]] * (schema.max_input + 1 - len(sound.inputs))]
        yield sound._replace(inputs=more, forbids="too many inputs")
    kinds = {dtype.name for dtype in constraint_dtypes(schema, schema.inputs[0].type_str)}
    strange_dtype = next((n for n in ("bool", "int64", "float64") if n not in kinds), None)
    if strange_dtype and kinds and sound.inputs[0] is not None:
        first = np.ones(sound.inputs[0].shape, strange_dtype)
        yield sound._replace(
            inputs=[first, *sound.inputs[1:]], forbids="a dtype that it does not have"
        )


def _built(schema: defs.OpSchema, opset: int, draft: Draft, number: int) -> OwnCase:
    draft = draft._replace(inputs=[None if v is None else np.asarray(v) for v in draft.inputs])
    names = [f"x{at}" if value is not None else "" for at, value in enumerate(draft.inputs)]
    outputs = [f"y{at}" for at in range(draft.outputs)]
    node = helper.make_node(schema.name, names, outputs, **draft.attributes)
    values = {n: v for n, v in zip(names, draft.inputs, strict=True) if v is not None}
    values |= draft.around
    constants = set[str]()
    if number % 2 and not draft.dynamic:  # as weights and shapes are in a model
        constants = set(list(values)[1:])
    constants = {name for name in constants if values[name].dtype.name not in PACKED}
    opsets = [helper.make_opsetid("", opset)]
    version = helper.find_min_ir_version_for(opsets)
    plain = helper.make_graph(
        [node],
        "case",
        [_declared(n, v) for n, v in values.items()],
        [onnx.ValueInfoProto(name=name) for name in outputs],
    )
    dtypes = _output_dtypes(
        helper.make_model(plain, opset_imports=opsets, ir_version=version), outputs
    )
    before, after, feeds = [], [], {}
    for name, value in values.items():
        carrier = PACKED.get(value.dtype.name)
        if carrier:
            to = helper.np_dtype_to_tensor_dtype(value.dtype)
            before.append(helper.make_node("Cast", [f"{name}_wide"], [name], to=to))
            feeds[f"{name}_wide"] = value.astype(carrier)
        elif name not in constants:
            feeds[name] = value
    shown = []
    for name, dtype in zip(outputs, dtypes, strict=True):
        if dtype in PACKED:
            to = helper.np_dtype_to_tensor_dtype(np.dtype(PACKED[dtype]))
            after.append(helper.make_node("Cast", [name], [f"{name}_wide"], to=to))
            shown.append((f"{name}_wide", PACKED[dtype]))
        else:
            shown.append((name, dtype))
    graph = helper.make_graph(
        [*before, node, *after],
        "case",
        [_declared(name, value) for name, value in feeds.items()],
        [_output(name, dtype) for name, dtype in shown],
        [numpy_helper.from_array(values[name], name) for name in sorted(constants)],
    )
    model = helper.make_model(graph, opset_imports=opsets, ir_version=version)
    covers = exercised(schema, node, draft.inputs, dtypes)
    covers |= {("feature", feature) for feature in draft.shows}
    if draft.around:  # what the graphs inside a node are given is of its dtypes too
        covers |= {("dtype", f"V {value.dtype.name}") for value in draft.around.values()}
    if draft.forbids:
        covers = frozenset({("refusal", draft.forbids)})
    return OwnCase(
        f"own_{schema.name.lower()}_{number}",
        _described(node, draft),
        model.SerializeToString(deterministic=True),
        feeds,
        frozenset(covers),
        draft.forbids,
    )


def _declared(name: str, value: Any) -> onnx.ValueInfoProto:
    kind = helper.np_dtype_to_tensor_dtype(value.dtype)
    return helper.make_tensor_value_info(name, kind, value.shape)


def _output(name: str, dtype: str) -> onnx.ValueInfoProto:
    if not dtype:
        return onnx.ValueInfoProto(name=name)
    kind = helper.np_dtype_to_tensor_dtype(_np_dtype(dtype))
    return helper.make_tensor_value_info(name, kind, None)


def _np_dtype(name: str) -> Any:
    import ml_dtypes

    return np.dtype(getattr(ml_dtypes, name, name))


def _output_dtypes(model: onnx.ModelProto, names: list[str]) -> list[str]:
    """As shape inference has them; "" where it does not know."""
    try:
        inferred = shape_inference.infer_shapes(model, data_prop=False)
    except Exception:  # noqa: BLE001 - what is forbidden may not be inferred
        return ["" for _ in names]
    kinds = {value.name: value.type.tensor_type.elem_type for value in inferred.graph.output}
    return [
        str(np.dtype(helper.tensor_dtype_to_np_dtype(kinds[name])).name) if kinds[name] else ""
        for name in names
    ]


def _described(node: onnx.NodeProto, draft: Draft) -> str:
    inputs = ", ".join(
        "-" if value is None else f"{value.dtype}{list(value.shape)}" for value in draft.inputs
    )
    said = " ".join(f"{name}={_attribute(value)}" for name, value in draft.attributes.items())
    return printable(f"{node.op_type}({inputs}) {said}".rstrip(), 160)


def _attribute(value: Any) -> str:
    if isinstance(value, TensorProto):
        return str(TensorProto.DataType.Name(value.data_type)).lower()
    return str(value) if isinstance(value, int | float | str | list) else "..."
