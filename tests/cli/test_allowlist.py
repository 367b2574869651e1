"""``onnxguard allowlist``: list, show, diff and check."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.command import run
from support.lists import BASE, write_list

from onnxguard.policy.allowlist import LIMITS
from onnxguard.policy.registry import allowlist_ids
from onnxguard.policy.target import TARGETS

RULES = """\
operators:
  - name: Resize
    opset: 11..18
    attributes:
      mode: {in: [nearest, linear], severity: warning}
      cubic_coeff_a: {min: -1, max: 0.5, required: true}
      nearest_mode: {not_in: [ceil]}
    dtypes: {in: [float32]}
    constant_inputs: [scales, "3"]
    reason: as tried
  - {name: Gelu, domain: com.microsoft, adr: ADR-3}
deny:
  - {name: If, reason: no branches, instead: Where}
  - {name: "*", domain: com.example, reason: unknown}
limits: {nodes: 1_000_000}
dtypes: {not_in: [string]}
policy: {constants: {max_bytes: 64}}
waivers:
  - {model: "old/*.onnx", code: OG101, operator: Tanh, reason: until spring, expires: 2031-02-03}
"""


CONDITIONS = (
    "opset 11..18; mode in nearest, linear (warning); "
    "cubic_coeff_a at least -1 and at most 0.5 and required (error); "
    "nearest_mode not ceil (error); dtypes float32; constant scales, 3"
)


def said(*arguments: str, rc: int = 0) -> list[str]:
    code, out, err = run("allowlist", *arguments)
    assert (code, err) == (rc, "")
    return out.splitlines()


# -- list and show ---------------------------------------------------------------------------------


def test_list_is_in_the_order_of_history() -> None:
    rows = [re.split(r"  +", line) for line in said("list")]
    assert [(row[0], row[1]) for row in rows] == [
        ("base", "59 operators"),
        ("adr-0169", "63 operators"),
        ("adr-0171", "63 operators"),
        ("pre-adr-0258", "69 operators"),
        ("adr-0258", "70 operators"),
        ("vmafx-2026", "73 operators"),
    ]
    assert rows[0][2:] == ["ADR-0039", "2026-04-15", "Feed-forward tensor operators"]
    assert rows[-2][2:] == [
        "ADR-0258",
        "2026-05-03",
        "Resize for saliency and segmentation decoders",
    ]


def test_show_says_all_that_a_list_says(tmp_path: Path) -> None:
    lines = said("show", str(write_list(tmp_path, RULES)))
    text = "\n".join(re.sub(r" +", " ", line.strip()) for line in lines)
    for wanted in (
        "mine: My list",
        "built on: small",
        "Relu ADR-1000 the reason of the small list",
        f"Resize ADR-2000 [{CONDITIONS}] as tried",
        "com.microsoft::Gelu ADR-3 my reason",
        "If ADR-2000 no branches Use Where.",
        "com.example::* ADR-2000 unknown",
        f"nodes 1,000,000 ADR-2000 {LIMITS['nodes']}",
        f"op_type_bytes 127 ADR-1000 {LIMITS['op_type_bytes']}",
        "opset of ai.onnx: 7..18",
        "IR version: 3..10",
        "dtypes: anything but string",
        "external_data: allow",
        "constants: up to 64 bytes",
        "waiver: OG101 Tanh in old/*.onnx until 2031-02-03: until spring",
    ):
        assert wanted in text.splitlines()


def test_what_is_denied_is_not_shown_as_an_operator(tmp_path: Path) -> None:
    lines = said("show", str(write_list(tmp_path, RULES)))
    operators = lines[: lines.index("denied")]
    assert not [line for line in operators if line.split()[:1] == ["If"]]
    assert "operators (6)" in lines


@pytest.mark.parametrize("name", allowlist_ids())
def test_every_list_of_the_registry_is_shown_and_known_to_onnx(name: str) -> None:
    lines = said("show", name)
    assert lines[0].startswith(f"{name}: ")
    (count,) = re.findall(r"^operators \((\d+)\)$", "\n".join(lines), re.MULTILINE)
    assert said("check", name) == [f"{name}: {count} operators, 0 waivers, 0 unknown names"]


@pytest.mark.parametrize(
    "command", [["show"], ["check"], ["diff", "base"], ["export", "--to", "c"]]
)
def test_unknown_list_is_one_clear_line(command: list[str]) -> None:
    code, out, err = run("allowlist", *command, "adr-0285")
    assert (code, out) == (2, "")
    assert err.startswith('onnxguard: error: adr-0285: no allowlist "adr-0285" in the registry')
    assert "adr-0258" in err
    assert err.count("\n") == 1


# -- diff ------------------------------------------------------------------------------------------


def test_diff_of_the_lists_before_and_after_resize() -> None:
    (line,) = said("diff", "pre-adr-0258", "adr-0258")
    assert re.fullmatch(r"\+ Resize +ADR-0258 +\[mode in nearest, linear \(warning\)\] .+", line)
    (line,) = said("diff", "adr-0258", "pre-adr-0258")
    assert line.startswith("- Resize ")


def test_diff_of_limits() -> None:
    assert said("diff", "adr-0169", "adr-0171") == [
        "~ limit loop_nodes: none -> 16",
        "~ limit loop_trip_count: none -> 1,024",
        "~ limit loop_trip_product: none -> 1,048,576",
    ]


def test_diff_of_nothing() -> None:
    assert said("diff", "base", "base") == ["base and base say the same"]


CHANGES = {
    "operators: [{name: Tanh}]": ["+ Tanh ADR-2000 my reason"],
    "operators: [{name: Relu, opset: 9.., adr: ADR-9}]": [
        "- Relu ADR-1000 the reason of the small list",
        "+ Relu ADR-9 [opset 9..] my reason",
    ],
    "deny: [{name: Tanh, reason: bad, instead: Relu}]": ["~ denied Tanh: none -> Relu"],
    "opset: {ai.onnx: 9..18}": ["~ opset of ai.onnx: 7..18 -> 9..18"],
    "opset: {ai.onnx.ml: 3}": ["~ opset of ai.onnx.ml: none -> 3"],
    "ir_version: 8..": ["~ IR version: 3..10 -> 8.."],
    "policy: {functions: warn}": ["~ policy functions: allow -> warn"],
    "policy: {constants: forbid}": ["~ constants: report -> forbid"],
    "dtypes: {in: [float32]}": ["~ dtypes: None -> float32"],
    "waivers: [{model: a, code: OG101, reason: b, expires: 2031-01-01}]": [
        "~ waivers: none -> OG101 in a until 2031-01-01: b"
    ],
}


@pytest.mark.parametrize("rules", CHANGES)
def test_diff(rules: str, tmp_path: Path) -> None:
    mine = write_list(tmp_path, f"{rules}\n")
    lines = said("diff", str(tmp_path / "small.yaml"), str(mine))
    assert [re.sub(r" +", " ", line) for line in lines] == CHANGES[rules]


def test_diff_tells_one_waiver_from_another(tmp_path: Path) -> None:
    waiver = "waivers: [{model: a, code: OG101, reason: b, expires: 2031-01-01}]\n"
    one = write_list(tmp_path, waiver, "one.yaml")
    two = write_list(tmp_path, waiver.replace("model: a", "model: '*'"), "two.yaml")
    assert "say the same" not in said("diff", str(one), str(two))[0]


AXIS = "operators: [{name: Concat, attributes: {axis: {%s}}}]"
TARGET = "targets: [{name: onnxruntime-cpu%s}]"
DECIDING = [
    (AXIS % "in: [0], default: 0", AXIS % "in: [0], default: 1"),
    (AXIS % "in: [0], default: 0", AXIS % "in: [0]"),
    (AXIS % "max: 123456789", AXIS % "max: 123456788"),
    (AXIS % "min: 0.12345678", AXIS % "min: 0.12345679"),
    (TARGET % "", ""),
    (TARGET % "", TARGET % ", fallback: 0"),
    (TARGET % ", fallback: 1", TARGET % ", fallback: 2"),
    (TARGET % "", TARGET % ", unknown: allow"),
    (TARGET % "", "targets: [onnxruntime-cuda]"),
]


@pytest.mark.parametrize(("old", "new"), DECIDING)
def test_whatever_decides_is_told(old: str, new: str, tmp_path: Path) -> None:
    one, two = (
        str(write_list(tmp_path, f"{rules}\n", name))
        for rules, name in ((old, "one.yaml"), (new, "two.yaml"))
    )
    assert "say the same" not in said("diff", one, two)[0]
    assert said("show", one) != said("show", two)


def test_a_target_of_ones_own_is_told_by_what_it_says(tmp_path: Path) -> None:
    for ending in ("yaml", "tsv"):
        held = (TARGETS / f"onnxruntime-cpu@1.31.1.{ending}").read_text("utf-8")
        (tmp_path / f"own.{ending}").write_text(held, "utf-8")
    mine = str(write_list(tmp_path, "targets: [./own.yaml]\n"))
    before = said("show", mine)
    own = tmp_path / "own.yaml"
    own.write_text(own.read_text("utf-8").replace('title: "', 'title: "My '), "utf-8")
    after = said("show", mine)
    assert len([line for line in after if line not in before]) == 1


def test_diff_shows_an_operator_that_is_taken_back(tmp_path: Path) -> None:
    mine = write_list(tmp_path, "deny: [{name: Relu, reason: no more}]\n")
    lines = said("diff", str(tmp_path / "small.yaml"), str(mine))
    assert any("Relu" in line for line in lines)


# -- check -----------------------------------------------------------------------------------------

UNKNOWN = {
    "operators: [{name: Rezise}]": (
        '8:20: ONNX has no operator "Rezise" (did you mean Resize',
        1,
    ),
    "operators: [{name: Resize, opset: 7..9}]": ("8:20: Resize does not exist at opset 7..9", 1),
    "operators: [{name: Resize, attributes: {mod: {in: [linear]}}}]": (
        '8:20: Resize has no attribute "mod" (did you mean mode',
        1,
    ),
    "operators: [{name: Resize, constant_inputs: [scale]}]": (
        '8:20: Resize has no input "scale" (did you mean scales',
        1,
    ),
    "operators: [{name: Clip, opset: 7..10, constant_inputs: [max]}]": (
        '8:20: Clip has no input "max"',
        1,
    ),
    "operators: [{names: [A, B]}]": ('8:22: ONNX has no operator "A"', 2),
    "operators: [{name: Gelu, domain: ai.onnx.ml}]": ('8:20: ONNX has no operator "Gelu"', 1),
    "deny: [{name: Scna, reason: bad}]": (
        '8:15: ONNX has no operator "Scna" (did you mean Scan',
        1,
    ),
}


@pytest.mark.parametrize("rules", UNKNOWN)
def test_check_finds_names_that_onnx_does_not_know(rules: str, tmp_path: Path) -> None:
    path = write_list(tmp_path, f"{rules}\n")
    message, count = UNKNOWN[rules]
    lines = said("check", str(path), rc=1)
    assert lines[0].startswith(f"{path}:{message}")
    noun = "name" if count == 1 else "names"
    assert lines[-1].endswith(f", {count} unknown {noun}")
    assert len(lines) == count + 1


KNOWN = [
    "operators: [{name: Gelu, domain: com.microsoft, attributes: {x: {in: [1]}}}]",
    'operators: [{name: Resize, constant_inputs: ["2", scales]}]',
    "operators: [{name: Clip, opset: 11.., constant_inputs: [max]}]",
    "operators: [{name: Upsample, opset: 7..9}]",
    "operators: [{name: Scaler, domain: ai.onnx.ml}]",
]


@pytest.mark.parametrize("rules", KNOWN)
def test_check_takes_what_onnx_knows(rules: str, tmp_path: Path) -> None:
    assert said("check", str(write_list(tmp_path, f"{rules}\n"))) == [
        "mine: 6 operators, 0 waivers, 0 unknown names"
    ]


def test_check_of_a_list_that_cannot_be_used(tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    path.write_text(BASE.replace("schema: 1", "schema: 2"))
    code, out, err = run("allowlist", "check", str(path))
    assert (code, out) == (2, "")
    assert err == f"onnxguard: error: {path}:1:9: schema 2 is not known: this tool reads 1\n"
