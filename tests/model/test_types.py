"""Types follow as ONNX's shape inference finds them, and stay unknown where nothing follows."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import make_models
import onnx
import onnxruntime
import pytest
from onnx import AttributeProto, GraphProto, ModelProto, TypeProto, defs
from onnx.backend.test.loader import load_model_tests
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument
from support import networks
from support import protobuf as pb
from support.protobuf import attribute, body, constant, function, graph, node, value

from onnxguard.model import type_names
from onnxguard.model.graph import Graph, Model
from onnxguard.model.output_types import RULES
from onnxguard.model.reading import read_model
from onnxguard.model.types import _BODIES, VISITS_AT_LEAST, Types, infer_types

FEWEST = 1800
FLOAT, INT32, INT64, STRING, BOOL, HALF, DOUBLE = 1, 6, 7, 8, 9, 10, 11
F, H, L = "tensor(float)", "tensor(float16)", "tensor(int64)"
LOCAL = [pb.opset_import("local", 1)]


def text(given: TypeProto) -> str:
    """A type as onnx's protobuf holds it, as its schemas write it."""
    kind = given.WhichOneof("value")
    if kind in ("tensor_type", "sparse_tensor_type"):
        element = onnx.TensorProto.DataType.Name(getattr(given, kind).elem_type).lower()
        return f"{kind.removesuffix('_type')}({element})" if element != "undefined" else ""
    if kind == "map_type":
        inner = text(given.map_type.value_type)
        key = onnx.TensorProto.DataType.Name(given.map_type.key_type).lower()
        return inner and f"map({key},{inner})"
    if kind in ("sequence_type", "optional_type"):
        inner = text(getattr(given, kind).elem_type)
        return inner and f"{kind.removesuffix('_type').replace('sequence', 'seq')}({inner})"
    return ""


def proto_graphs(graph: GraphProto) -> Iterator[GraphProto]:
    yield graph
    for each in graph.node:
        for held in each.attribute:
            if held.type == AttributeProto.GRAPH:
                yield from proto_graphs(held.g)


def our_graphs(graph: Graph) -> Iterator[Graph]:
    yield graph
    for each in graph.nodes:
        for held in each.attributes:
            for inner in held.graphs:
                yield from our_graphs(inner)


class Compared:
    """How many values both typed, and where they disagree."""

    def __init__(self) -> None:
        self.theirs = self.both = 0
        self.different: list[tuple[str, str, str, str]] = []

    def add(self, name: str, model: ModelProto) -> None:
        inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
        ours = read_model(model.SerializeToString())
        types = infer_types(ours)
        assert types.clashes == [], name
        for theirs, each_graph in zip(
            proto_graphs(inferred.graph), our_graphs(ours.graph), strict=True
        ):
            table = types.tables.get(id(each_graph), [{}])[0]
            for each in (*theirs.value_info, *theirs.output):
                wanted, found = text(each.type), table.get(each.name.encode(), "")
                self.theirs += bool(wanted)
                self.both += bool(wanted and found)
                if wanted and found and wanted != found:
                    self.different.append((name, each.name, wanted, found))


def undeclared(model: ModelProto) -> ModelProto:
    """The model without the types of its outputs and of what lies between."""
    bare = ModelProto()
    bare.CopyFrom(model)
    for inner in proto_graphs(bare.graph):
        del inner.value_info[:]
    for output in bare.graph.output:
        output.ClearField("type")
    return bare


