"""Seeded random models that use every field of every message that onnx has."""

from __future__ import annotations

from random import Random
from typing import Any

import onnx

DEPTH = 12
"""Messages inside one another; a graph in a graph takes three."""

WORDS = {
    "op_type": ["Relu", "Constant", "Loop", "If", "Helper", "Cast", "", "Ré\x1blu"],
    "domain": ["", "", "", "ai.onnx", "local", "com.microsoft"],
    "overload": ["", "", "fast"],
}
NAMES = ["", "x", "y", "m", "value", "value_int", "value_ints", "body", "then_branch", "\ufeffé"]
ATTRIBUTES: list[tuple[str, Any]] = [
    ("value", 4),
    ("value_int", 2),
    ("value_ints", 7),
    ("value_string", 3),
    ("value_strings", 8),
    ("value_float", 1),
    ("body", 5),
    ("then_branch", 5),
    ("else_branch", 5),
    ("to", 2),
]
VALUES = {1: "f", 2: "i", 3: "s", 4: "t", 5: "g", 7: "ints", 8: "strings"}
NUMBERS = [0, 1, 2, 3, 7, 17, 64, 1 << 31, (1 << 63) - 1]


def random_model(number: int) -> onnx.ModelProto:
    """The ``number``-th random model, with a graph; the same one for the same number."""
    random = Random(number)
    model = onnx.ModelProto()
    fill(random, model, DEPTH)
    fill(random, model.graph, DEPTH - 1)
    model.graph.SetInParent()
    return model


def fill(random: Random, message: Any, depth: int) -> None:
    """Set some of the message's fields, and some of the fields of what it holds."""
    if isinstance(message, onnx.AttributeProto) and depth and random.random() < 0.8:
        fill_attribute(random, message, depth)
        return
    for field in message.DESCRIPTOR.fields:
        is_message = field.message_type is not None
        if random.random() < (0.65 if is_message else 0.4) or (is_message and depth == 0):
            continue
        if field.is_repeated:
            target = getattr(message, field.name)
            for _ in range(random.choice((1, 1, 2, 3))):
                if is_message:
                    fill(random, target.add(), depth - 1)
                else:
                    target.append(random_value(random, field))
        elif is_message:
            inner = getattr(message, field.name)
            inner.SetInParent()
            fill(random, inner, depth - 1)
        else:
            setattr(message, field.name, random_value(random, field))


def fill_attribute(random: Random, attribute: onnx.AttributeProto, depth: int) -> None:
    """Set one value and the type that goes with it; a Constant's name says its type too."""
    attribute.name, attribute.type = random.choice(ATTRIBUTES)
    field = VALUES[attribute.type]
    if field in ("t", "g"):
        inner = getattr(attribute, field)
        inner.SetInParent()
        fill(random, inner, depth - 1)
    elif field in ("ints", "strings"):
        known = attribute.DESCRIPTOR.fields_by_name[field]
        getattr(attribute, field).extend([random_value(random, known) for _ in range(3)])
    else:
        setattr(attribute, field, random_value(random, attribute.DESCRIPTOR.fields_by_name[field]))


def random_value(random: Random, field: Any) -> Any:
    """A value of the field's type: text, bytes, a float, an enum's member or an integer."""
    if field.type == field.TYPE_STRING:
        return random.choice(WORDS.get(field.name, NAMES))
    if field.type == field.TYPE_BYTES:
        return random.randbytes(random.choice((0, 1, 4, 8)))
    if field.type in (field.TYPE_FLOAT, field.TYPE_DOUBLE):
        return random.choice((0.0, -1.5, float("inf"), float("nan")))
    if field.enum_type is not None:
        return random.choice([value.number for value in field.enum_type.values])
    value = random.choice(NUMBERS)
    if field.type == field.TYPE_INT32:
        return min(value, (1 << 31) - 1)
    return -value if field.type == field.TYPE_INT64 and random.random() < 0.1 else value
