"""Pairs of small models, and what ``compare`` says of each."""

from __future__ import annotations

import struct
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from hostile.injection import PAYLOADS, poisoned

from onnxguard.differences import Difference, Pair, compare
from support import protobuf as pb
from support.lists import lenient
from support.protobuf import attribute, body, constant, entry, function, graph, model, node, value


def floats(name: str, *values: float) -> bytes:
    """A float32 tensor of rank 1 in ``raw_data``."""
    return pb.tensor(1, [len(values)], name, raw_data=struct.pack(f"<{len(values)}f", *values))


def outside(name: str, offset: str, length: str = "8") -> bytes:
    """A float32 tensor of two values in another file."""
    places = [entry("location", "w.data"), entry("offset", offset), entry("length", length)]
    return pb.tensor(1, [2], name, data_location=1, external_data=places)


def loop(trip_count: str, *inner: bytes, name: str = "loop") -> bytes:
    """A Loop of that many rounds around some nodes."""
    inside = body(*inner, input=[value("i", 7, []), value("c", 9, []), value("v")])
    return node("Loop", f"{trip_count} _ x", "l", name=name, attribute=attribute("body", g=inside))


def network(*weights: float, doc: str = "", **more: Any) -> bytes:
    """A model with weights in its main graph and in a branch."""
    branch = body(node("Mul", "x b", "z"), initializer=floats("b", *weights), name=doc)
    relu = node("Relu", "a", "c", name=doc, doc_string=doc)
    nodes = (
        node("Add", "x w", "a", name=doc),
        relu,
        node("If", "f", "y", attribute=[attribute("then_branch", g=branch)]),
    )
    return model(graph(*nodes, initializer=[floats("w", *weights), pb.ints(3, name="k")]), **more)


RICH_OLD = model(
    graph(
        constant("five", value_int={"i": 5}),
        constant("kept", value={"t": floats("", 1, 2)}),
        constant("table", value={"t": pb.ints(*range(12))}),
        constant("old", value_float={"f": 0.5}),
        loop("five", node("Relu", "v", "w")),
        node("Block", "l", "m", domain="local"),
        node("Gone", "m", "n", domain="local"),
        node("Einsum", "n", "y"),
        initializer=[floats("w", 1, 2, 3), outside("e", "0"), outside("f", "8")],
        input=[value("x"), value("mask", 9, [1, "N"])],
        output=[value("y"), value("aux", 1, None)],
    ),
    functions=[function("Block", node("Relu")), function("Gone", node("Relu"))],
    metadata_props=[entry("author", "a"), entry("date", "2026-01-02"), entry("todo", "all")],
    opset_import=[pb.opset_import("local", 1)],
    producer_name="exporter",
    producer_version="1.0",
)

RICH_NEW = model(
    graph(
        constant("five", value_int={"i": 7}),
        constant("renamed", value={"t": floats("", 1, 2)}),
        constant("table", value={"t": pb.ints(*range(11), 99)}),
        constant("new", value_string={"s": "text"}),
        loop("five", node("Relu", "v", "u"), node("Exp", "u", "w")),
        node("Block", "l", "m", domain="local"),
        node("Block", "m", "n", domain="local"),
        node("Fresh", "n", "o", domain="local"),
        node("Gelu", "o", "p", domain="com.example"),
        node("Einsum", "p", "y"),
        initializer=[floats("w", 1, 2, 3, 4), pb.ints(1, name="k"), outside("e", "16")],
        input=[value("mask", 9, [1, 8]), value("x")],
        output=[value("y"), value("score", 1, [1])],
    ),
    functions=[function("Block", node("Sigmoid")), function("Fresh", node("Relu"), node("Relu"))],
    metadata_props=[entry("author", "a"), entry("date", "2026-02-03"), entry("note", "none")],
    opset_import=[pb.opset_import("local", 2), pb.opset_import("com.example", 1)],
    producer_name="exporter",
    producer_version="2.0",
    opset=18,
    ir=9,
)

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"

PAIRS: dict[str, tuple[bytes, bytes, tuple[str, ...]]] = {
    "rich": (RICH_OLD, RICH_NEW, ("adr-0258", "pre-adr-0258")),
    "weights": (network(1, 2), network(1, 3), ("base",)),
    "identical": (network(1, 2), network(1, 2), ("base",)),
    "unverified": (network(1, 2), LFS, ("base",)),
    "hostile": (
        poisoned(PAYLOADS["markdown"]),
        poisoned(f"{PAYLOADS['table']} {PAYLOADS['set output']} {PAYLOADS['script']}"),
        ("adr-0258",),
    ),
}


def difference(old: bytes, new: bytes, *allowlists: str) -> Difference:
    """Compare two models of bytes, as for a page that draws them."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("old.onnx", "new.onnx")]
        for path, data in zip(paths, (old, new), strict=True):
            path.write_bytes(data)
        lists = [lenient(name) for name in allowlists or ("base",)]
        found = compare(str(paths[0]), str(paths[1]), lists, sketched=True)
    return found._replace(path=Pair("old.onnx", "new.onnx"), seconds=0.0123)


@cache
def sample(name: str) -> Difference:
    """What one of the pairs gives."""
    old, new, allowlists = PAIRS[name]
    return difference(old, new, *allowlists)
