"""OG3xx: tensors, and those that constants call for."""

from __future__ import annotations

import struct

from support import protobuf as pb
from support.protobuf import attribute, constant, field, graph, node, tensor, value

from onnxguard.base.findings import Severity
from rule_cases.case import Case

RELU = node("Relu")
FLOAT, INT8, INT64, STRING, FLOAT16 = 1, 3, 7, 8, 10
ONE = {"input": value("x", dims=[1]), "output": value("y", dims=None)}
ELEMENTS = "limits: {tensor_elements: 100}\n"
GROWING = f"""\
{ELEMENTS}operators:
  - names: [Conv, ConstantOfShape, Expand, Tile, Resize, Pad, OneHot, Range, RandomNormal]
  - names: [Cast, Squeeze, Unsqueeze, Reshape, Flatten, Add, Sub, Mul, Concat]
"""
COMPUTED = {
    "of an Identity": [node("Identity", "s", "t")],
    "of a Cast": [node("Cast", "s", "t", attribute=attribute("to", i=7))],
    "of a Reshape": [node("Reshape", "s one", "t")],
    "of a sum": [node("Add", "s none", "t")],
    "of a difference": [node("Sub", "s none", "t")],
    "of a product": [node("Mul", "s one", "t")],
    "of a Concat": [node("Concat", "one s one", "t", attribute=attribute("axis", i=0))],
    "of a chain": [
        node("Mul", "s one", "p"),
        node("Add", "p none", "q"),
        node("Concat", "q one", "r", attribute=attribute("axis", i=0)),
        node("Identity", "r", "t"),
    ],
}


def stored(*tensors: bytes, **more: object) -> bytes:
    return pb.model(graph(RELU, initializer=list(tensors), **more))


def floats(*dims: int, size: int | None = None) -> bytes:
    count = 1
    for dim in dims:
        count *= dim
    return tensor(FLOAT, dims, "w", raw_data=bytes(4 * count if size is None else size))


def converted(dtype: int) -> bytes:
    """A function that casts to what its caller asks for, and the call; nothing is declared."""
    inner = node("Cast", attribute=attribute("to", type=2, ref_attr_name="to"))
    return pb.model(
        graph(
            node("F", "x", "t", domain="local", attribute=attribute("to", i=dtype)),
            node("Relu"),
        ),
        opset_import=pb.opset_import("local", 1),
        functions=pb.function("F", inner, attribute=["to"]),
    )


def sized(*dims: int | str) -> bytes:
    return pb.model(graph(RELU, input=value("x", dims=dims), output=value("y", dims=None)))


def grown(op_type: str, inputs: str, *numbers: int, x: tuple[int, ...] = (1,)) -> bytes:
    """A node that reads the shape ``s`` from an initializer, and an x of those dims."""
    return pb.model(
        graph(
            node(op_type, inputs),
            input=value("x", dims=x),
            output=value("y", dims=None),
            initializer=pb.ints(*numbers, name="s"),
        )
    )


def scaled(*scales: float) -> bytes:
    held = tensor(FLOAT, [len(scales)], "s", raw_data=struct.pack(f"<{len(scales)}f", *scales))
    resize = node("Resize", "x _ s")
    outputs = value("y", dims=None)
    shape = value("x", dims=[1, 5])
    return pb.model(graph(resize, input=shape, output=outputs, initializer=held))


def computed(size: int, *nodes: bytes) -> bytes:
    """An Expand to the shape ``t``, which the nodes make of the shape ``s``."""
    numbers = [pb.ints(size, name="s"), pb.ints(1, name="one"), pb.ints(0, name="none")]
    made = [*nodes, node("Expand", "x t")]
    return pb.model(graph(*made, initializer=numbers, **ONE))


def ranged(start: int, limit: int, delta: int) -> bytes:
    numbers = [pb.scalar(n, name) for n, name in ((start, "a"), (limit, "b"), (delta, "c"))]
    return pb.model(graph(node("Range", "a b c"), initializer=numbers, **ONE))


def tiled(times: int) -> bytes:
    stored = [pb.ints(times, name="s"), floats(1)]
    return pb.model(graph(node("Tile", "w s"), initializer=stored, **ONE))


def pad_10(before: int, after: int) -> bytes:
    pads = attribute("pads", ints=[before, after])
    return pb.model(graph(node("Pad", attribute=pads), **ONE), opset=10)


