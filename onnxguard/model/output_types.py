"""Operators whose output types no input binds: they follow from attributes, or from what is inside.

Every operator of ONNX whose schema has an output variable that stands at no input, or at one that
may be left out, is here or, where a graph decides, in ``types``; tests/model/test_types.py compares
with ONNX's schemas.
Sources: the operators' pages of ONNX, and the inference functions of onnx/defs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from onnxguard.model.graph import Attribute, Node
from onnxguard.model.messages import dtype_name
from onnxguard.model.type_binding import Problem
from onnxguard.model.type_names import (
    BY_ENUM_NAME,
    FLOAT,
    INT32,
    INT64,
    STRING,
    TENSORS,
    UNKNOWN,
    bits_of,
    declared,
    inside,
    optional_of,
    sequence_of,
    shown,
    tensor_of,
)


class UnresolvedError(Exception):
    """An attribute that only the caller of a function knows."""


class Typed(NamedTuple):
    """A node with the types of its inputs.

    ``attributes`` are those in force by name, references to a caller's attributes resolved; one
    that still has a ``ref`` could not be.
    """

    node: Node
    inputs: tuple[str, ...]
    attributes: dict[bytes, Attribute]

    def attribute(self, name: bytes) -> Attribute | None:
        """The attribute of that name; None where it is left out.

        Raises:
            UnresolvedError: it is a reference that nothing here resolves.
        """
        found = self.attributes.get(name)
        if found is not None and found.ref:
            raise UnresolvedError
        return found

    def input(self, index: int) -> str:
        """The type of an input; unknown where it is left out."""
        return self.inputs[index] if index < len(self.inputs) else UNKNOWN

    def is_given(self, index: int) -> bool:
        """Whether an input is there."""
        return index < len(self.node.inputs) and bool(self.node.inputs[index])


Outputs = tuple[str, ...]
Rule = Callable[[Typed], Outputs]


def _dtype(typed: Typed, name: bytes) -> str | None:
    """The type that an attribute names by its number; None where it is left out."""
    attribute = typed.attribute(name)
    if attribute is None:
        return None
    if attribute.i is None:
        return UNKNOWN
    return TENSORS.get(attribute.i, f"tensor({dtype_name(attribute.i).replace(' ', '_')})")


def _by_attribute(name: bytes, default: str = UNKNOWN) -> Rule:
    def rule(typed: Typed) -> Outputs:
        kind = _dtype(typed, name)
        return (default if kind is None else kind,)

    return rule


def _by_attribute_or_input(typed: Typed) -> Outputs:
    kind = _dtype(typed, b"dtype")
    return (typed.input(0) if kind is None else kind,)


def _cast(typed: Typed) -> Outputs:
    to = typed.attribute(b"to")
    if to is not None and to.s is not None:  # before opset 6
        return (BY_ENUM_NAME.get(to.s.decode("utf-8", "replace").upper(), UNKNOWN),)
    return (_dtype(typed, b"to") or UNKNOWN,)


_CONSTANTS = {
    b"value_float": FLOAT,
    b"value_floats": FLOAT,
    b"value_int": INT64,
    b"value_ints": INT64,
    b"value_string": STRING,
    b"value_strings": STRING,
}


def _constant(typed: Typed) -> Outputs:
    for name, kind in _CONSTANTS.items():
        if typed.attribute(name) is not None:
            return (kind,)
    value, sparse = typed.attribute(b"value"), typed.attribute(b"sparse_value")
    if value is not None and value.tensors:
        return (tensor_of(value.tensors[-1].dtype),)
    if sparse is not None and sparse.sparse and sparse.sparse[-1].values is not None:
        return (tensor_of(sparse.sparse[-1].values.dtype),)
    return (UNKNOWN,)


def _constant_of_shape(typed: Typed) -> Outputs:
    value = typed.attribute(b"value")
    if value is None:
        return (FLOAT,)
    return (tensor_of(value.tensors[-1].dtype) if value.tensors else UNKNOWN,)


def _nonzero_dtype(typed: Typed) -> str:
    attribute = typed.attribute(b"output_dtype")
    return (_dtype(typed, b"output_dtype") or UNKNOWN) if attribute and attribute.i else UNKNOWN


def _quantize(typed: Typed) -> Outputs:
    if typed.is_given(2):
        return (typed.input(2),)
    return (_nonzero_dtype(typed) or "tensor(uint8)",)


def _dequantize(typed: Typed) -> Outputs:
    return (_nonzero_dtype(typed) or typed.input(1),)


def _linear_attention(typed: Typed) -> Outputs:
    return UNKNOWN, typed.input(3 if typed.is_given(3) else 0)


def _layer_normalization(typed: Typed) -> Outputs:
    stashed = _dtype(typed, b"stash_type")
    kind = FLOAT if stashed is None else stashed
    return UNKNOWN, kind, kind


def _sequence_empty(typed: Typed) -> Outputs:
    kind = _dtype(typed, b"dtype")
    return (sequence_of(FLOAT if kind is None else kind),)


def _optional(typed: Typed) -> Outputs:
    if typed.is_given(0):
        return (optional_of(typed.input(0)),)
    held = typed.attribute(b"type")
    return (optional_of(declared(held.types[-1])) if held and held.types else UNKNOWN,)


def _optional_get_element(typed: Typed) -> Outputs:
    given = typed.input(0)
    return (inside(given, "optional") if given.startswith("optional(") else given,)


def _by_class_labels(typed: Typed) -> Outputs:
    labels = typed.attribute(b"classlabels_strings")
    return (STRING if labels is not None and labels.counts[2] else INT64,)


def _zip_map(typed: Typed) -> Outputs:
    labels = typed.attribute(b"classlabels_strings")
    key = "string" if labels is not None and labels.counts[2] else "int64"
    return (f"seq(map({key},{FLOAT}))",)


_CAST_MAP = {b"TO_FLOAT": FLOAT, b"TO_STRING": STRING, b"TO_INT64": INT64}


def _cast_map(typed: Typed) -> Outputs:
    to = typed.attribute(b"cast_to")
    return (FLOAT if to is None else _CAST_MAP.get(to.s or b"", UNKNOWN),)


def _dict_vectorizer(typed: Typed) -> Outputs:
    _, _, value = typed.input(0).partition(",")
    return (value[:-1],)


_SWAPPED = {STRING: INT64, INT64: STRING}
_LABELS = {b"values_strings": STRING, b"values_int64s": INT64, b"values_floats": FLOAT}


def _label_encoder(typed: Typed) -> Outputs:
    value = typed.attribute(b"values_tensor")
    if value is not None:
        return (tensor_of(value.tensors[-1].dtype) if value.tensors else UNKNOWN,)
    for name, kind in _LABELS.items():
        if typed.attribute(name) is not None:
            return (kind,)
    if typed.attribute(b"classes_strings") is not None:  # before version 2
        return (_SWAPPED.get(typed.input(0), UNKNOWN),)
    return (UNKNOWN,)


def _optimizer(blocks: int) -> Rule:
    """Rate, count, then ``blocks`` of equal length: X, gradients, moments. Gradients stay in."""

    def rule(typed: Typed) -> Outputs:
        size = max(len(typed.inputs) - 2, 0) // blocks
        return (*typed.inputs[2 : 2 + size], *typed.inputs[2 + 2 * size :])

    return rule


_FLOAT_DTYPE = _by_attribute(b"dtype", FLOAT)
_WINDOW = _by_attribute(b"output_datatype", FLOAT)
RULES: dict[str, dict[str, Rule]] = {
    "": {
        "Bernoulli": _by_attribute_or_input,
        "BitCast": _by_attribute(b"to"),
        "BlackmanWindow": _WINDOW,
        "Cast": _cast,
        "ConcatFromSequence": lambda typed: (inside(typed.input(0), "seq"),),
        "Constant": _constant,
        "ConstantOfShape": _constant_of_shape,
        "DequantizeLinear": _dequantize,
        "EyeLike": _by_attribute_or_input,
        "HammingWindow": _WINDOW,
        "HannWindow": _WINDOW,
        "LayerNormalization": _layer_normalization,
        "LinearAttention": _linear_attention,
        "MelWeightMatrix": _WINDOW,
        "Multinomial": _by_attribute(b"dtype", INT32),
        "Optional": _optional,
        "OptionalGetElement": _optional_get_element,
        "QuantizeLinear": _quantize,
        "RandomNormal": _FLOAT_DTYPE,
        "RandomNormalLike": _by_attribute_or_input,
        "RandomUniform": _FLOAT_DTYPE,
        "RandomUniformLike": _by_attribute_or_input,
        "SequenceAt": lambda typed: (inside(typed.input(0), "seq"),),
        "SequenceConstruct": lambda typed: (sequence_of(typed.input(0)),),
        "SequenceEmpty": _sequence_empty,
        "SplitToSequence": lambda typed: (sequence_of(typed.input(0)),),
    },
    "ai.onnx.ml": {
        "CastMap": _cast_map,
        "CategoryMapper": lambda typed: (_SWAPPED.get(typed.input(0), UNKNOWN),),
        "DictVectorizer": _dict_vectorizer,
        "LabelEncoder": _label_encoder,
        "LinearClassifier": _by_class_labels,
        "SVMClassifier": _by_class_labels,
        "TreeEnsembleClassifier": _by_class_labels,
        "ZipMap": _zip_map,
    },
    "ai.onnx.preview.training": {
        "Adagrad": _optimizer(3),
        "Adam": _optimizer(4),
        "Momentum": _optimizer(3),
    },
    "com.microsoft": {"LinearAttention": _linear_attention, "QuantizeLinear": _quantize},
}
"""Domain -> operator -> the types of its outputs; an unknown one is left to the schema."""


def also_wrong(typed: Typed) -> Problem | None:
    """What some operators ask of their types beyond what a schema can say."""
    operator = typed.node.operator
    if operator == ("", "SequenceInsert", ""):
        held, given = inside(typed.input(0), "seq"), typed.input(1)
        if held and given and held != given:
            message = f"SequenceInsert: input 0 is a sequence of {shown(held)}, input 1 is "
            return Problem("OG177", message + shown(given))
    if operator == ("", "QuantizeLinear", "") and typed.is_given(2):
        wanted, given = _nonzero_dtype(typed), typed.input(2)
        if wanted and given and wanted != given:
            message = f"QuantizeLinear: output_dtype is {shown(wanted)}, the zero point is "
            return Problem("OG178", message + shown(given))
    if operator == ("", "BitCast", ""):
        wanted, given = _dtype(typed, b"to") or UNKNOWN, typed.input(0)
        if bits_of(wanted) and bits_of(given) and bits_of(wanted) != bits_of(given):
            message = f"BitCast: input 0 is {shown(given)} and to is {shown(wanted)}, both must "
            return Problem("OG178", message + "have as many bits")
    if operator == ("", "RMSNormalization", ""):  # the output is of both, by schema and inference
        given, scale = typed.input(0), typed.input(1)
        if given and scale and given != scale:
            message = f"RMSNormalization: input 0 is {shown(given)}, input 1 is {shown(scale)}, "
            return Problem("OG177", message + "both must be of one type")
    if operator == ("ai.onnx.ml", "TreeEnsemble", ""):
        for name in (b"nodes_splits", b"membership_values", b"nodes_hitrates", b"leaf_weights"):
            split = typed.attribute(name)
            wanted = tensor_of(split.tensors[-1].dtype) if split and split.tensors else UNKNOWN
            if wanted and typed.input(0) and wanted != typed.input(0):
                message = f"TreeEnsemble: {name.decode()} holds {shown(wanted)}, input 0 is "
                return Problem("OG177", message + shown(typed.input(0)))
    return None


CHECKED = frozenset(
    {"BitCast", "QuantizeLinear", "RMSNormalization", "SequenceInsert", "TreeEnsemble"}
)
"""The operators that ``also_wrong`` speaks of."""
