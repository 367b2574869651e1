"""What cases of an operator exercise, and what must be exercised before it is called proven."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import defs, helper

from onnxguard.conformance.cases import speaks_of
from onnxguard.conformance.own.draft import RECIPES, constraint_dtypes
from onnxguard.conformance.record import Covered, Outcome

Item = tuple[str, str]
"""A kind (attribute, dtype, input, rank, feature) and what of it."""

_STRINGS = {"value_string", "value_strings", "consumed_inputs"}
Value = Any


def required(schema: defs.OpSchema, admits: Callable[[str], bool]) -> tuple[Item, ...]:
    """Everything that must be exercised: of the schema, and of the operator's recipe.

    Args:
        schema: at the version that is asked about.
        admits: whether the list admits a dtype, by its NumPy name.
    """
    found = [
        ("dtype", f"{constraint.type_param_str} {dtype.name}")
        for constraint in schema.type_constraints
        for dtype in constraint_dtypes(schema, constraint.type_param_str)
        if admits(dtype.name)
    ]
    made = RECIPES.get(schema.name)
    choices = made.choices if made else {}
    for name, attribute in sorted(schema.attributes.items()):
        if name in _STRINGS or attribute.type == defs.OpSchema.AttrType.GRAPH:
            continue
        if not attribute.required:
            found.append(("attribute", f"{name}: default"))
        texts = [
            str(value) for value in choices.get(name, ()) if speaks_of(schema, name, str(value))
        ]
        values = [text for text in texts if text != _default(attribute)]
        found += [("attribute", f"{name}: {value}") for value in values or ["set"]]
    if schema.name == "Constant":  # one of its attributes is given, none at its default
        found = [item for item in found if not item[1].endswith(": default")]
    for formal in schema.inputs:
        if formal.option == defs.OpSchema.FormalParameterOption.Optional:
            found += [("input", f"{formal.name}: given"), ("input", f"{formal.name}: omitted")]
    if made:
        found += [("rank", str(rank)) for rank in made.ranks]
        found += [("feature", feature) for feature in made.features if feature != "refusals"]
    return tuple(found)


def _default(attribute: Any) -> str:
    held = attribute.default_value
    if not held.name:
        return ""
    value = helper.get_attribute_value(held)
    return str(value, "utf-8") if isinstance(value, bytes) else str(value)


def exercised(
    schema: defs.OpSchema,
    node: onnx.NodeProto,
    inputs: Sequence[Value],
    outputs: Iterable[str],
) -> frozenset[Item]:
    """What one case exercises.

    Args:
        schema: of the node's operator.
        node: whose attributes are looked at.
        inputs: its inputs in order; None where one is left out.
        outputs: the dtypes of its outputs, "" where they are not known.
    """
    arrays = [value if isinstance(value, np.ndarray) else None for value in inputs]
    found = {*_attributes(schema, node), *_dtypes(schema, arrays, outputs)}
    for at, formal in enumerate(schema.inputs):
        if formal.option == defs.OpSchema.FormalParameterOption.Optional:
            given = at < len(inputs) and inputs[at] is not None
            found.add(("input", f"{formal.name}: {'given' if given else 'omitted'}"))
    if arrays and arrays[0] is not None:
        found.add(("rank", str(arrays[0].ndim)))
    found |= {("feature", feature) for feature in _features(schema, node, arrays)}
    return frozenset(found)


def _attributes(schema: defs.OpSchema, node: onnx.NodeProto) -> Iterator[Item]:
    given = {attribute.name: attribute for attribute in node.attribute}
    for name, known in schema.attributes.items():
        if name not in given:
            yield "attribute", f"{name}: default"
            continue
        value = helper.get_attribute_value(given[name])
        shown = str(value, "utf-8", "replace") if isinstance(value, bytes) else str(value)
        if shown == _default(known):
            yield "attribute", f"{name}: default"
            continue
        yield "attribute", f"{name}: set"
        if isinstance(value, bytes):
            yield "attribute", f"{name}: {shown}"


def _dtypes(
    schema: defs.OpSchema, arrays: Sequence[Value], outputs: Iterable[str]
) -> Iterator[Item]:
    names = {constraint.type_param_str for constraint in schema.type_constraints}
    pairs = [
        (schema.inputs[min(at, len(schema.inputs) - 1)].type_str, array.dtype.name)
        for at, array in enumerate(arrays)
        if array is not None and schema.inputs
    ]
    pairs += [
        (schema.outputs[min(at, len(schema.outputs) - 1)].type_str, dtype)
        for at, dtype in enumerate(outputs)
        if dtype
    ]
    yield from (("dtype", f"{name} {dtype}") for name, dtype in pairs if name in names)


def _features(
    schema: defs.OpSchema, node: onnx.NodeProto, arrays: Sequence[Value]
) -> Iterator[str]:
    there = [array for array in arrays if array is not None]
    if any(0 in array.shape for array in there):
        yield "a dim of 0"
    if any(1 in array.shape for array in there):
        yield "a dim of 1"
    if any(array.dtype.kind == "f" and _special(array) for array in there):
        yield "special values"
    alike = {array.shape for array in there if array.dtype == there[0].dtype}
    if len(alike) > 1:
        yield "broadcasting"
    axes = [a for a in node.attribute if a.name in {"axis", "axes"}]
    named = [axis for a in axes for axis in (a.ints or [a.i])]
    for formal, array in zip(schema.inputs, arrays, strict=False):
        if formal.name == "axes" and array is not None:
            named += array.reshape(-1).tolist()
    if any(axis < 0 for axis in named):
        yield "a negative axis"
    if len(named) > 1:
        yield "several axes"
    if len(arrays) == 1:
        yield "one input"
    if len(there) > 2:
        yield "several inputs"


def _special(array: Value) -> bool:
    """Whether there are infinities, NaN or a negative zero."""
    odd = ~np.isfinite(array) | ((array == 0) & np.signbit(array))
    return bool(np.any(odd))


class Shown(NamedTuple):
    """What a case exercises, and how it ended."""

    items: frozenset[Item]
    outcome: Outcome


def cover(wanted: tuple[Item, ...], cases: Sequence[Shown]) -> tuple[Covered, ...]:
    """For each item that is wanted: agreed, refused for want of a kernel, or missing."""
    agreed = set[Item]().union(*(c.items for c in cases if c.outcome is Outcome.PASSED))
    empty = set[Item]().union(*(c.items for c in cases if c.outcome is Outcome.VACUOUS))
    agreed |= empty & {("feature", "a dim of 0")}  # all that an empty output can show
    refused = set[Item]().union(*(c.items for c in cases if c.outcome is Outcome.UNSUPPORTED))
    ran = set[Item]().union(
        *(c.items for c in cases if c.outcome not in {Outcome.PASSED, Outcome.UNSUPPORTED})
    )
    found = []
    for item in wanted:
        if item in agreed:
            state = "agreed"
        elif item in refused and item not in ran:
            state = "no kernel"
        else:
            state = "missing"
        found.append(Covered(*item, state))
    return tuple(found)
