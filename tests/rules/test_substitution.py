"""What a function runs is judged by what its calls give: values, graphs, constants, names."""

from __future__ import annotations

import subprocess
import sys

import onnx
import pytest
from onnx.parser import parse_model
from support import protobuf as pb
from support.lists import lenient
from support.protobuf import body, constant

import onnxguard
from onnxguard import Allowlist
from onnxguard.model.facts import Facts
from onnxguard.model.scopes import VISITS
from onnxguard.policy.allowlist import Decision, DtypeRule, Limit
from onnxguard.scanning.scan import facts_of

HEAD = '<ir_version: 10, opset_import: ["": 17, "local": 1, "d1": 1, "d2": 1]>\n'
FUNCTION = '<domain: "local", opset_import: ["": 17, "local": 1]>\n'
X = "g (float[1] X) => (float[1] Y) <float[1] one = {1}, int64 four = {4}>"
BODY = "(int64 i, bool c, float[1] v) => (bool co, float[1] w) { co = Identity(c) w = Add(v, v) }"
LIMITS = {"loop_trip_count": 100, "loop_trip_product": 1000, "expanded_nodes": 200}
LIMITS |= {"tensor_elements": 1000, "loop_nodes": 10, "constant_elements": 2500}
POLICY = {"functions": "allow", "function_graphs": "allow"}
POLICY |= {"validity declared-shape-differs": "allow"}


def model(main: str, *functions: str) -> bytes:
    text = HEAD + X + " { " + main + " }\n" + "\n".join(FUNCTION + f for f in functions)
    return bytes(parse_model(text).SerializeToString())


def judged(data: bytes) -> tuple[Facts, dict[str, str]]:
    """The facts, and a message by code, of a list of small limits without strings."""
    limited = {name: Limit(number, Decision()) for name, number in LIMITS.items()}
    strings = DtypeRule(None, frozenset({"string"}))
    policy = Allowlist(
        "small", "", Decision(), (), {}, {}, limited, {}, None, POLICY, 64, strings, ()
    )
    report = onnxguard.scan_bytes(data, "m.onnx", policy)
    assert report.facts is not None
    found = {f.code: f.message for f in report.findings if f.code != "OG101"}
    return report.facts, found


def codes(main: str, *functions: str) -> set[str]:
    return set(judged(model(main, *functions))[1])


FILL = "Z <shape>(x) => (y) { s = Constant <value_ints: ints = @shape> () y = ConstantOfShape(s) }"
OF_INPUT = "Z (s) => (y) { t = Cast <to = 7> (s) y = ConstantOfShape(t) }"
THROUGH = "T <n>(x) => (y) { y = local.Z <shape: ints = @n> (x) }"
LOOPS = "L <n>(x) => (y) { m = Constant <value_int: int = @n> () "
LOOPS += f'y = Loop <body: graph = b {BODY}> (m, "", x) }}'
LOOP_OF = f'L (x, m) => (y) {{ y = Loop <body: graph = b {BODY}> (m, "", x) }}'
DEFAULT = LOOPS.replace("<n>", "<n: int = SIZE>")
CASES: dict[str, tuple[str, tuple[str, ...], str]] = {
    "shape by an attribute": ("Y = local.Z <shape = [SIZE]> (X)", (FILL,), "OG301"),
    "through two functions": ("Y = local.T <n = [SIZE]> (X)", (FILL, THROUGH), "OG301"),
    "by a tensor": (
        "Y = local.Z <t: tensor = int64[1] {SIZE}> (X)",
        ("Z <t>(x) => (y) { s = Constant <value: tensor = @t> () y = ConstantOfShape(s) }",),
        "OG301",
    ),
    "by an attribute's default": (
        "Y = local.Z (X)",
        (FILL.replace("<shape>", "<shape: ints = [SIZE]>"),),
        "OG301",
    ),
    "shape that is an input": (
        "s = Constant <value_ints = [SIZE]> () Y = local.Z (s)",
        (OF_INPUT,),
        "OG301",
    ),
    "shape of floats": (
        "s = Constant <value_floats = [SIZE.0]> () Y = local.Z (s)",
        (OF_INPUT,),
        "OG301",
    ),
    "shape that is an output": (
        "s = local.K <n = [SIZE]> () Y = ConstantOfShape (s)",
        ("K <n>() => (s) { s = Constant <value_ints: ints = @n> () }",),
        "OG301",
    ),
    "attribute of another operator": (
        "Y = local.R <shape = [SIZE]> ()",
        ("R <shape>() => (y) { y = RandomNormal <shape: ints = @shape> () }",),
        "OG301",
    ),
    "trip count by an attribute": ("Y = local.L <n = SIZE> (X)", (LOOPS,), "OG205"),
    "trip count by a default": ("Y = local.L (X)", (DEFAULT,), "OG205"),
    "trip count that is an input": (
        "m = Constant <value_int = SIZE> () Y = local.L (X, m)",
        (LOOP_OF,),
        "OG205",
    ),
    "tensor of a Constant": (
        "Y = local.K <n = [NUMBERS]> ()",
        ("K <n>() => (s) { t = Constant <value_ints: ints = @n> () s = Cast <to = 1> (t) }",),
        "OG702",
    ),
}


