"""Comparing two models: what counts as the same, as changed and as gone, and how it is shown."""

from __future__ import annotations

import inspect
import json
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hostile import CASES
from support import formats
from support import protobuf as pb
from support.checkout import ROOT
from support.diff_goldens import FOLDER, GOLDENS, PLAIN, Golden
from support.diff_samples import PAIRS, difference, floats, loop, network, outside, sample
from support.lists import write_list
from support.protobuf import attribute, body, constant, entry, function, graph, model, node, value

from onnxguard.differences import Difference, FactsDifference, Structure
from onnxguard.differences import compare as compare_files
from onnxguard.differences.structure import compare_structure
from onnxguard.differences.values import Tree
from onnxguard.model.reading import read_model
from onnxguard.reporters import DIFFERENCE_REPORTERS
from onnxguard.reporters.diff import phrases as diff_phrases
from onnxguard.reporters.kit import paint
from onnxguard.reporters.kit.options import WIDTH
from onnxguard.scanning.report import Verdict

SCHEMA = json.loads((ROOT / "docs" / "difference.schema.json").read_text(encoding="utf-8"))
RELU = model(graph(node("Relu")))
UNSEEN = "encoding, or in what no runtime computes by"


def render(output_format: str, found: Difference, **options: Any) -> str:
    return DIFFERENCE_REPORTERS[output_format](found, PLAIN._replace(**options))


def facts_of(old: bytes, new: bytes) -> FactsDifference:
    found = difference(old, new).facts
    assert found is not None
    return found


def structure_of(old: bytes, new: bytes) -> Structure:
    found = difference(old, new).structure
    assert found is not None
    return found


# -- structure ------------------------------------------------------------------------------------


def with_attribute(*attributes: bytes, **more: Any) -> bytes:
    return model(graph(node("Relu", attribute=list(attributes), **more)))


def in_function(inner: bytes, **more: Any) -> bytes:
    return model(
        graph(node("F", domain="local")),
        functions=function("F", inner, **more),
        opset_import=pb.opset_import("local", 1),
    )


def in_training(*inner: bytes) -> bytes:
    return model(
        graph(node("Relu")), training_info=pb.message("TrainingInfoProto", algorithm=body(*inner))
    )


def float_constant(value_: float) -> bytes:
    return model(graph(constant("y", value_float={"f": value_})))


SAME: dict[str, tuple[bytes, bytes]] = {
    "names of nodes and documentation": (
        model(graph(node("Relu", name="a", doc_string="b"), name="g")),
        model(graph(node("Relu", name="c", doc_string="long" * 9), doc_string="d")),
    ),
    "value_info": (RELU, model(graph(node("Relu"), value_info=[value("x", 1, [1])]))),
    "attributes in another order": (
        with_attribute(attribute("a", i=1), attribute("b", f=0.5)),
        with_attribute(attribute("b", f=0.5), attribute("a", i=1), name="n"),
    ),
    "a tensor in an attribute": (
        with_attribute(attribute("t", t=floats("", 1, 2))),
        with_attribute(attribute("t", t=floats("", 1, 2)), name="n"),
    ),
    "functions in another order": (
        model(
            graph(node("Relu")), functions=[function("A", node("Relu")), function("B", node("Exp"))]
        ),
        model(
            graph(node("Relu")), functions=[function("B", node("Exp")), function("A", node("Relu"))]
        ),
    ),
    "initializers in another order": (
        model(graph(node("Relu"), initializer=[floats("a", 1), floats("b", 2)])),
        model(graph(node("Relu"), initializer=[floats("b", 2), floats("a", 1)])),
    ),
}


@pytest.mark.parametrize(("old", "new"), SAME.values(), ids=SAME)
def test_the_same_graph(old: bytes, new: bytes) -> None:
    found = difference(old, new)
    assert found.structure is not None
    assert (found.structure.difference, found.structure.changed) == ("", 0)
    assert not found.identical
    assert diff_phrases.likeness(found).startswith("the same structure and the same weights")


