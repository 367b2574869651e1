"""Whatever a node gives, an operator's function says shapes, nothing, or what does not fit."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from onnx import defs

from onnxguard.model.graph import Attribute, Graph, Node, Operator, Tensor
from onnxguard.model.shapes.counting import COUNTED, macs_of
from onnxguard.model.shapes.dims import Span, Sym, symbol
from onnxguard.model.shapes.known import OMITTED, Known, MismatchError, Site, UnknownError, held
from onnxguard.model.shapes.table import BODIES, FUNCTIONS, Function

OPERATORS = [(domain, name) for domain, table in FUNCTIONS.items() for name in table]
NAMES = sorted({name for s in defs.get_all_schemas_with_history() for name in s.attributes})
NUMBERS = [-(1 << 63), -3, -2, -1, 0, 1, 2, 3, 4, 7, 64, 1 << 31, (1 << 63) - 1]
FLOATS = [float("nan"), float("inf"), -float("inf"), -1.5, 0.0, 1e-30, 0.5, 1.0, 2.0, 3.7, 1e300]
SPANS = [Span(0), Span(2, 5), Span(-3, 3), Span(1 << 40), Span(None, 7), Span(0.5, 1.5)]
WORDS = [b"", b"SAME_UPPER", b"VALID", b"none", b"bidirectional", b"ij,jk->ik", b"...i->.", b"\xff"]


def dim(random: Random) -> Any:
    return random.choice([None, 0, 1, 1, 2, 3, 4, 8, 1 << 40, symbol(b"N"), symbol(b"M"), *SPANS])


def known(random: Random) -> Known:
    kind = random.random()
    if kind < 0.15:
        return random.choice([OMITTED, Known(), Known(length=2), Known((3,), length=None)])
    if kind < 0.55:
        return Known(tuple([dim(random) for _ in range(random.randrange(6))]))
    count = random.randrange(6)
    shape: Any = (count,) if count != 1 or random.random() < 0.5 else ()
    if random.random() < 0.3:
        floats = tuple([random.choice([*FLOATS, None, *SPANS]) for _ in range(count)])
        return held(shape, floats, random.choice([1, 10, 11]))
    values = tuple([random.choice([*NUMBERS, None, symbol(b"N"), *SPANS]) for _ in range(count)])
    return held(shape, values, random.choice([6, 7, 7, 7, 9]))


def tensor(random: Random) -> Tensor:
    dims = tuple(random.choice(NUMBERS) for _ in range(random.randrange(3)))
    return Tensor(
        b"t", random.choice([0, 1, 7, 8]), dims, random.choice([-1, 0, 1]), (), (), False, 0, 1
    )


def attribute(random: Random, name: bytes) -> Attribute:
    ints = tuple([random.choice(NUMBERS) for _ in range(random.randrange(6))])
    floats = tuple([random.choice(FLOATS) for _ in range(random.randrange(5))])
    return Attribute(
        name,
        ref=b"caller's" if random.random() < 0.02 else b"",
        i=random.choice([None, *NUMBERS]),
        f=random.choice([None, *FLOATS]),
        s=random.choice([None, *WORDS]),
        ints=ints,
        floats=floats,
        tensors=(tensor(random),) * random.randrange(2),
        graphs=(Graph("body"),) * random.randrange(2),
        counts=(len(ints) + random.randrange(2), len(floats), 0),
    )


def site(random: Random, domain: str, name: str) -> Site:
    inputs = tuple([known(random) for _ in range(random.randrange(8))])
    schemas = [s for s in SCHEMAS if s.name == name] if random.random() < 0.9 else []
    given = sorted({each for schema in schemas for each in schema.attributes}) or NAMES
    chosen = random.sample(given, min(len(given), random.randrange(5)))
    attributes = {each.encode(): attribute(random, each.encode()) for each in chosen}
    outputs = [b"o%d" % index for index in range(random.randrange(4))]
    names = [b"" if each is OMITTED else b"i%d" % at for at, each in enumerate(inputs)]
    node = Node(Operator(domain, name), b"", names, outputs, list(attributes.values()), 0, 1)
    return Site(
        node,
        random.choice([0, 1, 5, 6, 7, 9, 10, 11, 13, 18, 22, 27]),
        inputs,
        attributes,
        lambda each: Known(each.dims if each.elements >= 0 else None),
        lambda each: each,
    )


SCHEMAS = defs.get_all_schemas_with_history()


def tried(rule: Function, given: Site) -> None:
    try:
        made = rule(given)
    except (UnknownError, MismatchError):
        made = ()
    for each in made:
        assert isinstance(each, Known)
        for size in each.shape or ():
            assert size is None or isinstance(size, (int, Sym, Span)), size
        for value in each.values or ():
            assert value is None or isinstance(value, (int, float, Sym, Span))
    macs_of(given, made)


@pytest.mark.parametrize(("domain", "name"), OPERATORS, ids=lambda part: part or "onnx")
def test_no_node_is_too_odd(domain: str, name: str) -> None:
    random = Random(f"{domain} {name}")
    for _ in range(400):
        tried(FUNCTIONS[domain][name], site(random, domain, name))


def test_what_is_counted_is_inferred() -> None:
    for domain, table in COUNTED.items():
        assert table.keys() <= FUNCTIONS[domain].keys()
    assert BODIES.isdisjoint(FUNCTIONS[""])