def sized(name: str, size: int, numbers: int) -> dict[str, str]:
    main, functions, _ = CASES[name]
    texts = [
        t.replace("SIZE", str(size)).replace("NUMBERS", ", ".join(["1"] * numbers))
        for t in (main, *functions)
    ]
    return judged(model(*texts))[1]


@pytest.mark.parametrize("name", CASES)
def test_value_is_what_the_call_gives(name: str) -> None:
    wanted = {CASES[name][2], "OG207"} if CASES[name][2] == "OG205" else {CASES[name][2]}
    assert CASES[name][2] in sized(name, 2000, 9)
    assert sized(name, 2000, 9).keys() <= wanted
    assert sized(name, 9, 8) == {}


def test_calls_are_told_apart_and_the_worst_counts() -> None:
    main = "a = local.L <n = 3> (X) b = local.L <n = 90> (a) Y = local.L <n = 7> (b)"
    facts, found = judged(model(main, LOOPS))
    assert found == {}
    assert [(loop.trip_count, loop.product) for loop in facts.loops] == [(90, 90)]
    assert facts.expanded_loops == 3


def test_attribute_that_the_call_leaves_out_is_left_out() -> None:
    assert "OG206" in codes("Y = local.L (X)", LOOPS)
    assert "OG206" in codes('Y = local.L (X, "")', LOOP_OF)
    assert "OG206" in codes("m = Cast <to = 7> (X) Y = local.L (X, m)", LOOP_OF)


@pytest.mark.parametrize(("each", "calls", "passes"), [(800, 3, True), (800, 4, False)])
def test_what_constants_call_for_is_summed_over_calls(each: int, calls: int, passes: bool) -> None:
    main = " ".join(f"y{n} = local.Z <shape = [{each}]> (X)" for n in range(calls))
    found = judged(model(main + " Y = Identity (X)", FILL))[1]
    message = f"constants call for {each * calls:,} elements in all, 2,500 are allowed"
    assert found == ({} if passes else {"OG301": message})


@pytest.mark.parametrize(
    ("node", "sums"),
    [
        ("ConstantOfShape (s)", True),
        ("Expand (X, s)", True),
        ("Tile (X, s)", True),
        ("Resize (one, , , s)", True),
        ("Resize (id, , , s)", True),
        ("Resize (sum, , , s)", True),
        ("Resize (called, , , s)", True),
        ("Resize (mixed, , , s)", False),
        ("Resize (X, , , s)", False),  # as large as what runs through the model
    ],
)
def test_what_is_summed(node: str, sums: bool) -> None:
    node = node.replace(" ,", ' "",')
    main = "s = Constant <value_ints = [900]> () i0 = Identity (one) id = Identity (i0) "
    main += "sum = Add (id, i0) mixed = Add (id, X) called = local.N (sum) "
    main += " ".join(f"y{n} = {node}" for n in range(3)) + " Y = Identity (X)"
    assert codes(main, "N (a) => (r) { r = Neg (a) }") == ({"OG301"} if sums else set())


def test_dtype_by_an_attribute() -> None:
    cast = "C <to>(x) => (y) { y = Cast <to: int = @to> (x) }"
    assert codes("Y = local.C <to = 8> (X)", cast) == {"OG306", "OG179"}
    assert codes("Y = local.C <to = 10> (X)", cast) == {"OG179"}
    text = "S <s>() => (y) { y = Constant <value_string: string = @s> () }"
    assert codes('Y = local.S <s = "a"> ()', text) == {"OG306", "OG179"}


