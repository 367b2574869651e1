"""Lists that build on one another: the nearest word counts, whatever it is about."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from support import protobuf as pb
from support.lists import BASE, make_list, write_list
from support.protobuf import graph, node, opset_import

import onnxguard
from onnxguard import Allowlist, AllowlistError, load_allowlist
from onnxguard.policy.allowlist import DEFAULT_DOMAIN, Decision, DtypeRule, Range, Waiver

RELU = (DEFAULT_DOMAIN, "Relu")


def codes(policy: Allowlist | Path, data: bytes) -> list[str]:
    report = onnxguard.scan_bytes(
        data, "m.onnx", policy if isinstance(policy, Allowlist) else str(policy)
    )
    return [finding.code for finding in report.findings]


def model(*nodes: bytes, opset: int = 17) -> bytes:
    return pb.model(graph(*nodes), opset=opset)


# -- what extends does -----------------------------------------------------------------------------


def test_list_without_rules_says_what_the_one_below_says(tmp_path: Path) -> None:
    mine = make_list(tmp_path)
    small = load_allowlist(tmp_path / "small.yaml")
    assert mine.lineage == ("mine", "small")
    assert mine.decision == Decision("ADR-2000", "2026-02-03", "my reason")
    assert mine == small._replace(
        id="mine", title="My list", decision=mine.decision, lineage=mine.lineage
    )


def test_new_entry_is_decided_by_its_own_list(tmp_path: Path) -> None:
    mine = make_list(tmp_path, "operators: [{name: Tanh}]\n")
    (relu,), (tanh,) = mine.entries[RELU], mine.entries[DEFAULT_DOMAIN, "Tanh"]
    assert relu.decision == Decision("ADR-1000", "2026-01-02", "the reason of the small list")
    assert tanh.decision == Decision("ADR-2000", "2026-02-03", "my reason")
    assert tanh.source == f"{tmp_path / 'mine.yaml'}:8:20"


@pytest.mark.parametrize(
    ("keys", "decision"),
    [
        ("", Decision("ADR-2000", "2026-02-03", "my reason")),
        (", reason: its own", Decision("ADR-2000", "2026-02-03", "its own")),
        (", adr: ADR-3", Decision("ADR-3", "2026-02-03", "my reason")),
        (", date: 2026-05-06", Decision("", "2026-05-06", "my reason")),
        (", adr: ADR-3, date: 2026-05-06", Decision("ADR-3", "2026-05-06", "my reason")),
    ],
)
def test_decision_of_an_entry(keys: str, decision: Decision, tmp_path: Path) -> None:
    mine = make_list(tmp_path, f"operators: [{{name: Tanh{keys}}}]\n")
    (entry,) = mine.entries[DEFAULT_DOMAIN, "Tanh"]
    assert entry.decision == decision
    assert entry.decision.label == (decision.adr or decision.date)


def test_entry_replaces_the_one_below(tmp_path: Path) -> None:
    mine = make_list(tmp_path, "operators: [{name: Relu, opset: 14..}]\n")
    (entry,) = mine.entries[RELU]
    assert (entry.opset, entry.decision.adr) == (Range(14, None), "ADR-2000")
    assert codes(mine, model(node("Relu"), opset=13)) == ["OG103"]
    assert codes(tmp_path / "small.yaml", model(node("Relu"), opset=13)) == []


def test_entry_lifts_the_conditions_of_the_one_below(tmp_path: Path) -> None:
    write_list(tmp_path, "operators: [{name: Relu, opset: 14..}]\n")
    top = tmp_path / "top.yaml"
    top.write_text("schema: 1\nid: top\nextends: mine.yaml\noperators: [{name: Relu}]\n")
    assert load_allowlist(top).lineage == ("top", "mine", "small")
    assert codes(top, model(node("Relu"), opset=13)) == []


def test_denial_takes_an_operator_back_and_an_entry_gives_it_again(tmp_path: Path) -> None:
    path = write_list(tmp_path, "deny: [{name: Relu, reason: no more}]\n")
    assert codes(path, model(node("Relu"))) == ["OG102"]
    top = tmp_path / "top.yaml"
    top.write_text("schema: 1\nid: top\nextends: mine.yaml\noperators: [{name: Relu}]\n")
    assert codes(top, model(node("Relu"))) == []
    assert load_allowlist(top).denials == {}


def test_denial_of_a_domain_leaves_the_other_domains(tmp_path: Path) -> None:
    rules = (
        "operators: [{names: [A, B], domain: one}, {name: A, domain: two}]\n"
        "deny: [{name: '*', domain: one, reason: not any more}]\n"
    )
    policy = write_list(tmp_path, rules)
    data = pb.model(
        graph(node("A", domain="one"), node("C", domain="one"), node("A", domain="two")),
        opset_import=[opset_import("one", 1), opset_import("two", 1)],
    )
    assert codes(policy, data) == ["OG102"]  # C; what the same list names stays allowed


def test_entry_gives_one_operator_of_a_denied_domain_again(tmp_path: Path) -> None:
    write_list(tmp_path, "deny: [{name: '*', domain: one, reason: not reviewed}]\n")
    top = tmp_path / "top.yaml"
    top.write_text("schema: 1\nid: top\nextends: mine.yaml\noperators: [{name: A, domain: one}]\n")
    data = pb.model(
        graph(node("A", domain="one"), node("B", domain="one")),
        opset_import=opset_import("one", 1),
    )
    report = onnxguard.scan_bytes(data, "m.onnx", str(top))
    assert [(f.code, f.operator) for f in report.findings] == [("OG102", "one::B")]


def test_limits_are_replaced_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(BASE)
    path = tmp_path / "mine.yaml"
    path.write_text(
        "schema: 1\nid: mine\nextends: small.yaml\nadr: ADR-2\nlimits:\n"
        "  op_type_bytes: {max: 9, adr: ADR-9, reason: short}\n  nodes: 1_000\n"
    )
    limits = load_allowlist(path).limits
    assert {name: limit.value for name, limit in limits.items()} == {
        "op_type_bytes": 9,
        "nodes": 1000,
    }
    assert limits["op_type_bytes"].decision.adr == "ADR-9"
    assert limits["op_type_bytes"].decision.reason == "short"
    assert limits["nodes"].decision.adr == "ADR-2"


def test_ranges_policies_and_dtypes_are_replaced_one_by_one(tmp_path: Path) -> None:
    rules = """\