@pytest.fixture(scope="module")
def official() -> list[tuple[str, ModelProto]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy's, about the overflows that some cases are about
        cases = load_model_tests(kind="node")
    return [(case.name, case.model) for case in cases if case.model is not None]


@pytest.mark.parametrize("declared", [True, False])
def test_types_are_those_of_onnx_on_every_official_model(
    official: list[tuple[str, ModelProto]], declared: bool
) -> None:
    assert len(official) >= FEWEST
    compared = Compared()
    refused = []
    for name, model in official:
        try:
            compared.add(name, model if declared else undeclared(model))
        except onnx.shape_inference.InferenceError as error:
            refused.append((name, str(error)))
    assert [name for name, _ in refused] == ["test_mvn"], refused  # onnx's own slip
    assert compared.different == []
    print(f"\n{compared.both} of the {compared.theirs} values that onnx types are typed")
    assert compared.theirs > 10_000
    assert compared.both >= 0.995 * compared.theirs


@pytest.mark.parametrize("path", sorted(make_models.FOLDER.glob("*.onnx")), ids=lambda p: p.name)
def test_types_are_those_of_onnx_on_the_committed_models(path: Path) -> None:
    compared = Compared()
    compared.add(path.name, onnx.load(path))
    compared.add(path.name, undeclared(onnx.load(path)))
    assert compared.different == []
    assert compared.both == compared.theirs > 0


@pytest.mark.parametrize("how", networks.EXPORTERS)
@pytest.mark.parametrize("network", ["transformer", "recurrent"])
def test_types_are_those_of_onnx_on_exports(network: str, how: str) -> None:
    compared = Compared()
    model = ModelProto.FromString(networks.export(network, how)[1])
    compared.add(network, model)
    compared.add(network, undeclared(model))
    assert compared.different == []
    assert compared.both == compared.theirs > 0


# -- the tables ------------------------------------------------------------------------------------

NOT_TYPED = {("ai.onnx.preview.training", "Gradient")}
"""Its outputs follow from names in its attributes; no runtime runs it."""


def is_open(schema: defs.OpSchema) -> bool:
    """Whether an output's type follows from no input that must be given."""
    variadic, optional = (
        defs.OpSchema.FormalParameterOption.Variadic,
        (defs.OpSchema.FormalParameterOption.Optional),
    )
    bound = {
        formal.type_str
        for formal in schema.inputs
        if formal.option != optional and (formal.option != variadic or formal.is_homogeneous)
    }
    allowed = {c.type_param_str: c.allowed_type_strs for c in schema.type_constraints}
    return any(
        (formal.option == variadic and not formal.is_homogeneous)
        or (formal.type_str not in bound and len(allowed.get(formal.type_str, ())) > 1)
        for formal in schema.outputs
    )


def test_every_operator_whose_outputs_no_input_binds_is_known() -> None:
    wanted = {(s.domain, s.name) for s in defs.get_all_schemas_with_history() if is_open(s)}
    found = {(domain, name) for domain in RULES for name in RULES[domain]}
    found |= {("", name) for name in _BODIES}
    assert wanted - NOT_TYPED <= found
    assert {key for key in found - wanted if key[0] != "com.microsoft"} == set()


def test_elements_are_named_as_onnx_does() -> None:
    kinds = onnx.TensorProto.DataType
    wanted = {code: f"tensor({name.lower()})" for name, code in kinds.items() if code}
    assert wanted == type_names.TENSORS


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("tensor(double)", "float64"),
        ("seq(tensor(float))", "sequence(float32)"),
        ("optional(seq(tensor(int64)))", "optional(sequence(int64))"),
        ("seq(map(string,tensor(double)))", "sequence(map(string,float64))"),
        ("sparse_tensor(float)", "sparse_tensor(float32)"),
        ("tensor(float16)", "float16"),
        ("tensor(float8e4m3fn)", "float8e4m3fn"),
    ],
)
def test_types_are_shown_by_the_names_of_dtypes(text: str, shown: str) -> None:
    assert type_names.shown(text) == shown


# -- graphs, bodies and functions ------------------------------------------------------------------


def inferred(data: bytes) -> tuple[Model, Types]:
    model = read_model(data)
    return model, infer_types(model)


def main_types(data: bytes) -> dict[bytes, str]:
    model, types = inferred(data)
    return types.tables[id(model.graph)][0]


def cast(source: str, target: str, to: int) -> bytes:
    return node("Cast", source, target, attribute=attribute("to", i=to))