OTHER: dict[str, tuple[bytes, bytes, str]] = {
    "operator": (RELU, model(graph(node("Exp"))), "graph/node 0: Relu became Exp"),
    "domain": (RELU, model(graph(node("Relu", domain="d"))), "graph/node 0: Relu became d::Relu"),
    "input": (RELU, model(graph(node("Relu", "z"))), "graph/node 0: Relu has other inputs"),
    "output": (RELU, model(graph(node("Relu", "x", "z"))), "graph/node 0: Relu has other outputs"),
    "nodes": (RELU, model(graph(node("Relu"), node("Exp"))), "graph: 1 node became 2"),
    "dims of an input": (
        RELU,
        model(graph(node("Relu"), input=value("x", 1, [1]))),
        "graph has other inputs",
    ),
    "dtype of an output": (
        RELU,
        model(graph(node("Relu"), output=value("y", 10))),
        "graph has other outputs",
    ),
    "attribute more": (
        RELU,
        with_attribute(attribute("a", i=1)),
        "graph/node 0: Relu has other attributes",
    ),
    "integer": (
        with_attribute(attribute("a", i=1)),
        with_attribute(attribute("a", i=2)),
        "graph/node 0: Relu has another a",
    ),
    "last of many integers": (
        with_attribute(attribute("a", ints=[0] * 100)),
        with_attribute(attribute("a", ints=[0] * 99 + [1])),
        "graph/node 0: Relu has another a",
    ),
    "end of a long text": (
        with_attribute(attribute("a", s="x" * 9000)),
        with_attribute(attribute("a", s="x" * 8999 + "y")),
        "graph/node 0: Relu has another a",
    ),
    "sign of zero": (
        float_constant(0.0),
        float_constant(-0.0),
        "graph/node 0: Constant has another value_float",
    ),
    "value of a Constant": (
        model(graph(constant("y", value={"t": pb.ints(*range(99))}))),
        model(graph(constant("y", value={"t": pb.ints(*range(98), 0)}))),
        "graph/node 0: Constant has another value",
    ),
    "type of a value": (
        with_attribute(attribute("a", tp=pb.message("TypeProto", denotation="a"))),
        with_attribute(attribute("a", tp=pb.message("TypeProto", denotation="b"))),
        "graph/node 0: Relu has another a",
    ),
    "in a branch": (
        network(1),
        network(1).replace(b"Mul", b"Add"),
        "graph/If_2.then_branch/node 0: Mul became Add",
    ),
    "in a function": (
        in_function(node("Relu")),
        in_function(node("Exp")),
        "function local::F/node 0: Relu became Exp",
    ),
    "opset of a function": (
        in_function(node("Relu")),
        in_function(node("Relu"), opset_import=pb.opset_import("", 16)),
        "function local::F imports other opsets",
    ),
    "default of a function": (
        in_function(node("Relu"), attribute_proto=attribute("a", i=1)),
        in_function(node("Relu"), attribute_proto=attribute("a", i=2)),
        "function local::F has another a",
    ),
    "function more": (
        RELU,
        model(graph(node("Relu")), functions=function("F", node("Relu"))),
        "function local::F is new",
    ),
    "function less": (
        model(graph(node("Relu")), functions=function("F", node("Relu"))),
        RELU,
        "function local::F is gone",
    ),
    "training": (
        in_training(node("Relu", "", "")),
        in_training(node("Exp", "", "")),
        "training_info 0.algorithm/node 0: Relu became Exp",
    ),
    "initializer more": (
        RELU,
        model(graph(node("Relu"), initializer=floats("w", 1))),
        'graph: initializer "w" is new, or of another dtype or shape',
    ),
    "initializer less": (
        model(graph(node("Relu"), initializer=floats("w", 1))),
        RELU,
        'graph: initializer "w" is gone, or of another dtype or shape',
    ),
}


@pytest.mark.parametrize(("old", "new", "text"), OTHER.values(), ids=OTHER)
def test_another_graph_says_where(old: bytes, new: bytes, text: str) -> None:
    found = difference(old, new)
    assert found.structure is not None
    assert found.structure.difference == text
    assert diff_phrases.likeness(found) == f"other graphs; the first difference: {text}"


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (network(1, 2), "the same file, byte for byte"),
        (network(1, 3), "the same structure, other weights: 2 of 3 initializers hold other values"),
        (
            network(1, 3, producer_name="p"),
            "the same graph, other weights: 2 of 3 initializers hold other values",
        ),
        (
            network(1, 2, metadata_props=entry("a", "b")),
            "the same graph and the same weights; the files differ in what is listed",
        ),
        (
            network(1, 2, doc="d"),
            f"the same structure and the same weights; the files differ in {UNSEEN}",
        ),
    ],
    ids=["file", "weights", "header and weights", "header", "documentation"],
)
def test_how_alike(new: bytes, said: str) -> None:
    assert diff_phrases.likeness(difference(network(1, 2), new)) == said


