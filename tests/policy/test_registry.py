"""The registry holds the lists as they were decided, one after the other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from onnx import defs
from support import protobuf as pb
from support.protobuf import attribute, graph, node

import onnxguard
from onnxguard import Severity, load_allowlist
from onnxguard.base.errors import AllowlistError
from onnxguard.policy.allowlist import DEFAULT_DOMAIN, Range
from onnxguard.policy.registry import DEFAULT_ALLOWLIST, FOLDER, allowlist_ids

BASE = """
    Identity Reshape Flatten Squeeze Unsqueeze Transpose Concat Slice Gather Cast Shape Expand
    Add Sub Mul Div Neg Abs Sqrt Pow Exp Log Clip Min Max Sum Mean
    ReduceMean ReduceSum ReduceMax ReduceMin GlobalAveragePool GlobalMaxPool
    Gemm MatMul
    Conv ConvTranspose MaxPool AveragePool
    BatchNormalization LayerNormalization InstanceNormalization
    Relu LeakyRelu Sigmoid Tanh Softmax Elu Selu Softplus Softsign Gelu Erf HardSigmoid HardSwish
    PRelu
    Dropout
    Constant ConstantOfShape
"""
STEPS = {
    "base": ("", BASE, 59),
    "adr-0169": ("base", "QuantizeLinear DequantizeLinear Loop If", 63),
    "adr-0171": ("adr-0169", "", 63),
    "pre-adr-0258": (
        "adr-0171",
        "Pad Reciprocal ReduceProd GatherND ScatterND BitShift",
        69,
    ),
    "adr-0258": ("pre-adr-0258", "Resize", 70),
    "vmafx-2026": ("adr-0258", "DynamicQuantizeLinear MatMulInteger ConvInteger", 73),
}
"""id: the list that it extends, what it adds, and how many operators it then holds."""

DECIDED = {
    **dict.fromkeys(BASE.split(), ("ADR-0039", "2026-04-15")),
    **dict.fromkeys(["QuantizeLinear", "DequantizeLinear"], ("", "2026-04-16")),
    **dict.fromkeys(["Loop", "If"], ("ADR-0169", "2026-04-25")),
    **dict.fromkeys(STEPS["pre-adr-0258"][1].split(), ("", "2026-05-04")),
    "Resize": ("ADR-0258", "2026-05-03"),
    **dict.fromkeys(STEPS["vmafx-2026"][1].split(), ("", "2026-11-30")),
}


def names(name: str) -> set[str]:
    """What the list holds by its history."""
    parent, added, _ = STEPS[name]
    return set(added.split()) | (names(parent) if parent else set())


def lineage(name: str) -> tuple[str, ...]:
    parent = STEPS[name][0]
    return (name, *lineage(parent)) if parent else (name,)


def test_registry_holds_these_lists_and_no_other() -> None:
    assert allowlist_ids() == sorted(STEPS)
    assert DEFAULT_ALLOWLIST == "adr-0258"


@pytest.mark.parametrize("name", STEPS)
def test_list_names_what_was_decided(name: str) -> None:
    policy = load_allowlist(name)
    assert policy.entries.keys() == {(DEFAULT_DOMAIN, op_type) for op_type in names(name)}
    assert len(policy.entries) == STEPS[name][2]
    assert (policy.id, policy.lineage) == (name, lineage(name))
    assert policy.title


@pytest.mark.parametrize("name", STEPS)
def test_every_entry_says_who_decided_it_when_and_why(name: str) -> None:
    for entries in load_allowlist(name).entries.values():
        (entry,) = entries
        assert (entry.decision.adr, entry.decision.date) == DECIDED[entry.op_type]
        assert entry.decision.reason
        assert entry.opset == Range(1, None)
        assert entry.dtypes is None
        assert entry.constant_inputs == ()
        file, line, _ = entry.source.split(":")
        assert file in {f"{each}.yaml" for each in lineage(name)}
        assert int(line) > 1


def test_only_the_mode_of_resize_has_a_condition() -> None:
    conditional = [
        (entry.op_type, list(entry.attributes))
        for entries in load_allowlist("adr-0258").entries.values()
        for entry in entries
        if entry.is_conditional
    ]
    assert conditional == [("Resize", ["mode"])]
    (entry,) = load_allowlist("adr-0258").entries[DEFAULT_DOMAIN, "Resize"]
    rule = entry.attributes["mode"]
    assert rule.allowed == ("nearest", "linear")
    assert rule.severity is Severity.WARNING
    assert rule.decision.adr == "ADR-0258"


@pytest.mark.parametrize("name", STEPS)
def test_scan_is_denied_from_the_list_that_considered_it(name: str) -> None:
    denials = load_allowlist(name).denials
    assert list(denials) == ([] if name == "base" else [(DEFAULT_DOMAIN, "Scan")])
    for denial in denials.values():
        assert denial.decision.label == "ADR-0169"
        assert "variadic" in denial.decision.reason
        assert "Loop" in denial.instead


@pytest.mark.parametrize("name", STEPS)
def test_loops_are_bounded_from_the_list_that_bounds_them(name: str) -> None:
    limits = load_allowlist(name).limits
    loops = {key: limit.value for key, limit in limits.items() if key.startswith("loop")}
    bounded = "adr-0171" in lineage(name)
    wanted = {"loop_nodes": 16, "loop_trip_count": 1024, "loop_trip_product": 1024 * 1024}
    assert loops == (wanted if bounded else {})
    assert all(limits[key].decision.adr == "ADR-0171" for key in loops)


@pytest.mark.parametrize("name", STEPS)
def test_what_the_loader_takes_holds_for_every_list(name: str) -> None:
    policy = load_allowlist(name)
    assert policy.limit("model_bytes") == 50 * 1024 * 1024
    assert policy.limit("subgraph_depth") == 8
    assert policy.limit("op_type_bytes") == 127
    assert policy.policies == {
        "functions": "allow",
        "training_info": "forbid",
        "external_data": "allow",
        "unknown_fields": "forbid",
    }
    assert policy.constants == "report"
    assert policy.dtypes is not None
    assert not policy.dtypes.admits("string")
    assert policy.dtypes.admits("float32")
    assert policy.waivers == ()


@pytest.mark.parametrize("name", STEPS)
def test_every_list_has_the_ranges_of_the_first(name: str) -> None:
    policy, base = load_allowlist(name), load_allowlist("base")
    assert (policy.opsets, policy.ir_version) == (base.opsets, base.ir_version)


LOAD = """
import json, sys
import onnxruntime
from onnx import helper
onnxruntime.set_default_logger_severity(4)
value = [helper.make_tensor_value_info(name, 1, [1]) for name in "xy"]
graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", value[:1], value[1:])
for ir, opsets in json.load(sys.stdin):
    imports = [helper.make_opsetid(*opset) for opset in opsets.items()]
    model = helper.make_model(graph, ir_version=ir, opset_imports=imports)
    try:
        onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        print("loads")
    except Exception as error:
        print(str(error).splitlines()[0])