def padded_conv(elements: int) -> bytes:
    """A kernel of one over one element and padding: as many elements as there are places."""
    window = [attribute("kernel_shape", ints=[1]), attribute("pads", ints=[elements - 1, 0])]
    return pb.model(graph(node("Conv", "x w", attribute=window), **ONE))


def unshaped_conv(elements: int, **weights: bytes) -> bytes:
    """A Conv that leaves its kernel's shape to its weights, here of one place."""
    pads = attribute("pads", ints=[elements - 1, 0])
    return pb.model(graph(node("Conv", "x w", attribute=pads), **{**ONE, **weights}))


ONE_WEIGHT = tensor(FLOAT, [1, 1, 1], "w", raw_data=bytes(4))
TWO_WEIGHTS = tensor(FLOAT, [1, 1, 2], "w", raw_data=bytes(8))


def resized(policy: str, size: int) -> bytes:
    """A Resize of one axis to a size, of another to one element."""
    given = [attribute("axes", ints=[1, -2]), attribute("keep_aspect_ratio_policy", s=policy)]
    x = {**ONE, "input": value("x", dims=[2, 2, 1])}
    sizes = pb.ints(1, size, name="s")
    return pb.model(
        graph(node("Resize", "x _ _ s", attribute=given), initializer=sizes, **x), opset=18
    )


def resize_10(scale: float) -> bytes:
    scales = tensor(FLOAT, [2], "s", raw_data=struct.pack("<2f", 1, scale))
    x = {**ONE, "input": value("x", dims=[1, 5])}
    return pb.model(graph(node("Resize", "x s"), initializer=scales, **x), opset=10)


def sparse(*dims: int) -> bytes:
    values = tensor(FLOAT, [1], "w", raw_data=bytes(4))
    parts = {"values": values, "indices": pb.ints(0)}
    held = pb.message("SparseTensorProto", dims=list(dims), **parts)
    return pb.model(graph(RELU, sparse_initializer=held))


def normal(*shape: int) -> bytes:
    made = node("RandomNormal", "", "r", attribute=attribute("shape", ints=list(shape)))
    return pb.model(graph(made, RELU, input=value("x", dims=[1]), output=value("y", dims=[1])))


def bomb(name: str, bad: bytes, good: bytes, message: str, index: int = 0) -> Case:
    return Case(
        "OG301",
        f"shape that {name} reads",
        bad,
        good,
        rules=GROWING,
        message=message,
        route=f"graph/node {index}",
        hint="a small file must not ask for a large tensor",
        operator=name.split(maxsplit=1)[0],
        adr="ADR-2000",
    )


DECLARED = (
    Case(
        "OG301",
        "initializer",
        stored(floats(101), input=value("x", dims=[1]), output=value("y", dims=[1])),
        stored(floats(100), input=value("x", dims=[1]), output=value("y", dims=[1])),
        rules=ELEMENTS,
        message="a tensor of shape [101] has 101 elements, 100 are allowed",
        route='graph/initializer 0 "w"',
        at=floats(101),
        adr="ADR-2000",
    ),
    Case(
        "OG301",
        "input of the graph",
        sized(10, 11, "n"),
        sized(10, 10, "n"),
        rules=ELEMENTS,
        message="has 110 elements, 100 are allowed",
        route='graph/value "x"',
        adr="ADR-2000",
    ),
    Case(
        "OG301",
        "sparse initializer",
        sparse(1 << 40, 1 << 40),
        sparse(10, 10),
        rules="limits: {tensor_elements: 192}\n",
        message="has 2**80 elements, more than an int64 holds, 192 are allowed",
        route="graph/sparse_initializer 0",
        adr="ADR-2000",
    ),
    Case(
        "OG302",
        "negative dimension",
        stored(tensor(FLOAT, [-1], "w", raw_data=bytes(4))),
        stored(tensor(FLOAT, [1], "w", raw_data=bytes(4))),
        message="a tensor has a negative dimension: [-1]",
        route='graph/initializer 0 "w"',
        hint="declare an unknown size by a name",
    ),
    Case(
        "OG302",
        "negative dimension of a value, as Paddle writes it",
        sized(-1, 4),
        sized("n", 4),
        message="a value has the dimension -1, taken for an unknown one: [-1, 4]",
        route='graph/value "x"',
        hint="declare an unknown size by a name",
        severity=Severity.WARNING,
    ),
    Case(
        "OG302",
        "negative dimension of a value that nobody writes",
        sized(-2),
        sized("n"),
        message="a value has a negative dimension: [-2]",
        route='graph/value "x"',
    ),
    Case(
        "OG301",
        "value too large beside its negative dimension",
        sized(-1, 1 << 40),
        sized("n", 1 << 10),
        rules="limits: {tensor_elements: 1024}\n",
        adr="ADR-2000",
        message="a value of shape [1099511627776, 1] has 1,099,511,627,776 elements",
        route='graph/value "x"',
        also=frozenset({"OG302"}),
    ),
    Case(
        "OG302",
        "rank over the limit",
        stored(floats(1, 1, 1, 1, 1)),
        stored(floats(1, 1, 1, 1)),
        rules="limits: {tensor_rank: 4}\n",
        message="a tensor has 5 dimensions, 4 are allowed",
        route='graph/initializer 0 "w"',
        adr="ADR-2000",
    ),
    Case(
        "OG302",
        "rank of an input whose sizes have names",
        sized("a", "b", "c"),
        sized("a", "b"),
        rules="limits: {tensor_rank: 2}\n",
        message="a value has 3 dimensions, 2 are allowed",
        route='graph/value "x"',
        adr="ADR-2000",
    ),
)

