"""What a recipe writes a case of an operator with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from onnx import TensorProto, defs, helper

from onnxguard.conformance.formulas.node import Array, limits_of

PACKED = {"int4": "int8", "uint4": "uint8", "int2": "int8", "uint2": "uint8"}
"""Dtypes that cannot be fed, and what is fed in their place and cast in the graph."""


class Draft(NamedTuple):
    """A case before it is a model.

    Attributes:
        inputs: in the operator's order; None is left out.
        attributes: as ``onnx.helper.make_node`` takes them.
        outputs: how many are asked for.
        around: tensors beside the inputs, which graphs inside the node read.
        forbids: why the standard does not allow it; "" where it does.
        shows: features that cannot be read off the inputs.
        dynamic: whether all inputs are fed, none a constant.
    """

    inputs: Sequence[Any]
    attributes: dict[str, Any] = {}  # noqa: RUF012 - never changed
    outputs: int = 1
    around: dict[str, Array] = {}  # noqa: RUF012 - never changed
    forbids: str = ""
    shows: tuple[str, ...] = ()
    dynamic: bool = False


class Task:
    """An operator at a version, as a recipe sees it.

    Args:
        schema: of the operator.
        opset: that is asked about.
        admits: whether a list admits a dtype, by its NumPy name.
    """

    def __init__(self, schema: defs.OpSchema, opset: int, admits: Callable[[str], bool]) -> None:
        self.schema, self.opset, self.admits = schema, opset, admits
        self.op_type, self.version = str(schema.name), int(schema.since_version)
        seed = hashlib.sha256(f"{schema.domain}:{self.op_type}:{self.version}".encode()).digest()
        self.random = np.random.Generator(np.random.PCG64(int.from_bytes(seed[:8])))

    def has(self, attribute: str) -> bool:
        """Whether the version has an attribute."""
        return attribute in self.schema.attributes

    def dtypes(self, name: str = "T") -> list[Any]:
        """The dtypes of a type constraint that the list admits; that of most models first."""
        found = [dtype for dtype in constraint_dtypes(self.schema, name) if self.admits(dtype.name)]
        return sorted(found, key=lambda dtype: dtype.name not in {"float32", "int64"})

    def draw(self, shape: tuple[int, ...], dtype: Any, share: int = 2, least: float = -3) -> Array:
        """Values over a good part of what a dtype holds; floats from ``least`` to 3.

        Args:
            shape: of the tensor.
            dtype: of the tensor.
            least: the least float.
            share: integers reach up to this part of the dtype's range, so that a sum stays in it.
        """
        dtype = np.dtype(dtype)
        if dtype.kind == "b":
            return self.random.random(shape) < 0.5
        if is_integer(dtype):
            limits = limits_of(dtype)
            low, high = int(limits.min) // share, int(limits.max) // share
            low = max(low, 0) if least >= 0 else low
            kind = np.uint64 if dtype == np.uint64 else np.int64
            drawn = self.random.integers(low, high, shape, dtype=kind, endpoint=True)
            return np.asarray(drawn).astype(dtype)
        if dtype.kind == "c":
            return (self.random.normal(size=shape) + 1j * self.random.normal(size=shape)).astype(
                dtype
            )
        return np.asarray(self.random.uniform(least, 3, shape)).astype(dtype)

    def distinct(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """Values of which neighbours differ, so that no element is taken for another."""
        dtype, count = np.dtype(dtype), int(np.prod(shape))
        if dtype.kind == "b":
            return self.draw(shape, dtype)
        if count == 1:
            return np.full(shape, 3).astype(dtype)
        if is_integer(dtype):
            limits = limits_of(dtype)
            low, span = int(limits.min), int(limits.max) - int(limits.min) + 1
            step = max(span // max(count, 1), 1)
            values = [low + (at * step + at) % span for at in range(count)]
            return np.array(values, object).reshape(shape).astype(dtype)
        if dtype.kind == "c":
            return self.draw(shape, dtype)
        order = self.random.permutation(count).reshape(shape)
        return np.asarray((order - count // 2) / 4).astype(dtype)

    def pick(self, values: Any) -> Any:
        """One of some values."""
        return values[int(self.random.integers(len(values)))]


def is_integer(dtype: Any) -> bool:
    """Whether a dtype holds whole numbers, packed ones included."""
    return dtype.kind in "iu" or dtype.name in PACKED


def constraint_dtypes(schema: defs.OpSchema, name: str) -> list[Any]:
    """The tensor dtypes of a type constraint, as NumPy and ml_dtypes have them."""
    found = []
    for constraint in schema.type_constraints:
        if constraint.type_param_str == name:
            found = [tensor_dtype(text) for text in constraint.allowed_type_strs]
    return sorted((dtype for dtype in found if dtype is not None), key=lambda dtype: dtype.name)


def tensor_dtype(text: str) -> Any:
    """``float32`` for ``tensor(float)``; None for what is no tensor of numbers."""
    if not text.startswith("tensor(") or text == "tensor(string)":
        return None
    name = text[7:-1].upper()
    number = getattr(TensorProto, name, None)
    return None if number is None else np.dtype(helper.tensor_dtype_to_np_dtype(number))


Drafts = Iterator[Draft]


class Recipe(NamedTuple):
    """How cases of an operator are made, and what they must show.

    Attributes:
        write: gives the drafts.
        ranks: of the first input that must have been run.
        features: by name, which must have been shown.
        choices: the values of an attribute that must have been run, where it names them.
    """

    write: Callable[[Task], Drafts]
    ranks: tuple[int, ...] = ()
    features: tuple[str, ...] = ()
    choices: dict[str, tuple[Any, ...]] = {}  # noqa: RUF012 - never changed


RECIPES: dict[str, Recipe] = {}
"""By operator of the default domain."""


def recipe(
    *op_types: str,
    ranks: tuple[int, ...] = (),
    features: tuple[str, ...] = (),
    **choices: tuple[Any, ...],
) -> Callable[[Callable[[Task], Drafts]], Callable[[Task], Drafts]]:
    """Enter a function that writes cases of some operators."""

    def enter(write: Callable[[Task], Drafts]) -> Callable[[Task], Drafts]:
        made = Recipe(write, ranks, features, choices)
        RECIPES.update(dict.fromkeys(op_types, made))
        return write

    return enter