def test_weights_in_other_files_are_not_compared_and_it_says_so() -> None:
    external = model(graph(node("Relu"), initializer=[outside("e", "0"), floats("w", 1)]))
    found = difference(external, external)
    assert found.structure == Structure("", weights=1, elsewhere=1)
    assert diff_phrases.likeness(found).endswith("; 1 tensor in other files not compared")


def test_weights_at_an_address_are_not_compared_and_it_says_so() -> None:
    old, new = (Tree(read_model(data), data) for data in (network(1, 2), network(1, 3)))
    structure = compare_structure(old, new, weights=False)
    assert structure == Structure("", elsewhere=3)
    found = difference(network(1, 2), network(1, 3))._replace(identical=None, structure=structure)
    said = diff_phrases.likeness(found)
    assert said == "the same structure; 3 tensors at an address not compared"
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(render("json", found)))


def test_what_readers_may_understand_differently_is_not_compared() -> None:
    twice = node("Relu", attribute=[attribute("a", i=1), attribute("a", i=2)])
    namesakes = [function("F", node("Relu")), function("F", node("Exp"))]
    for odd in (model(graph(twice)), model(graph(node("Relu")), functions=namesakes)):
        found = difference(odd, RELU)
        assert found.structure is not None
        assert (found.structure.compared, found.structure.same) == (False, False)
        assert "the graphs were not compared" in diff_phrases.likeness(found)


def test_large_weights_are_compared_to_the_last_byte() -> None:
    size = 3 << 20

    def large(last: int) -> bytes:
        raw = bytes(size - 1) + bytes([last])
        return model(graph(node("Relu"), initializer=pb.tensor(2, [size], "w", raw_data=raw)))

    found = structure_of(large(0), large(1))
    assert found._replace(initializers=()) == Structure("", weights=1, changed=1)
    assert [each.largest for each in found.initializers] == [1]


# -- facts ----------------------------------------------------------------------------------------


def names(*groups: Any) -> list[list[str]]:
    """Added, removed and changed of a group, by what each is called."""
    (group,) = groups
    called: Callable[[Any], str] = lambda item: getattr(item, "label", None) or item[0]  # noqa: E731
    return [
        list(map(called, group.added)),
        list(map(called, group.removed)),
        [called(pair.new) for pair in group.changed],
    ]


def test_everything_that_differs_is_matched() -> None:
    found = sample("rich").facts
    assert found is not None
    assert names(found.opset_imports) == [["com.example"], [], ["ai.onnx", "local"]]
    assert names(found.operators) == [
        ["Exp", "Sigmoid", "com.example::Gelu", "local::Fresh"],
        ["local::Gone"],
        ["local::Block"],
    ]
    outputs = [
        [c.output for c in found.constants.added],
        [c.output for c in found.constants.removed],
    ]
    assert outputs == [["new"], ["old"]]
    assert [pair.new.output for pair in found.constants.changed] == ["five", "table"]
    assert names(found.inputs) == [[], [], ["mask"]]
    assert found.inputs.moved
    assert names(found.outputs) == [["score"], ["aux"], []]
    assert not found.outputs.moved
    assert [f.name for f in found.functions.added] == ["Fresh"]
    assert [f.name for f in found.functions.removed] == ["Gone"]
    assert [pair.new.name for pair in found.functions.changed] == ["Block"]
    assert names(found.initializers) == [["int64"], [], ["float32"]]
    assert names(found.external_data) == [[], ["f"], ["e"]]
    assert [(p.old.trip_count, p.new.trip_count) for p in found.loops.changed] == [(5, 7)]
    assert names(found.metadata) == [["note"], ["todo"], ["date"]]


def test_nothing_differs_between_equal_models() -> None:
    found = facts_of(PAIRS["rich"][0], PAIRS["rich"][0])
    assert all(group.same for group in diff_phrases.groups(found))
    assert diff_phrases.changed_numbers(found) == []