def test_trip_count_that_the_caller_may_replace_is_none_in_a_function_either() -> None:
    """Also where something is computed of it."""
    for given in ("m", "n"):
        text = HEAD + "g (float[1] X, int64 m) => (float[1] Y) <int64 m = {3}> "
        text += f"{{ n = Identity (m) Y = local.L (X, {given}) }}\n{FUNCTION}{LOOP_OF}"
        assert "OG206" in judged(bytes(parse_model(text).SerializeToString()))[1]


def test_function_that_nothing_calls_is_judged_as_it_stands() -> None:
    assert "OG206" in codes("Y = Identity (X)", LOOPS)


# -- graphs that calls give ------------------------------------------------------------------------

REP = 'Rep <b>(x) => (y) { m = Constant <value_int = 9> () y = Loop <body: graph = @b> (m, "", x) }'


def nested(levels: int) -> str:
    """Functions that run a graph which calls the function with a graph, and so on."""
    inner = "w0 = Add (v0, one)"
    for level in range(1, levels + 1):
        head = f"(int64 i{level}, bool c{level}, float[1] v{level - 1})"
        head += f" => (bool k{level}, float[1] w{level - 1})"
        graph = f"{head} {{ k{level} = Identity (c{level}) {inner} }}"
        source = "X" if level == levels else f"v{level}"
        result = "Y" if level == levels else f"w{level}"
        inner = f"{result} = local.Rep <b: graph = g{level} {graph}> ({source})"
    return inner


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_trip_counts_multiply_through_graphs(levels: int) -> None:
    assert codes(nested(levels), REP) == set()
    assert judged(model(nested(levels), REP))[0].loops[0].product == 9**levels


def test_product_through_graphs_is_bounded() -> None:
    found = judged(model(nested(4), REP))[1]
    assert found == {
        "OG207": "Loops nested through function calls run 6,561 times, 1,000 are allowed"
    }


def test_nodes_multiply_through_graphs() -> None:
    graph = "() => (float[1] t) { a = Neg (one) t = Neg (a) }"
    twice = "B <b>(c) => (y) { p = If <then_branch: graph = @b, else_branch: graph = @b> (c)"
    twice += " q = If <then_branch: graph = @b, else_branch: graph = @b> (c) y = Add (p, q) }"
    more = "A <b>(c) => (y) { p = local.B <b: graph = @b> (c) q = local.B <b: graph = @b> (c)"
    more += " y = Add (p, q) }"
    main = f"c = Cast <to = 9> (X) Y = local.A <b: graph = g {graph}> (c)"
    assert facts_of(model(main, twice, more)).expanded_nodes == 1 + 2 * (3 + 4 * 2) + 1


def test_default_graph_runs() -> None:
    given = REP.replace("<b>", f"<b: graph = d {BODY}>")
    facts, found = judged(model("Y = local.Rep (X)", given))
    assert (facts.expanded_loops, facts.expanded_nodes, found) == (1, 4, {})


def test_graph_is_judged_where_it_is_written() -> None:
    """A trip count inside a graph is the constant of the caller's, not of a name beside it."""
    given = outer("w = " + loop("four", "v"))
    facts, found = judged(model(f"Y = local.Rep <b: graph = g {given}> (X)", REP))
    assert found == {}
    assert sorted(loop.product or 0 for loop in facts.loops) == [9, 36]


# -- names: ONNX Runtime is asked what it binds ----------------------------------------------------

HUNDRED = "M = Constant <value_int = 100> ()"
THREE = "{} = Constant <value_int = 3> ()"
ONE = "n = Constant <value_int = 1> ()"
OWN = "o = Constant <value_floats = [1.0]> ()"


def loop(trips: str, source: str, one: str = "one") -> str:
    """A Loop that adds 1 so often."""
    inner = "(int64 i2, bool c2, float[1] v2) => (bool co2, float[1] w2) "
    inner += f"{{ co2 = Identity (c2) w2 = Add (v2, {one}) }}"
    return f'Loop <body: graph = ib {inner}> ({trips}, "", {source})'


def outer(inside: str) -> str:
    """A graph for a Loop that makes w of v."""
    head = "(int64 i, bool c, float[1] v) => (bool co, float[1] w)"
    return f"{head} {{ co = Identity (c) {inside} }}"


