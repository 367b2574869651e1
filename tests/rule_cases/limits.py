"""OG2xx: how much a model may hold and run."""

from __future__ import annotations

from support import protobuf as pb
from support.protobuf import attribute, body, constant, function, graph, node, value

from rule_cases.case import Case

RELU = node("Relu")
LOCAL = pb.opset_import("local", 1)
IMPORTS = [pb.opset_import("", 17), LOCAL]


def model(*nodes: bytes, **more: object) -> bytes:
    return pb.model(graph(*nodes, **more))


def branch(inner: bytes) -> bytes:
    return node("If", "c", attribute=attribute("then_branch", g=inner))


def trips(count: int, output: str = "m") -> bytes:
    return constant(output, value_int={"i": count})


def loop(trip_count: str = "m", inner: bytes | None = None) -> bytes:
    inner = body(node("Identity", "keep", "go")) if inner is None else inner
    return node("Loop", f"{trip_count} _ x", attribute=attribute("body", g=inner))


def calling(*functions: bytes, calls: int = 1, first: tuple[bytes, ...] = ()) -> bytes:
    """The main graph calls ``local::F`` so often."""
    calling_nodes = [node("F", domain="local")] * calls
    return pb.model(graph(*first, *calling_nodes), opset_import=LOCAL, functions=list(functions))


def nested_loops(inner_count: int) -> bytes:
    inner = body(trips(inner_count, "n"), loop("n"))
    return model(trips(10), loop("m", inner))


SMALL = model(RELU)
LARGER = model(node("Relu", name=""))
FLAT_F = function("F", RELU)
TWO_F = function("F", node("Relu", "x", "t"), node("Relu", "t", "y"))
LOOP_F = function("F", trips(2), loop())
DEEP_F = function("F", branch(body(RELU)))
MATMUL, CONCAT = (f"operators: [{{name: {name}}}]\n" for name in ("MatMul", "Concat"))
UNDECLARED = value("y", dims=None)


def of_matrices(rows: int | str) -> bytes:
    inputs = [value("x", dims=[rows, 3]), value("w", dims=[3, 5])]
    return model(node("MatMul", "x w"), input=inputs, output=UNDECLARED)


PRODUCT_OF_MATRICES, OF_ANY_LENGTH = of_matrices(2), of_matrices("N")


def doubled(times: int) -> bytes:
    """A chain of Concats from one float: each puts what it gets beside itself."""
    axis = attribute("axis", i=0)
    nodes = [node("Concat", f"v{at} v{at}", f"v{at + 1}", attribute=axis) for at in range(times)]
    first = value("v0", dims=[1])
    return model(*nodes, input=first, output=value(f"v{times}", dims=None))


PRODUCT = "limits: {loop_trip_count: 100, loop_trip_product: 100}\n"