def test_nodes_may_stand_in_any_order() -> None:
    nodes = [node("Relu", "c", "y"), cast("b", "c", HALF), cast("a", "b", DOUBLE)]
    data = pb.model(graph(*nodes, node("Abs", "x", "a"), output=value("y", HALF)))
    assert main_types(data)[b"y"] == H
    assert inferred(data)[1].clashes == []


def test_a_ring_of_nodes_has_no_types() -> None:
    nodes = [node("Relu", "b", "a"), node("Relu", "a", "b"), node("Abs", "x", "y")]
    types = main_types(pb.model(graph(*nodes)))
    assert (types[b"a"], types[b"b"], types[b"y"]) == ("", "", F)


def test_a_name_that_nothing_gives_has_no_type() -> None:
    types = main_types(pb.model(graph(node("Relu", "nothing", "a"), node("Abs", "x", "y"))))
    assert (types[b"a"], types[b"y"]) == ("", F)


def test_a_body_sees_the_values_around_it_and_hides_them_by_its_own() -> None:
    inner = body(cast("x", "x", DOUBLE), node("Neg", "w", "w2"), output=[value("x", DOUBLE)])
    other = body(cast("w", "o", DOUBLE), output=[value("o", DOUBLE)])
    branches = [attribute("then_branch", g=inner), attribute("else_branch", g=other)]
    made = [node("If", "c", "z", attribute=branches), node("Abs", "x", "y")]
    inputs = [value("x"), value("w", HALF), value("c", BOOL, [])]
    data = pb.model(graph(*made, input=inputs))
    model, types = inferred(data)
    assert types.tables[id(model.graph)][0][b"z"] == "tensor(double)"
    assert types.tables[id(model.graph)][0][b"y"] == F
    then = model.graph.nodes[0].attributes[0].graphs[0]
    assert types.tables[id(then)] == [{b"x": "tensor(double)", b"w2": H}]


def test_a_function_is_typed_for_each_way_it_is_called() -> None:
    made = function("F", node("Neg", "x", "t"), node("Neg", "t", "y"))
    calls = [node("F", "x", "a", domain="local"), node("F", "w", "b", domain="local")]
    again = node("F", "a", "y", domain="local")
    data = pb.model(
        graph(*calls, again, input=[value("x"), value("w", HALF)]),
        opset_import=LOCAL,
        functions=made,
    )
    model, types = inferred(data)
    found = types.tables[id(model.graph)][0]
    assert (found[b"a"], found[b"b"], found[b"y"]) == (F, H, F)
    tables = types.tables[id(model.functions[0].body)]
    assert [table[b"t"] for table in tables] == [F, H]


@pytest.mark.parametrize(
    ("given", "default", "wanted"),
    [(HALF, None, H), (None, DOUBLE, "tensor(double)"), (HALF, DOUBLE, H), (None, None, "")],
)
def test_an_attribute_of_the_caller_decides(
    given: int | None, default: int | None, wanted: str
) -> None:
    inner = node("Cast", "x", "y", attribute=attribute("to", type=2, ref_attr_name="t"))
    more: dict[str, Any] = {"attribute": ["t"]}
    if default is not None:
        more = {"attribute_proto": attribute("t", i=default)}
    held = [] if given is None else [attribute("t", i=given)]
    call = node("F", "x", "y", domain="local", attribute=held)
    data = pb.model(
        graph(call, output=pb.message("ValueInfoProto", name="y")),
        opset_import=LOCAL,
        functions=function("F", inner, **more),
    )
    assert main_types(data)[b"y"] == wanted