def once(inside: str) -> str:
    """A Loop of n rounds over x."""
    return f'Loop <body: graph = b {outer(inside)}> (n, "", x)'


def text_of(main: str, *functions: str) -> str:
    return HEAD + X + " { " + main + " }\n" + "\n".join(FUNCTION + f for f in functions)


def giving(name: str) -> str:
    """The main graph gives R a graph that loops as often as a value of its own says."""
    inner = outer("w = " + loop(name, "v"))
    main = f"{THREE.format(name)} Y = local.R <b: graph = b {inner}> (X)"
    return text_of(main, RUN)


def passing(name: str) -> str:
    """H gives R a graph that loops as often as an input of H says."""
    inner = outer("w = " + loop("p", "v", "o"))
    made = f"H (a, p) => (r) {{ {OWN} r = local.R <b: graph = b {inner}> (a) }}"
    return text_of(f"{THREE.format(name)} Y = local.H (X, {name})", made, RUN)


def literal(name: str) -> str:
    """A Loop that calls F, then loops as often as a value around it says."""
    inner = once("q = local.F (v) w = " + loop(name, "q"))
    return text_of(f"x = Identity (X) {ONE} {THREE.format(name)} Y = {inner}", CALLED)


def literal_given(name: str) -> str:
    """The same inside a function that is given the value."""
    inner = once("q = local.F (v) w = " + loop("p", "q", "o"))
    made = f"Q (x, p) => (r) {{ {OWN} {ONE} r = {inner} }}"
    return text_of(f"{THREE.format(name)} Y = local.Q (X, {name})", made, CALLED)


def sharing(name: str) -> str:
    """A is given one value for two inputs, and holds another one beside a reader of the second."""
    inside = HUNDRED.replace("M", name) + " w = " + loop("b", "v", "o")
    made = f"A (x, a, b) => (r) {{ {OWN} {ONE} r = {once(inside)} }}"
    return text_of(f"{THREE.format('k')} Y = local.A (X, k, k)", made)


def sharing_through(name: str) -> str:
    """The same, but what calls A does not see that its own inputs are one value."""
    through = "B (x, a, b) => (r) { r = local.A (x, a, b) }"
    return sharing(name).replace("= local.A", "= local.B") + "\n" + FUNCTION + through


def two_domains(name: str) -> str:
    """A function F whose Loop calls another one, each with a value M."""
    inner = once(f"q = d2.{name} (v) w = " + loop("M", "q", "o"))
    first = f"F (x) => (r) {{ {OWN} {THREE.format('M')} {ONE} r = {inner} }}"
    second = f"{name} (a) => (r) {{ {HUNDRED} r = Identity (a) }}"
    parts = [HEAD + "g (float[1] X) => (float[1] Y) { Y = d1.F (X) }"]
    parts += ['<domain: "d1", opset_import: ["": 17, "d2": 1]>', first]
    return "\n".join([*parts, '<domain: "d2", opset_import: ["": 17]>', second])


CALLED = f"F (a) => (r) {{ {HUNDRED} r = Identity (a) }}"
RUN = f'R <b>(a) => (r) {{ {ONE} {HUNDRED} r = Loop <body: graph = @b> (n, "", a) }}'
BINDINGS: dict[str, tuple[str, float, bool]] = {
    "graph beside a value of the function": (giving("M"), 100, True),
    "graph beside values of other names": (giving("K"), 3, False),
    "input of a function under the name of its caller's": (passing("M"), 100, True),
    "input of a function under another name": (passing("K"), 3, False),
    "name that inlining makes": (literal("_inlfunc_F_M"), 100, True),
    "name that inlining does not make": (literal("_inlfunc_F_K"), 3, False),
    "such a name given to a function": (literal_given("_inlfunc_F_M"), 100, True),
    "no such name given to a function": (literal_given("_inlfunc_F_K"), 3, False),
    "name of an input that is another one, too": (sharing("a"), 100, True),
    "no name of an input": (sharing("d"), 3, False),
    "name of an input that is another one further out": (sharing_through("a"), 100, True),
    "no name of an input further out": (sharing_through("d"), 3, False),
    "functions of one name in two domains": (two_domains("F"), 100, True),
    "functions of two names": (two_domains("G"), 3, False),
}