CASES = (
    Case(
        "OG201",
        "file of one byte too many",
        LARGER,
        SMALL,
        rules=f"limits: {{model_bytes: {len(LARGER) - 1}}}\n",
        message=f"the model has {len(LARGER)} bytes, {len(LARGER) - 1} are allowed",
        at=LARGER,
        adr="ADR-2000",
    ),
    Case(
        "OG202",
        "nodes in a branch and in a function",
        calling(FLAT_F, first=(branch(body(RELU)),)),
        calling(FLAT_F, first=(branch(body()),)),
        rules="limits: {nodes: 3}\n",
        message="the model has 4 nodes, 3 are allowed",
        adr="ADR-2000",
    ),
    Case(
        "OG203",
        "branch in a branch",
        model(RELU, branch(body(branch(body(RELU))))),
        model(RELU, branch(body(RELU))),
        rules="limits: {subgraph_depth: 1}\n",
        message="graphs nest 2 deep, 1 are allowed",
        route="graph/If_1.then_branch/If_0.then_branch",
        at=body(RELU),
        adr="ADR-2000",
    ),
    Case(
        "OG203",
        "branch in a function that a branch calls",
        pb.model(
            graph(branch(body(node("F", domain="local")))), opset_import=LOCAL, functions=DEEP_F
        ),
        pb.model(graph(node("F", domain="local")), opset_import=LOCAL, functions=DEEP_F),
        rules="limits: {subgraph_depth: 1}\n",
        message="graphs nest 2 deep",
        adr="ADR-2000",
    ),
    Case(
        "OG204",
        "third Loop",
        model(trips(2), loop(), loop(), loop()),
        model(trips(2), loop(), loop()),
        rules="limits: {loop_nodes: 2}\n",
        message="the model has 3 Loop nodes, 2 are allowed",
        route="graph/node 3",
        at=loop(),
        adr="ADR-2000",
    ),
    Case(
        "OG204",
        "Loop in a function that is called thrice",
        calling(LOOP_F, calls=3),
        calling(LOOP_F, calls=2),
        rules="limits: {loop_nodes: 2}\n",
        message="the model has 3 Loop nodes, 2 are allowed",
        route="function local::F/node 1",
        adr="ADR-2000",
    ),
    Case(
        "OG205",
        "one round too many",
        model(trips(101), loop()),
        model(trips(100), loop()),
        rules="limits: {loop_trip_count: 100}\n",
        message="a Loop runs 101 times, allowed is 0 to 100",
        route="graph/node 1",
        at=loop(),
        adr="ADR-2000",
    ),
    Case(
        "OG205",
        "negative count",
        model(trips(-1), loop()),
        model(trips(0), loop()),
        rules="limits: {loop_trip_count: 100}\n",
        message="a Loop runs -1 times",
        route="graph/node 1",
        adr="ADR-2000",
    ),
    Case(
        "OG206",
        "omitted count",
        model(trips(5), loop("_")),
        model(trips(5), loop("m")),
        rules="limits: {loop_trip_count: 100}\n",
        message="a Loop has no static trip count: omitted",
        route="graph/node 1",
        hint="give M as one int64 Constant or initializer",
        adr="ADR-2000",
    ),
    Case(
        "OG207",
        "product of nested counts",
        nested_loops(11),
        nested_loops(10),
        rules=PRODUCT,
        message="nested Loops run 110 times, 100 are allowed",
        route="graph/Loop_1.body/node 1",
        at=loop("n"),
        adr="ADR-2000",
    ),
    Case(
        "OG207",
        "product through a function",
        calling(LOOP_F, first=(trips(51), loop("m", body(node("F", domain="local"))))),
        calling(LOOP_F, first=(trips(50), loop("m", body(node("F", domain="local"))))),
        rules=PRODUCT,
        message="Loops nested through function calls run 102 times, 100 are allowed",
        adr="ADR-2000",
        hint="multiply",
    ),
    Case(
        "OG207",
        "no limit on a single count",
        nested_loops(11),
        nested_loops(10),
        rules="limits: {loop_trip_product: 100}\n",
        message="nested Loops run 110 times, 100 are allowed",
        route="graph/Loop_1.body/node 1",
        adr="ADR-2000",
    ),
    Case(
        "OG208",
        "nodes after inlining",
        calling(TWO_F, calls=3),
        calling(TWO_F, calls=2),
        rules="limits: {nodes: 100, expanded_nodes: 5}\n",
        message="the model has 6 nodes after inlining, 5 are allowed",
        adr="ADR-2000",
    ),
    Case(
        "OG209",
        "one multiplication too many",
        PRODUCT_OF_MATRICES,
        PRODUCT_OF_MATRICES,
        MATMUL + "limits: {macs: 29}\n",
        good_rules=MATMUL + "limits: {macs: 30}\n",
        message="a run takes 30 multiply-accumulates, 29 are allowed",
        hint="smaller inputs",
        adr="ADR-2000",
    ),
    Case(
        "OG209",
        "bound where a size has a name",
        OF_ANY_LENGTH,
        OF_ANY_LENGTH,
        MATMUL + "limits: {macs: 14}\n",
        good_rules=MATMUL + "limits: {macs: 15}\n",
        message="a run takes at least 15 multiply-accumulates, 14 are allowed",
        adr="ADR-2000",
    ),
    Case(
        "OG210",
        "chain that doubles what it gets",
        doubled(20),
        doubled(4),
        CONCAT + "limits: {activation_bytes: 1000}\n",
        message="a run holds 6,291,456 bytes at once, 1,000 are allowed",
        hint="smaller inputs or in tiles",
        adr="ADR-2000",
    ),
    Case(
        "OG211",
        "tensor of one element too many",
        doubled(3),
        doubled(2),
        CONCAT + "limits: {largest_tensor: 16}\n",
        message='"v3" is float32[8]: 32 bytes, 16 are allowed',
        hint="split the tensor",
        adr="ADR-2000",
    ),
)