def test_a_graph_that_a_caller_hands_on_says_nothing() -> None:
    """It reads the names of where it was written, not of the function's body."""
    held = [attribute(f"{n}_branch", type=5, ref_attr_name="g") for n in ("then", "else")]
    made = function("F", node("If", "c", "y", attribute=held), input=["c"], attribute=["g"])
    inner = body(cast("x", "o", HALF), output=[value("o", HALF)])
    call = node("F", "c", "y", domain="local", attribute=attribute("g", g=inner))
    data = pb.model(
        graph(call, input=[value("x"), value("c", BOOL, [])], output=value("y", INT64)),
        opset_import=LOCAL,
        functions=made,
    )
    assert main_types(data)[b"y"] == L  # as declared
    assert inferred(data)[1].clashes == []


def test_functions_that_call_themselves_have_no_types() -> None:
    made = [
        function("F", node("G", domain="local"), opset_import=LOCAL),
        function("G", node("F", domain="local"), opset_import=LOCAL),
    ]
    call = node("F", "x", "z", domain="local")
    data = pb.model(graph(call, node("Abs", "x", "y")), opset_import=LOCAL, functions=made)
    assert main_types(data)[b"z"] == ""


def test_an_uncalled_function_is_looked_at_too() -> None:
    wrong = [constant("a", value_int={"i": 1}), constant("b", value_float={"f": 1.0})]
    made = function("F", *wrong, node("Add", "a b", "y"))
    _, types = inferred(pb.model(graph(node("Relu")), functions=made))
    assert [clash.code for clash in types.clashes] == ["OG177"]


def test_bodies_are_looked_at_a_bounded_number_of_times() -> None:
    """Each function calls the next with one input more of another type: 2**16 ways of the last."""
    names = [f"x{i}" for i in range(16)]
    doubling = []
    for i in range(16):
        changed = " ".join([*names[:i], "h", *names[i + 1 :]])
        nodes = [
            cast(names[i], "h", HALF),
            node(f"F{i + 1}", " ".join(names), "a", domain="local"),
            node(f"F{i + 1}", changed, "b", domain="local"),
        ]
        imports = [pb.opset_import("", 17), *LOCAL]
        more: dict[str, Any] = {"input": names, "output": ["b"], "opset_import": imports}
        doubling.append(function(f"F{i}", *nodes, **more))
    last = function("F16", node("Relu", "x0", "b"), input=names, output=["b"])
    call = node("F0", " ".join(["x"] * 16), "z", domain="local")
    made = graph(call, node("Relu", "x", "y"))
    data = pb.model(made, opset_import=LOCAL, functions=[*doubling, last])
    model, types = inferred(data)
    ways = sum(len(types.tables[id(f.body)]) for f in model.functions)
    assert 1_000 < ways <= VISITS_AT_LEAST // 20, "each body has more than 20 things"
    assert types.tables[id(model.graph)][0][b"y"] == F
    assert types.clashes == []


def test_types_are_told_as_deep_as_protobuf_reads() -> None:
    inner = body(node("Relu", "x", "o"), output=[value("o")])
    for _ in range(28):  # 100 messages in each other are all that protobuf reads
        held = [attribute(f"{n}_branch", g=inner) for n in ("then",)]
        inner = body(node("If", "c", "o", attribute=held), output=[value("o")])
    made = node("If", "c", "y", attribute=attribute("then_branch", g=inner))
    data = pb.model(graph(made, input=[value("x"), value("c", BOOL, [])]))
    assert main_types(data)[b"y"] == F


def test_an_opset_younger_than_the_table_says_nothing() -> None:
    assert (
        main_types(pb.model(graph(node("Relu", "x", "a"), node("Abs", "x", "y")), opset=99))[b"a"]
        == ""
    )


def test_a_loop_may_fill_an_optional(official: list[tuple[str, ModelProto]]) -> None:
    data = dict(official)["test_loop16_seq_none"].SerializeToString()
    types = main_types(data)
    assert (types[b"opt_seq"], types[b"seq_res"]) == (
        "optional(seq(tensor(float)))",
        "seq(tensor(float))",
    )