RUNNER = """
import sys, numpy, onnxruntime
onnxruntime.set_default_logger_severity(4)
session = onnxruntime.InferenceSession(sys.stdin.buffer.read(), providers=["CPUExecutionProvider"])
print(session.run(None, {"X": numpy.zeros(1, numpy.float32)})[0][0])
"""


@pytest.mark.parametrize("name", BINDINGS)
def test_name_that_onnx_runtime_binds_otherwise_is_found(name: str) -> None:
    text, rounds, captured = BINDINGS[name]
    data = parse_model(text).SerializeToString()
    made = subprocess.run(
        [sys.executable, "-c", RUNNER], input=data, capture_output=True, check=True
    )
    assert float(made.stdout) == rounds
    found = judged(data)[1]
    assert ("OG513" in found) is captured
    assert found.keys() <= {"OG513", "OG506", "OG155"}


def iff(*nodes: bytes, **more: object) -> bytes:
    branch = pb.attribute("then_branch", g=body(*nodes, **more))
    return pb.node("If", "b", "", attribute=branch)


SPARSE = pb.message("SparseTensorProto", values=pb.ints(7, name="a"), indices=pb.ints(0), dims=[1])
WITHIN: dict[str, list[bytes]] = {
    "node": [constant("a", value_int={"i": 7})],
    "node of a branch": [iff(constant("a", value_int={"i": 7}))],
    "node of a branch of a branch": [iff(iff(constant("a", value_int={"i": 7})))],
    "initializer": [iff(initializer=pb.ints(7, name="a"))],
    "sparse initializer": [iff(sparse_initializer=SPARSE)],
    "input of a graph": [iff(input=pb.value("a", 7, []))],
}


@pytest.mark.parametrize("name", WITHIN)
def test_value_of_a_function_has_no_name_of_its_inputs(name: str) -> None:
    """Also under a list that allows graphs which are not valid."""
    for inputs, captured in ((["a", "b"], True), (["k", "b", ""], False)):
        made = pb.function("F", *WITHIN[name], pb.node("Relu", "b", "y"), input=inputs)
        data = pb.model(
            pb.graph(pb.node("F", "x x", domain="local")),
            opset_import=pb.opset_import("local", 1),
            functions=made,
        )
        report = onnxguard.scan_bytes(data, "m.onnx", lenient("adr-0258"))
        assert ("OG513" in {finding.code for finding in report.findings}) is captured


# -- cost ------------------------------------------------------------------------------------------


def levels(count: int, function: str, last: str) -> list[str]:
    """Functions each of which calls the next one; the last one is given."""
    names = [{"this": f"F{n}", "next": f"local.F{n + 1}"} for n in range(count)]
    made = [function.replace("THIS", n["this"]).replace("NEXT", n["next"]) for n in names]
    return [*made, last.replace("THIS", f"F{count}")]


def test_calls_that_give_the_same_are_looked_at_once() -> None:
    """2**60 calls of one function, each with the attribute of its caller."""
    function = "THIS <k>(x) => (y) { a = NEXT <k: int = @k> (x) y = NEXT <k: int = @k> (a) }"
    functions = levels(60, function, "THIS <k>(x) => (y) { y = Relu (x) }")
    assert facts_of(model("Y = local.F0 <k = 1> (X)", *functions)).expanded_nodes == 2**60


def test_calls_that_all_differ_end() -> None:
    """Each level tells its calls apart by one more number, so that none is like another."""
    function = "THIS (x, s) => (y) { p = Constant <value_ints = [0]> () "
    function += "q = Constant <value_ints = [1]> () l = Concat <axis = 0> (s, p) "
    function += "r = Concat <axis = 0> (s, q) a = NEXT (x, l) y = NEXT (a, r) }"
    functions = levels(40, function, "THIS (x, s) => (y) { y = Relu (x) }")
    data = model("s = Constant <value_ints = [0]> () Y = local.F0 (X, s)", *functions)
    report = onnxguard.scan_bytes(data, "m.onnx", "adr-0258")
    assert [f.code for f in report.findings] == ["OG005"]
    assert report.verdict is onnxguard.Verdict.ERROR
    assert VISITS < 2**40


def test_onnx_takes_these_models() -> None:
    for text, _, _ in BINDINGS.values():
        if text not in (sharing("a"), sharing_through("a")):  # whose lists allow what is not valid
            onnx.checker.check_model(parse_model(text))
