"""Types as ONNX writes them in its schemas: ``tensor(float)``, ``seq(map(string,tensor(float)))``.

An unknown type is the empty text.
"""

from __future__ import annotations

import re
from functools import lru_cache

from onnxguard.model.graph import Type
from onnxguard.model.messages import DTYPES, dtype_name

UNKNOWN = ""
FLOAT, INT32, INT64, STRING, BOOL = (
    f"tensor({name})" for name in ("float", "int32", "int64", "string", "bool")
)

_SPELLED = {"float32": "float", "float64": "double"}
"""Element types that the schemas name otherwise than this project does."""

_ELEMENTS = {code: _SPELLED.get(name, name) for code, (name, _) in DTYPES.items() if code}
TENSORS = {code: f"tensor({name})" for code, name in _ELEMENTS.items()}
"""TensorProto.DataType -> the type of a tensor of it."""

LONGEST = 100
"""Characters of a type that is written by hand."""

CODES = {kind: code for code, kind in TENSORS.items()}
BY_ENUM_NAME = {name.upper(): f"tensor({name})" for name in _ELEMENTS.values()}
"""``FLOAT`` and the like, as Cast wrote its type before opset 6."""

_MAP_OF_ELEMENTS = re.compile(r"map\((\w+), ?(\w+)\)")


def tensor_of(dtype: int | None) -> str:
    """The type of a tensor of a TensorProto.DataType; unknown for what is none."""
    return TENSORS.get(dtype or 0, UNKNOWN)


def bits_of(text: str) -> int:
    """Bits of an element of a tensor; 0 of anything else, and of strings."""
    return DTYPES[CODES[text]][1] if text in CODES else 0


def canonical(text: str) -> str:
    """A type of a schema in one spelling: ``map(string, float)`` maps to tensors, as all do."""
    return _MAP_OF_ELEMENTS.sub(r"map(\1,tensor(\2))", text)


def declared(given: Type) -> str:
    """The type that a TypeProto states; unknown where any part of it is left out."""
    if given.kind == "tensor":
        return TENSORS.get(given.dtype, UNKNOWN)
    return _nested(given.kind, given.dtype, given.keys)


def lacking(given: Type) -> str:
    """What a TypeProto of a kind, such as tensor or map, does not say; empty of a whole one."""
    if 0 in given.keys:
        return "a key type"
    held = given.kind.rstrip(")").rpartition("(")[2]
    lacks = given.dtype == 0 if held.endswith("tensor") else held == "undeclared"
    return "an element type" if lacks and given.kind != "undeclared" else ""


@lru_cache(maxsize=1024)
def _nested(kind: str, dtype: int, keys: tuple[int, ...]) -> str:
    *outer, inner = kind.rstrip(")").split("(")
    if inner not in ("tensor", "sparse_tensor") or dtype not in _ELEMENTS:
        return UNKNOWN
    text = f"{inner}({_ELEMENTS[dtype]})"
    left = list(keys)
    for each in reversed(outer):
        if each == "map":
            key = _ELEMENTS.get(left.pop() if left else 0)
            if key is None:
                return UNKNOWN
            text = f"map({key},{text})"
        else:
            text = f"{'seq' if each == 'sequence' else each}({text})"
    return text


def read_type(text: str) -> str:
    """A type as ``shown`` writes it in the spelling of the schemas; unknown of anything else."""
    found = text.replace(" ", "")
    if len(found) > LONGEST:
        return UNKNOWN
    for name, kind in ((dtype_name(code), kind) for code, kind in TENSORS.items()):
        if found == name:
            return kind
    for outer, inner in (("sequence", "seq"), ("optional", "optional")):
        if found.startswith(f"{outer}(") and found.endswith(")"):
            held = read_type(found[len(outer) + 1 : -1])
            return f"{inner}({held})" if held else UNKNOWN
    if found.startswith("sparse_tensor(") and found.endswith(")"):
        held = read_type(found[14:-1])
        return f"sparse_{held}" if held in CODES else UNKNOWN
    if found.startswith("map(") and found.endswith(")"):
        key, _, value = found[4:-1].partition(",")
        of_key, held = read_type(key), read_type(value)
        if of_key in CODES and held:
            return f"map({of_key[7:-1]},{held})"
    return UNKNOWN


def sequence_of(element: str) -> str:
    """``seq(X)``; unknown of an unknown element."""
    return f"seq({element})" if element else UNKNOWN


def optional_of(element: str) -> str:
    """``optional(X)``; unknown of an unknown element."""
    return f"optional({element})" if element else UNKNOWN


def inside(text: str, outer: str) -> str:
    """X of ``seq(X)`` or ``optional(X)``; unknown where the type is another."""
    start = outer + "("
    return text[len(start) : -1] if text.startswith(start) else UNKNOWN


def elements_of(text: str) -> str:
    """The dtype at the heart of a type, as reports name it: ``float32`` for ``seq(tensor(float))``.

    Empty where it is unknown, and of a map, which has two.
    """
    if text.startswith(("map", "seq(map", "optional(map")):
        return ""
    code = CODES.get("tensor(" + text.rstrip(")").rpartition("(")[2] + ")")
    return "" if code is None else dtype_name(code)


def shown(text: str) -> str:
    """A type as reports name it: ``float32``, ``sequence(int64)``."""
    if text in CODES:
        return dtype_name(CODES[text])
    plain = text.replace("seq(", "sequence(")
    plain = re.sub(r"(?<!sparse_)tensor\((\w+)\)", r"\1", plain)
    return re.sub(r"\bfloat\b", "float32", re.sub(r"\bdouble\b", "float64", plain))