opset: {ai.onnx.ml: 3, "": 8..}
ir_version: 7..
policy: {functions: warn, constants: {max_bytes: 64}}
dtypes: {in: [float32, int64], not_in: [int64]}
"""
    mine = make_list(tmp_path, rules)
    assert mine.opsets == {DEFAULT_DOMAIN: Range(8, None), "ai.onnx.ml": Range(3, 3)}
    assert mine.ir_version == Range(7, None)
    assert mine.policies == {"functions": "warn", "external_data": "allow", "validity": "allow"}
    assert (mine.policy("functions"), mine.policy("training_info")) == ("warn", "forbid")
    assert mine.constants == 64
    assert mine.dtypes == DtypeRule(frozenset({"float32", "int64"}), frozenset({"int64"}))
    assert str(mine.dtypes) == "float32"
    assert (mine.dtypes.admits("float32"), mine.dtypes.admits("int64")) == (True, False)
    small = load_allowlist(tmp_path / "small.yaml")
    assert small.constants == "report"
    assert small.policy("unknown_fields") == "forbid"


def test_waivers_add_up(tmp_path: Path) -> None:
    first = "{model: a.onnx, code: OG101, operator: Tanh, reason: one, expires: 2030-01-02}"
    write_list(tmp_path, f"waivers: [{first}]\n")
    second = "{model: b/*.onnx, code: OG201, reason: two, expires: 2031-01-02}"
    top = tmp_path / "top.yaml"
    top.write_text(f"schema: 1\nid: top\nextends: mine.yaml\nwaivers: [{second}]\n")
    assert load_allowlist(top).waivers == (
        Waiver(
            "a.onnx", "OG101", "Tanh", "one", date(2030, 1, 2), f"{tmp_path / 'mine.yaml'}:8:11"
        ),
        Waiver("b/*.onnx", "OG201", "", "two", date(2031, 1, 2), f"{top}:4:11"),
    )


def test_list_extends_one_of_the_registry(tmp_path: Path) -> None:
    path = tmp_path / "mine.yml"
    path.write_text("schema: 1\nid: mine\nextends: pre-adr-0258\noperators: [{name: Resize}]\n")
    mine = load_allowlist(path)
    assert mine.lineage == ("mine", "pre-adr-0258", "adr-0171", "adr-0169", "base")
    assert mine.entries.keys() == load_allowlist("adr-0258").entries.keys()


def test_list_extends_one_in_a_folder_below(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/small.yaml").write_text(BASE)
    path = tmp_path / "mine.yaml"
    path.write_text("schema: 1\nid: mine\nextends: shared/small.yaml\n")
    assert load_allowlist(path).lineage == ("mine", "small")


def test_thirty_two_lists_may_extend_each_other(tmp_path: Path) -> None:
    for number in range(33):
        extends = f"extends: l{number + 1}.yaml\n" if number < 32 else ""
        (tmp_path / f"l{number}.yaml").write_text(f"schema: 1\nid: l{number}\n{extends}")
    assert len(load_allowlist(tmp_path / "l1.yaml").lineage) == 32
    with pytest.raises(AllowlistError, match="more than 32 lists extend each other"):
        load_allowlist(tmp_path / "l0.yaml")


# -- operators by opset ----------------------------------------------------------------------------

SPLIT = """\
operators:
  - {name: Relu, opset: 7..12}
  - {name: Relu, opset: 14, reason: only this one}
  - {name: Relu, opset: 16..}
