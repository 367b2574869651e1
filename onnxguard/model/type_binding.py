"""What a schema says of the types of one node: which it admits, and which follow.

As ONNX defines it (onnx/defs/schema.h): a type variable stands for one type in a node, of those
that its constraint lists; only the values of a variadic parameter that is not homogeneous may
differ.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from onnxguard.model.schemas import Formal, Schema, schema_at
from onnxguard.model.type_names import UNKNOWN, canonical, shown

ADMITTED_SHOWN = 6
"""Types that a message names of all that an operator takes."""


REMEMBERED = 16
"""Inputs of a node whose outcome is kept for the next model."""


class Problem(NamedTuple):
    """What is wrong with the types of a node; ``code`` is the rule that speaks of it."""

    code: str
    message: str


class Outcome(NamedTuple):
    """The types of a node's outputs, each in turn, and what is wrong with those of its inputs."""

    outputs: tuple[str, ...]
    problems: tuple[Problem, ...] = ()


def apply(schema: Schema, version: int, inputs: tuple[str, ...], outputs: int) -> Outcome:
    """As ``bind``; models of one kind ask the same again and again."""
    if len(inputs) > REMEMBERED:
        return bind(schema, version, inputs, outputs)
    return _remembered(schema.domain, schema.name, version, inputs, outputs)


@lru_cache(maxsize=4096)
def _remembered(
    domain: str, name: str, version: int, inputs: tuple[str, ...], outputs: int
) -> Outcome:
    schema = schema_at(domain, name, version)
    nothing = Outcome((UNKNOWN,) * outputs)
    return nothing if schema is None else bind(schema, version, inputs, outputs)


def bind(schema: Schema, version: int, inputs: tuple[str, ...], outputs: int) -> Outcome:
    """Bind the type variables of an operator at opset ``version`` to the types of its inputs.

    Nothing follows from an input that is not admitted, nor from two that disagree.
    """
    bound: dict[str, tuple[str, int]] = {}
    broken: set[str] = set()
    problems: list[Problem] = []
    for index, given in enumerate(inputs):
        formal = formal_at(schema.inputs, index)
        if not given or formal is None:
            continue
        if given not in admitted(schema, formal):
            problems.append(_not_admitted(schema, version, formal, index, given))
            broken.add(formal.types)
        elif formal.homogeneous:
            first, at = bound.setdefault(formal.types, (given, index))
            if first != given:
                message = f"{schema.name}: input {at} is {shown(first)}, input {index} is "
                message += f"{shown(given)}, both must be of one type"
                problems.append(Problem("OG177", message))
                broken.add(formal.types)
    for name in broken:
        bound.pop(name, None)
    following = tuple([_following(schema, index, bound, broken) for index in range(outputs)])
    return Outcome(following, tuple(problems))


def _following(
    schema: Schema, index: int, bound: dict[str, tuple[str, int]], broken: set[str]
) -> str:
    formal = formal_at(schema.outputs, index)
    if formal is None or not formal.homogeneous:
        return UNKNOWN
    if formal.types in bound:
        return bound[formal.types][0]
    only = admitted(schema, formal)
    return next(iter(only)) if len(only) == 1 and formal.types not in broken else UNKNOWN


def formal_at(formals: tuple[Formal, ...], index: int) -> Formal | None:
    """The formal parameter of the value at ``index``; None beyond the last."""
    if index < len(formals):
        return formals[index]
    return formals[-1] if formals and formals[-1].option == "variadic" else None


def admitted(schema: Schema, formal: Formal) -> frozenset[str]:
    """The types that a parameter takes."""
    return _canonical(schema.constraints.get(formal.types, (formal.types,)))


@lru_cache(maxsize=1024)
def _canonical(types: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(canonical, types))


def _not_admitted(schema: Schema, version: int, formal: Formal, index: int, given: str) -> Problem:
    message = f"{schema.name}: input {index} is {shown(given)}, {schema.name} at opset {version} "
    return Problem("OG176", message + f"takes {listed(admitted(schema, formal))}")


def listed(types: frozenset[str]) -> str:
    """The first of some types in order, and how many more there are."""
    names = sorted(map(shown, types))
    more = len(names) - ADMITTED_SHOWN
    return ", ".join(names[:ADMITTED_SHOWN]) + (f" and {more} more" if more > 0 else "")