HELD = (
    Case(
        "OG303",
        "raw data too short",
        stored(floats(2, size=7)),
        stored(floats(2, size=8)),
        message="shape [2] and dtype float32 holds 7 bytes instead of 8",
        route='graph/initializer 0 "w"',
    ),
    Case(
        "OG303",
        "raw data too long",
        stored(floats(2, size=9)),
        stored(floats(2)),
        message="holds 9 bytes instead of 8",
        route='graph/initializer 0 "w"',
    ),
    Case(
        "OG303",
        "one int64 too few",
        stored(tensor(INT64, [3], "w", int64_data=pb.varint(1) + pb.varint(300))),
        stored(tensor(INT64, [2], "w", int64_data=pb.varint(1) + pb.varint(300))),
        message="holds 2 values instead of 3",
        route='graph/initializer 0 "w"',
    ),
    Case(
        "OG303",
        "values in another type's field",
        stored(tensor(FLOAT, [1], "w", int64_data=pb.varint(1))),
        stored(tensor(FLOAT, [1], "w", float_data=1.0)),
        message="float32 values are stored in int64_data, they belong in float_data",
        route='graph/initializer 0 "w"',
    ),
    Case(
        "OG303",
        "strings as raw data",
        stored(tensor(STRING, [1], "w", raw_data=b"a")),
        stored(tensor(STRING, [1], "w", string_data=[b"a"])),
        message="dtype string holds 1 bytes instead of 0",
        route='graph/initializer 0 "w"',
    ),
    Case(
        "OG303",
        "sparse tensor without indices",
        pb.model(
            graph(
                RELU,
                sparse_initializer=pb.message("SparseTensorProto", dims=[4], values=floats(1)),
            )
        ),
        sparse(4),
        message="a sparse tensor lacks its values or indices",
        route="graph/sparse_initializer 0",
    ),
    Case(
        "OG304",
        "two data fields",
        stored(tensor(INT64, [1], "w", raw_data=bytes(8), int64_data=pb.varint(9))),
        stored(tensor(INT64, [1], "w", raw_data=bytes(8))),
        message="a tensor's values are given twice: int64_data and raw_data",
        route='graph/initializer 0 "w"',
    ),
    Case(
        "OG305",
        "dtype that ONNX does not define",
        stored(tensor(99, [1], "w", raw_data=bytes(4))),
        stored(tensor(28, [4], "w", raw_data=bytes(3))),
        message="a tensor's dtype is dtype 99",
        route='graph/initializer 0 "w"',
    ),
    Case(
        "OG305",
        "no dtype",
        stored(field("TensorProto", "name", "w")),
        stored(tensor(FLOAT, [1], "w", raw_data=bytes(4))),
        message="a tensor's dtype is undefined",
        route='graph/initializer 0 "w"',
        also=frozenset({"OG303"}),
    ),
    Case(
        "OG306",
        "dtype of an initializer",
        stored(tensor(INT8, [1], "w", raw_data=bytes(1))),
        stored(tensor(FLOAT16, [1], "w", raw_data=bytes(2))),
        rules="dtypes: {in: [float32, float16]}\n",
        message="int8 values, allowed is float16, float32",
        route='graph/initializer 0 "w"',
    ),
    Case(
        "OG306",
        "dtype of an output",
        pb.model(graph(RELU, output=value("y", STRING))),
        pb.model(graph(RELU, output=value("y", FLOAT16))),
        rules="dtypes: {not_in: [string]}\n",
        message="string values, allowed is anything but string",
        route='graph/value "y"',
    ),
    Case(
        "OG306",
        "dtype of what a node makes, as the caller of a function asks",
        converted(STRING),
        converted(FLOAT16),
        rules="dtypes: {not_in: [string]}\noperators: [{name: Cast}, {name: F, domain: local}]\n",
        message="string values, allowed is anything but string",
        route="function local::F/node 0",
    ),
    Case(
        "OG306",
        "dtype that an operator gives without being asked",
        pb.model(graph(node("ArgMax", "x", "i"), RELU)),
        pb.model(graph(RELU)),
        rules="dtypes: {not_in: [int64]}\noperators: [{name: ArgMax}]\n",
        message="int64 values, allowed is anything but int64",
        route="graph/node 0",
    ),
    Case(
        "OG306",
        "text in a Constant",
        pb.model(graph(constant("t", value_string={"s": "a"}), RELU)),
        pb.model(graph(constant("t", value_int={"i": 1}), RELU)),
        rules="dtypes: {not_in: [string]}\n",
        message="string values",
        route="graph/node 0",
    ),
)

