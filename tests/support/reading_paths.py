"""The same bytes read by the plain path and by the careful one, and what of it must be equal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from onnxguard import Allowlist
from onnxguard.base.errors import ModelError, WireError
from onnxguard.model.graph import Attribute, Graph, Model
from onnxguard.model.reading import memo, read_model
from onnxguard.model.reading.plain import plain_length
from onnxguard.model.survey import survey
from onnxguard.rules import judge


@contextmanager
def careful_path() -> Iterator[None]:
    """Every plain function gives up, and nothing is remembered."""

    def give_up(*_: object) -> None:
        return None

    def no_length(chunk: bytes, at: int) -> tuple[int, int]:
        return 1 << 62, plain_length(chunk, at)[1]

    with pytest.MonkeyPatch.context() as patch:
        for name in ("head", "node", "attribute", "constant"):
            patch.setattr(f"onnxguard.model.reading.nodes.plain_{name}", give_up)
        for name in ("tensor", "value"):
            patch.setattr(f"onnxguard.model.reading.tensors.plain_{name}", give_up)
        patch.setattr("onnxguard.model.reading.model.plain_length", no_length)
        patch.setattr(memo, "remember", give_up)
        for name in ("attributes", "rests", "operators", "types", "shapes"):
            patch.setattr(memo, name, {})
        yield


def outcome(data: bytes, policy: Allowlist) -> tuple[object, ...]:
    """All that was read, the findings and the facts; or the error that ended it."""
    try:
        model = read_model(data)
        seen = survey(model)
        return tree(model), tuple(judge(seen, policy, None)), seen.facts
    except ModelError as error:
        return error.code, str(error), error.offset
    except WireError as error:
        return str(error), error.offset


def tree(model: Model) -> str:
    """A model as text: as NaN is not equal to itself."""
    numbers = {id(graph): number for number, graph in enumerate(model.graphs)}

    def attributes(found: Any) -> list[Attribute]:
        return [a._replace(graphs=tuple(numbers[id(g)] for g in a.graphs)) for a in found]

    def graph(each: Graph) -> tuple[object, ...]:
        nodes = [
            node._replace(
                inputs=list(node.inputs),
                outputs=list(node.outputs),
                attributes=attributes(node.attributes),
            )
            for node in each.nodes
        ]
        plain = {"parent", "function", "head", "nodes", "subgraphs"}
        rest = {name: getattr(each, name) for name in Graph.__slots__ if name not in plain}
        parent = None if each.parent is None else numbers[id(each.parent)]
        return parent, [numbers[id(g)] for g in each.subgraphs], nodes, rest

    functions = [
        (f.id, f.inputs, f.outputs, f.attributes, attributes(f.defaults), f.opsets, f.start, f.end)
        for f in model.functions
    ]
    anomalies = [(a.code, a.message, a.count, a.places) for a in model.anomalies.values()]
    special = {"data", "graph", "graphs", "functions", "training", "anomalies"}
    rest = {name: getattr(model, name) for name in Model.__slots__ if name not in special}
    return repr((list(map(graph, model.graphs)), functions, anomalies, rest))


def compare(data: bytes, policy: Allowlist) -> None:
    """Read bytes by both paths, the memos as earlier inputs left them and as these bytes did.

    Raises:
        AssertionError: what was read, or what was found, differs.
    """
    with careful_path():
        expected = outcome(data, policy)
    compare_plain(data, policy, expected)


def compare_plain(data: bytes, policy: Allowlist, expected: tuple[object, ...]) -> None:
    """As ``compare``, where what the careful path read is known."""
    for memos in ("as they were", "primed by the same bytes"):
        found = outcome(data, policy)
        if found != expected:
            pairs = zip(found, expected, strict=False)
            ours, theirs = next((pair for pair in pairs if pair[0] != pair[1]), (found, expected))
            raise AssertionError(
                f"memos {memos}: the plain path reads {ours}, the careful one {theirs}"
            )