"""


def test_ranges_end_where_onnx_runtime_refuses() -> None:
    policy = load_allowlist("base")
    assert policy.ir_version is not None
    assert policy.ir_version.high is not None
    opsets = {"" if key == DEFAULT_DOMAIN else key: span for key, span in policy.opsets.items()}
    newest = {domain: span.high or 0 for domain, span in opsets.items()}
    last = policy.ir_version.high
    asked = [(policy.ir_version.low, {**newest, "": opsets[""].low}), (last, newest)]
    asked.append((last + 1, newest))
    asked += [(last, {**newest, domain: high + 1}) for domain, high in newest.items()]
    command = [sys.executable, "-c", LOAD]
    done = subprocess.run(
        command, input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    said = done.stdout.splitlines()
    assert len(said) == 3 + len(newest)
    assert said[:2] == ["loads", "loads"]
    assert "loads" not in said[2:], said


@pytest.mark.parametrize(("ir", "opset", "code"), [(14, 26, "OG503"), (13, 27, "OG502")])
def test_what_onnx_runtime_refuses_does_not_pass(ir: int, opset: int, code: str) -> None:
    data = pb.model(graph(node("Relu")), ir=ir, opset=opset)
    assert [finding.code for finding in onnxguard.scan_bytes(data).findings] == [code]
    assert onnxguard.scan_bytes(pb.model(graph(node("Relu")), ir=13, opset=26)).passed


def test_every_name_and_value_in_the_registry_exists_in_onnx() -> None:
    policy = load_allowlist("adr-0258")
    versions = policy.opsets[DEFAULT_DOMAIN]
    assert versions.high is not None
    for (domain, op_type), (entry,) in policy.entries.items():
        assert domain == DEFAULT_DOMAIN
        assert defs.has(op_type), op_type
        if not entry.is_conditional:
            continue
        low = max(versions.low, entry.opset.low)
        known = [v for v in range(low, versions.high + 1) if defs.has(op_type, v, "")]
        assert known
        for version in known:
            schema = defs.get_schema(op_type, version)
            assert entry.attributes.keys() <= schema.attributes.keys()
            assert set(entry.constant_inputs) <= {value.name for value in schema.inputs}
            for name, rule in entry.attributes.items():
                default = schema.attributes[name].default_value.s.decode()
                assert rule.allowed is None or default in rule.allowed
    for _, op_type in policy.denials:
        assert defs.has(op_type), op_type


@pytest.mark.parametrize(
    ("mode", "codes"),
    [("nearest", []), ("linear", []), ("cubic", ["OG107"]), ("", ["OG107"]), (None, [])],
)
def test_resize_passes_and_warns_of_a_mode_that_was_never_exercised(
    mode: str | None, codes: list[str]
) -> None:
    attributes = [] if mode is None else [attribute("mode", s=mode)]
    inputs = [pb.value("x"), pb.value("s", dims=(4,))]
    data = pb.model(graph(node("Resize", "x _ s", attribute=attributes), input=inputs))
    report = onnxguard.scan_bytes(data, "m.onnx", "adr-0258")
    assert [finding.code for finding in report.findings] == codes
    assert report.passed
    assert all(finding.severity is Severity.WARNING for finding in report.findings)
    (finding,) = onnxguard.scan_bytes(data, "m.onnx", "pre-adr-0258").findings
    assert (finding.code, finding.adr) == ("OG101", "ADR-0258")


# -- lists of one's own that call themselves by an id of the registry ------------------------------


ALIKE = {"adr-0258.": "adr-0258", "adr--0258": "adr-0258", "ADR_O258": "adr-0258", "b.ase": "base"}
"""What reads like an id of the registry, and that id."""


@pytest.mark.parametrize("name", ["adr-0258", "base", "ADR-0258", "Pre-Adr-0258", *ALIKE])
@pytest.mark.parametrize("more", ["extends: base\n", "title: another\n"])
@pytest.mark.parametrize("below", [False, True])
def test_another_list_may_not_take_an_id(name: str, more: str, below: bool, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.yaml"
    text = f"schema: 1\nid: {name}\n{more}operators: [{{names: [ConvInteger]}}]\n"
    path.write_text(text, encoding="utf-8")
    asked = path
    if below:
        asked = tmp_path / "mine.yaml"
        asked.write_text(f"schema: 1\nid: mine\nextends: ./{path.name}\n", encoding="utf-8")
    known = ALIKE.get(name, name.lower())
    with pytest.raises(AllowlistError, match=f"the id {known} is that of a list in the registry"):
        load_allowlist(asked)
    path.write_text(text.replace(f"id: {name}", "id: own"), encoding="utf-8")
    assert load_allowlist(asked).id == ("mine" if below else "own")


def test_the_error_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("schema: 1\nid: base\noperators: [{name: Add}]\n", encoding="utf-8")
    with pytest.raises(AllowlistError) as caught:
        load_allowlist(path)
    assert str(caught.value) == (
        f"{path}:2:5: the id base is that of a list in the registry, and this is another list: "
        "give it an id of its own, and 'extends: base' if it builds on that one"
    )


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("name", allowlist_ids())
def test_a_copy_is_the_list_itself(name: str, end: bytes, tmp_path: Path) -> None:
    path = tmp_path / "copy.yaml"
    path.write_bytes((FOLDER / f"{name}.yaml").read_bytes().replace(b"\n", end))
    copy, known = load_allowlist(path), load_allowlist(name)
    assert (copy.id, copy.lineage, copy.limits.keys()) == (name, known.lineage, known.limits.keys())
    assert copy.entries.keys() == known.entries.keys()
    with path.open("ab") as file:
        file.write(b"# and more\n")
    with pytest.raises(AllowlistError):
        load_allowlist(path)


def test_a_link_to_the_registry_is_a_copy(tmp_path: Path) -> None:
    (tmp_path / "link.yaml").symlink_to(FOLDER / "base.yaml")
    assert load_allowlist(tmp_path / "link.yaml").id == "base"