def test_a_constant_under_another_name_is_no_change() -> None:
    five, six = ({"value_int": {"i": number}} for number in (5, 6))
    old = model(graph(constant("a", **five), constant("b", **six)))
    new = model(graph(constant("c", **six), constant("d", **five)))
    assert facts_of(old, new).constants.same


def test_a_function_with_another_body_is_changed() -> None:
    found = facts_of(
        in_function(node("Relu")), in_function(node("Relu", attribute=attribute("a", i=1)))
    )
    (pair,) = found.functions.changed
    assert pair.new.nodes == pair.old.nodes
    text = render("text", difference(in_function(node("Relu")), in_function(node("Exp"))))
    assert "another body" in text


def test_a_domain_that_is_imported_twice_is_matched_in_order() -> None:
    def imported(*versions: int) -> bytes:
        return model(graph(node("Relu")), opset_import=[pb.opset_import("d", v) for v in versions])

    found = facts_of(imported(1, 2), imported(1, 3, 4)).opset_imports
    assert [o.version for o in found.added] == [4]
    assert [(pair.old.version, pair.new.version) for pair in found.changed] == [(2, 3)]


def test_inputs_that_change_places_are_seen() -> None:
    def ordered(*order: str) -> bytes:
        return model(graph(node("Add", "a b"), input=[value(name) for name in order]))

    found = difference(ordered("a", "b"), ordered("b", "a"))
    assert found.facts is not None
    assert found.facts.inputs.moved
    assert "Inputs: in another order" in render("text", found)
    assert "Inputs: in another order." in render("markdown", found)


# -- verdicts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "verdict", "code"),
    [
        ("Relu", "Exp", Verdict.PASS, 0),
        ("Einsum", "Relu", Verdict.PASS, 0),
        ("Relu", "Einsum", Verdict.FAIL, 1),
        ("Einsum", "Einsum", Verdict.FAIL, 1),
    ],
)
def test_exit_code_is_that_of_the_new_model(
    old: str, new: str, verdict: Verdict, code: int
) -> None:
    found = difference(model(graph(node(old))), model(graph(node(new))), "adr-0258")
    assert (found.verdict, found.exit_code) == (verdict, code)


@pytest.mark.parametrize(
    ("old", "new"), [(RELU, b"<html>"), (b"<html>", RELU), (RELU, b"\x0a\xff")]
)
def test_a_model_that_cannot_be_read_is_an_error(old: bytes, new: bytes) -> None:
    found = difference(old, new)
    assert (found.verdict, found.exit_code) == (Verdict.ERROR, 2)
    assert (found.facts, found.structure, found.identical) == (None, None, False)
    assert "ERROR" in render("text", found)


def test_findings_are_matched_by_code_operator_and_message() -> None:
    old = model(graph(node("Einsum", "x", "a"), node("Det", "a")))
    new = model(
        graph(
            node("Relu", "x", "a"),
            node("Einsum", "a", "b"),
            node("Einsum", "b", "c"),
            node("Xor", "c c"),
        )
    )
    (judged,) = difference(old, new).judged
    assert [f.operator for f in judged.added] == ["Xor"]
    assert [f.operator for f in judged.gone] == ["Det"]
    assert [(pair.old.count, pair.new.count) for pair in judged.standing] == [(1, 2)]
    text = render("text", difference(old, new))
    assert (
        "= OG101 error: Einsum is not on the allowlist base (operator-not-allowed) [1 place" in text
    )


def test_a_waived_finding_of_the_new_model_is_no_failure(tmp_path: Path) -> None:
    waiver = """\
waivers:
  - {code: OG101, operator: Einsum, model: new.onnx, until: 2999-01-01, reason: for a while}
"""
    path = str(write_list(tmp_path, waiver.replace("until", "expires")))
    bad = model(graph(node("Einsum")))
    found = difference(bad, bad, path)
    assert found.exit_code == 0
    assert found.judged[0].verdict == (Verdict.FAIL, Verdict.PASS)
    for output_format in DIFFERENCE_REPORTERS:
        formats.check_document(output_format, render(output_format, found))
    assert "waived now" in render("text", found)


def test_every_list_judges_both() -> None:
    v1, v2 = (str(ROOT / "tests" / "models" / f"saliency_{v}.onnx") for v in ("v1", "v2"))
    found = compare_files(v1, v2, ["adr-0258", "adr-0171"])
    assert [(j.allowlist, *j.verdict) for j in found.judged] == [
        ("adr-0258", Verdict.PASS, Verdict.PASS),
        ("adr-0171", Verdict.PASS, Verdict.FAIL),
    ]
    assert found.exit_code == 1