def test_a_map_keeps_the_type_of_its_keys() -> None:
    inner = pb.message("TypeProto", tensor_type=pb.message("TypeProto.Tensor", elem_type=FLOAT))
    held = pb.message(
        "TypeProto", map_type=pb.message("TypeProto.Map", key_type=STRING, value_type=inner)
    )
    listed = pb.message("TypeProto", sequence_type=pb.message("TypeProto.Sequence", elem_type=held))
    given = pb.message("ValueInfoProto", name="x", type=listed)
    types = main_types(pb.model(graph(node("Identity"), input=given, output=given)))
    assert types[b"x"] == "seq(map(string,tensor(float)))"


# -- types of which a part is left out -------------------------------------------------------------

PARTIAL = {
    "none": TypeProto(),
    "tensor": TypeProto(tensor_type=TypeProto.Tensor()),
    "sparse_tensor": TypeProto(sparse_tensor_type=TypeProto.SparseTensor()),
    "sequence": TypeProto(sequence_type=TypeProto.Sequence()),
    "optional": TypeProto(optional_type=TypeProto.Optional()),
    "sequence of tensors": TypeProto(
        sequence_type=TypeProto.Sequence(elem_type=TypeProto(tensor_type=TypeProto.Tensor()))
    ),
    "map without a key": TypeProto(
        map_type=TypeProto.Map(value_type=onnx.helper.make_tensor_type_proto(FLOAT, None))
    ),
    "map without values": TypeProto(map_type=TypeProto.Map(key_type=INT64)),
}
PLACES = ["x", "t", "y", "c", "i", "go", "v", "w", "u", "nobody", "inside"]
"""Names in ``declared_in_part``: an input, a value_info, an output, an input that is stored, a
loop's own, a value_info of nobody and one of a function."""


def declared_in_part(place: str, kind: TypeProto) -> ModelProto:
    """A model that declares one of its values with this type, and the others whole."""

    def info(name: str, dtype: int = FLOAT) -> onnx.ValueInfoProto:
        whole = onnx.helper.make_tensor_type_proto(dtype, None)
        return onnx.ValueInfoProto(name=name, type=kind if name == place else whole)

    make = onnx.helper.make_node
    nodes = [
        make("Relu", ["v"], ["u"]),
        make("Relu", ["u"], ["w"]),
        make("Identity", ["go"], ["on"]),
    ]
    ends = [info("on", BOOL), info("w")]
    round_ = onnx.helper.make_graph(
        nodes, "b", [info("i", INT64), info("go", BOOL), info("v")], ends, value_info=[info("u")]
    )
    nodes = [
        make("F", ["x"], ["t"], domain="local"),
        make("Add", ["t", "c"], ["s"]),
        make("Loop", ["n", "", "s"], ["y"], body=round_),
    ]
    stored = [
        onnx.helper.make_tensor("c", FLOAT, [], [1]),
        onnx.helper.make_tensor("n", 7, [], [2]),
    ]
    declared = [info("t"), info("nobody")]
    held = onnx.helper.make_graph(nodes, "g", [info("x"), info("c")], [info("y")], stored)
    held.value_info.extend(declared)
    opsets = [onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid("local", 1)]
    body = [make("Relu", ["a"], ["inside"]), make("Relu", ["inside"], ["b"])]
    made = onnx.helper.make_function("local", "F", ["a"], ["b"], body, opsets[:1])
    made.value_info.append(info("inside"))
    return onnx.helper.make_model(held, opset_imports=opsets, ir_version=10, functions=[made])


@pytest.mark.parametrize("kind", PARTIAL)
@pytest.mark.parametrize("place", PLACES)
def test_a_type_in_part_is_said_where_onnxruntime_refuses_it(place: str, kind: str) -> None:
    model = declared_in_part(place, PARTIAL[kind]).SerializeToString()
    wanted = []
    try:
        onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    except (Fail, InvalidArgument):
        wanted = ["OG182"]
    clashes = infer_types(read_model(model)).clashes
    assert [clash.code for clash in clashes] == wanted, clashes