GROWN = (
    bomb(
        "ConstantOfShape",
        grown("ConstantOfShape", "s", 101, 1),
        grown("ConstantOfShape", "s", 10, 10),
        "ConstantOfShape calls for 101 elements, 100 are allowed",
    ),
    bomb("Expand", grown("Expand", "x s", 51, 2), grown("Expand", "x s", 50, 2), "102 elements"),
    bomb(
        "Tile",
        grown("Tile", "x s", 21, x=(5,)),
        grown("Tile", "x s", 20, x=(5,)),
        "Tile calls for 105 elements",
    ),
    bomb(
        "Pad",
        grown("Pad", "x s", 50, 50),
        grown("Pad", "x s", 50, 49),
        "Pad calls for 101 elements",
    ),
    bomb(
        "Resize for its sizes",
        grown("Resize", "x _ _ s", 101),
        grown("Resize", "x _ _ s", 100),
        "Resize calls for 101 elements",
    ),
    bomb("Resize for its scales", scaled(21, 1), scaled(20, 1), "Resize calls for 105 elements"),
    bomb("RandomNormal", normal(101), normal(100), "RandomNormal calls for 101 elements"),
    bomb(
        "Tile of an initializer",
        tiled(101),
        tiled(100),
        "Tile calls for 101 elements",
    ),
    bomb(
        "OneHot for its depth",
        grown("OneHot", "x s v", 101),
        grown("OneHot", "x s v", 100),
        "OneHot calls for 101 elements",
    ),
    bomb(
        "Range from nought",
        ranged(0, 101, 1),
        ranged(0, 100, 1),
        "Range calls for 101 elements",
    ),
    bomb("Range from below nought", ranged(-101, 0, 1), ranged(-100, 0, 1), "Range calls for 101"),
    bomb("Range in steps", ranged(0, 1010, 10), ranged(0, 1000, 10), "Range calls for 101"),
    bomb("Conv for its pads", padded_conv(101), padded_conv(100), "Conv calls for 101 elements"),
    bomb(
        "Conv as large as its weights",
        unshaped_conv(101, initializer=ONE_WEIGHT),
        unshaped_conv(101, initializer=TWO_WEIGHTS),
        "Conv calls for 101 elements",
    ),
    bomb(
        "Conv of weights that are not known",
        unshaped_conv(101),
        unshaped_conv(100),
        "Conv calls for 101 elements",
    ),
    bomb(
        "Resize in proportion",
        resized("not_smaller", 11),
        resized("not_larger", 11),
        "Resize calls for 121 elements",
    ),
    bomb("Pad before opset 11", pad_10(51, 49), pad_10(50, 49), "Pad calls for 101 elements"),
    bomb("Resize before opset 11", resize_10(21), resize_10(20), "Resize calls for 105 elements"),
    *(
        bomb(
            f"Expand {name}",
            computed(101, *nodes),
            computed(100, *nodes),
            "Expand calls for 101 elements",
            len(nodes),
        )
        for name, nodes in COMPUTED.items()
    ),
    bomb(
        "Expand beyond 64 bits",
        grown("Expand", "x s", 1 << 40, 1 << 40),
        grown("Expand", "x s", 10, 10),
        "Expand calls for more than 2**63 elements",
    ),
)

CASES = (*DECLARED, *HELD, *GROWN)