# -- formats --------------------------------------------------------------------------------------


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda golden: golden.file)
def test_golden(golden: Golden) -> None:
    assert golden.render() == (FOLDER / golden.file).read_text(encoding="utf-8")


def test_every_golden_file_is_compared_and_every_format_has_one() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {golden.file for golden in GOLDENS}
    assert {golden.format for golden in GOLDENS} == set(DIFFERENCE_REPORTERS) - {"html"}


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("output_format", DIFFERENCE_REPORTERS)
@pytest.mark.parametrize("verbosity", [0, 1])
def test_every_format_is_whole_and_harmless(output_format: str, name: str, verbosity: int) -> None:
    formats.check_document(output_format, render(output_format, sample(name), verbosity=verbosity))


def test_json_follows_the_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    validator = jsonschema.Draft202012Validator(SCHEMA)
    for name in PAIRS:
        validator.validate(json.loads(render("json", sample(name))))


def test_schema_refuses_anything_else() -> None:
    document = json.loads(render("json", sample("rich")))
    document["facts"]["operators"]["surprise"] = 1
    with pytest.raises(jsonschema.ValidationError, match="surprise"):
        jsonschema.Draft202012Validator(SCHEMA).validate(document)


def test_text_fits_the_terminal_and_colour_adds_nothing_but_colour() -> None:
    for name in ("rich", "weights", "identical", "unverified"):
        plain = render("text", sample(name))
        assert max(map(len, plain.splitlines())) <= WIDTH
        assert paint.uncolored(render("text", sample(name), color=True)) == plain


def test_long_lists_are_cut_and_say_so() -> None:
    def entries(count: int) -> bytes:
        return model(
            graph(node("Relu")), metadata_props=[entry(f"k{i}", "v") for i in range(count)]
        )

    found = difference(entries(0), entries(60))
    assert "... and 48 more (-v shows all)" in render("text", found)
    assert "k59" in render("text", found, verbosity=1)
    assert "And 20 more." in render("markdown", found)
    assert len(json.loads(render("json", found))["facts"]["metadata"]["added"]) == 60


HOSTILE = [
    case
    for name, case in CASES.items()
    if not case.heavy and name.startswith(("injection.in_every_name", "external.", "tensors."))
][::3]


@pytest.mark.parametrize("case", HOSTILE, ids=lambda case: case.name)
def test_hostile_models_are_compared_harmlessly(case: Any, tmp_path: Path) -> None:
    clean = tmp_path / "clean.onnx"
    clean.write_bytes(RELU)
    hostile = str(case.build(tmp_path))
    for pair in ((str(clean), hostile), (hostile, str(clean)), (hostile, hostile)):
        found = compare_files(*pair, [case.allowlist], sketched=True)
        for output_format in DIFFERENCE_REPORTERS:
            formats.check_document(output_format, render(output_format, found, verbosity=1))
        if pair[1] == hostile:
            assert found.exit_code in case.exits


def test_deep_graphs_are_compared_without_recursion() -> None:
    """As deep as protobuf reads, by few more frames than there are levels."""

    def nested(operator: str) -> bytes:
        inner = body(node(operator))
        for _ in range(32):
            inner = body(node("If", "c", "", attribute=attribute("then_branch", g=inner)))
        return model(inner)

    structure_of(nested("Relu"), nested("Exp"))  # imports take frames, too
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 30)
    try:
        compare_both(nested)
    finally:
        sys.setrecursionlimit(before)


def compare_both(nested: Callable[[str], bytes]) -> None:
    assert structure_of(nested("Relu"), nested("Relu")).same
    assert structure_of(nested("Relu"), nested("Exp")).difference.endswith("Relu became Exp")


def test_a_loop_with_another_body_is_another_graph() -> None:
    old, new = (
        model(
            graph(
                constant("n", value={"t": pb.tensor(7, [], raw_data=struct.pack("<q", 3))}),
                loop("n", node(op, "v", "w")),
            )
        )
        for op in ("Relu", "Exp")
    )
    assert structure_of(old, new).difference == "graph/Loop_1.body/node 0: Relu became Exp"