"""


@pytest.mark.parametrize("opset", range(7, 19))
def test_one_operator_has_several_ranges(opset: int, tmp_path: Path) -> None:
    report = onnxguard.scan_bytes(
        model(node("Relu"), opset=opset), "m.onnx", str(write_list(tmp_path, SPLIT))
    )
    if opset in {13, 15}:
        (finding,) = report.findings
        assert finding.code == "OG103"
        assert finding.message == f"Relu is allowed at opset 7..12, 14, 16.., here it is {opset}"
    else:
        assert report.findings == ()


def test_opset_is_that_of_the_operators_domain(tmp_path: Path) -> None:
    path = write_list(tmp_path, "operators: [{name: A, domain: one, opset: 2..3}]\n")

    def at(version: int) -> bytes:
        imports = opset_import("one", version)
        return pb.model(graph(node("A", domain="one")), opset_import=imports)

    assert [codes(path, at(version)) for version in (1, 2, 3, 4)] == [["OG103"], [], [], ["OG103"]]


def test_opset_in_a_function_is_that_of_the_function(tmp_path: Path) -> None:
    path = write_list(tmp_path, "operators: [{name: Relu, opset: 14..}]\n")

    def in_function(opset: int) -> bytes:
        made = pb.function("F", node("Relu"), opset_import=opset_import("", opset))
        local = opset_import("local", 1)
        call = node("F", domain="local")
        return pb.model(graph(call), opset=None, opset_import=local, functions=made)

    report = onnxguard.scan_bytes(in_function(13), "m.onnx", str(path))
    assert [(f.code, f.place.route) for f in report.findings if f.code == "OG103"] == [
        ("OG103", "function local::F/node 0")
    ]
    assert "OG103" not in codes(path, in_function(14))


@pytest.mark.parametrize(
    ("text", "low", "high", "shown"),
    [
        ("7", 7, 7, "7"),
        ("7..", 7, None, "7.."),
        ("7..9", 7, 9, "7..9"),
        ("7..7", 7, 7, "7"),
        ("'7..9'", 7, 9, "7..9"),
    ],
)
def test_range(text: str, low: int, high: int | None, shown: str, tmp_path: Path) -> None:
    versions = make_list(tmp_path, f"ir_version: {text}\n").ir_version
    assert versions == Range(low, high)
    assert str(versions) == shown
    assert low in versions
    assert low - 1 not in versions
    assert (high or 10**9) in versions
    assert (10**9 in versions) is (high is None)
