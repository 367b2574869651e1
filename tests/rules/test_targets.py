"""What targets say of models: by the registry, and against ONNX Runtime itself."""

from __future__ import annotations

import time
from pathlib import Path

import onnx
import pytest
from support import protobuf as pb
from support.command import run
from support.lists import write_list
from support.protobuf import attribute, body, graph, node, value

from onnxguard import Verdict, load_allowlist
from onnxguard.base.errors import AllowlistError
from onnxguard.conformance.cases import node_cases
from onnxguard.model.reading import STEPS, read_model
from onnxguard.model.schemas import operator_names, since_versions
from onnxguard.model.survey import Survey, survey
from onnxguard.policy import target as policy
from onnxguard.policy.target import load_target, resolve_target, target_ids
from onnxguard.rules.targets import Answer, predict
from onnxguard.scanning.scan import scan

MODELS = Path(__file__).resolve().parent.parent / "models"
CPU = "onnxruntime-cpu@1.31.1"
CUDA = "onnxruntime-cuda@1.23.0-dev"


def seen(data: bytes) -> Survey:
    return survey(read_model(data, STEPS))


# -- the registry ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", target_ids())
def test_every_entry_names_an_operator_and_a_version_that_onnx_has(name: str) -> None:
    target = load_target(name)
    assert target.id == name
    assert target.operators()
    assert target.source
    assert target.date
    assert not target.rest or load_target(target.rest)
    for domain, op_type in target.operators():
        known = (*since_versions(domain, op_type), *since_versions("onnxruntime", op_type))
        if target.name == "onnxruntime-cpu" and not known:
            continue  # it has kernels for operators that it makes itself
        assert known, (domain, op_type)
        for row in target.rows(domain, op_type):
            if target.versions == "since" and row.how == "kernel":
                assert any(since in row.versions for since in known), (op_type, row)
            assert row.versions.high is None or row.versions.high >= min(known), (op_type, row)


def test_of_onnx_runtimes_operators_only_its_own_are_unknown_to_onnx() -> None:
    own = {
        (domain, name)
        for domain, name in load_target(CPU).operators()
        if name not in operator_names(domain) | operator_names("onnxruntime")
    }
    assert own == {each for each in own if each[0] != "ai.onnx.ml"}
    assert len(own) < 20


def test_names_and_versions() -> None:
    assert resolve_target("onnxruntime-cpu") == "onnxruntime-cpu@1.32.0"
    assert resolve_target("onnxruntime-cpu@1.31") == CPU
    with pytest.raises(AllowlistError, match="there is onnxruntime-cpu"):
        resolve_target("onnxruntime-cpu@2.0")
    with pytest.raises(AllowlistError, match="did you mean onnxruntime-cpu"):
        resolve_target("onnxruntim-cpu")


def test_a_target_is_loaded_in_a_blink() -> None:
    policy._registered.cache_clear()
    best = 1.0
    for _ in range(5):
        policy._registered.cache_clear()
        started = time.process_time()
        load_target(CPU).rows("", "Conv")
        best = min(best, time.process_time() - started)
    assert best < 0.03


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("yaml", "schema: 2\n", "'target' is missing"),
        ("yaml", "nonsense: 1\n", 'unknown key "nonsense" in a target'),
        ("tsv", "domain\n", "not a row of a target"),
        ("tsv", "ai.onnx\tRelu\tx\t\tkernel\t\n", "not a row of a target"),
    ],
)
def test_what_is_no_target(name: str, text: str, said: str, tmp_path: Path) -> None:
    for ending in ("yaml", "tsv"):
        content = (policy.TARGETS / f"{CPU}.{ending}").read_text(encoding="utf-8")
        if ending == name:
            content = text if name == "yaml" else content + text
        (tmp_path / f"own.{ending}").write_text(content, encoding="utf-8")
    with pytest.raises(AllowlistError, match=said):
        load_target(str(tmp_path / "own.yaml"))


# -- prediction and truth --------------------------------------------------------------------------


def loads(data: bytes) -> bool:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception:  # noqa: BLE001 - whatever it says, it does not load
        return False
    return True


def test_what_onnx_runtime_loads_of_all_official_cases_was_predicted() -> None:
    """StringNormalizer's kernel asks the machine for a locale that may not be installed."""
    import onnxruntime

    if not onnxruntime.__version__.startswith("1.31."):
        pytest.skip("the registry's target is of another version")
    target = load_target(CPU)
    asked, missed = 0, []
    for case in node_cases():
        data = case.model.SerializeToString()
        answer = predict(seen(data), target).answer
        asked += 1
        if (answer is Answer.RUNS) is not loads(data):
            missed.append(case.name)
    assert asked > 1400
    assert [name for name in missed if "strnorm" not in name] == []
    assert len(missed) < asked / 100


def test_an_operator_in_a_branch_is_seen() -> None:
    cast = node("Det", "x", "a")
    branches = [
        attribute("then_branch", g=body(cast, output=value("a"))),
        attribute("else_branch", g=body(node("Relu", "x", "b"), output=value("b"))),
    ]
    cond = pb.tensor(9, [], "c", raw_data=b"\1")
    model = pb.model(graph(node("If", "c", attribute=branches), initializer=cond))
    found = predict(seen(model), load_target("onnx-mlir-cpu"))
    assert [each.operator for each in found.blockers if each.said.answer is Answer.REFUSED] == [
        "Det"
    ]


def test_functions_are_looked_into() -> None:
    imports = [pb.opset_import("", 17), pb.opset_import("local", 1)]
    inside = pb.function("F", node("Det"), opset_import=pb.opset_import("", 17))
    call = graph(node("F", domain="local"))
    model = pb.model(call, opset=None, opset_import=imports, functions=inside)
    found = predict(seen(model), load_target("onnx-mlir-cpu"))
    assert [each.operator for each in found.blockers] == ["Det"]


def test_float16_runs_where_float32_does() -> None:
    half = pb.model(graph(node("Relu"), input=value("x", 10), output=value("y", 10)))
    brain = pb.model(graph(node("Sin"), input=value("x", 16), output=value("y", 16)), opset=22)
    assert predict(seen(half), load_target(CPU)).answer is Answer.RUNS
    assert loads(half)
    assert predict(seen(brain), load_target(CPU)).answer is Answer.REFUSED
    assert not loads(brain)


# -- three answers, and what becomes of them -------------------------------------------------------


def untyped() -> bytes:
    """The type of ``a`` follows from nothing: its operator is one that nobody knows."""
    nodes = node("Strange", "x", "a", domain="mine"), node("Relu", "a")
    imports = [pb.opset_import("", 17), pb.opset_import("mine", 1)]
    return pb.model(graph(*nodes), opset=None, opset_import=imports)


STRANGE = "operators: [{name: Strange, domain: mine}]\nopset: {mine: 1}\n"


def test_what_is_not_known_is_exit_2_unless_it_is_allowed(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(pb.model(graph(node("Resize", "x _ s"), input=[value("x"), value("s")])))
    rules = "operators: [{name: Resize}]\ntargets: [{name: onnxruntime-webnn%s}]\n"
    report = scan(path, str(write_list(tmp_path, rules % "")))
    assert report.verdict is Verdict.ERROR
    assert {finding.code for finding in report.findings} == {"OG009"}
    assert "Resize: its table leaves open whether this node runs" in report.findings[0].message
    report = scan(path, str(write_list(tmp_path, rules % ", unknown: allow")))
    assert report.verdict is Verdict.PASS


def test_a_refusal_outweighs_what_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(untyped())
    report = scan(path, str(write_list(tmp_path, STRANGE + f"targets: [{CPU}]\n")))
    assert report.verdict is Verdict.FAIL
    assert {finding.code for finding in report.findings} == {"OG120"}


def test_a_type_that_is_not_known() -> None:
    found = predict(seen(untyped()), load_target(CPU))
    answers = {each.operator: each.said.answer for each in found.blockers}
    assert answers == {"mine::Strange": Answer.REFUSED, "Relu": Answer.UNKNOWN}


def test_fallback_is_a_note_until_it_is_forbidden(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(pb.model(graph(node("Det", "x", "d"), node("Relu", "d"))))
    rules = "operators: [{name: Det}]\ntargets: [{name: onnxruntime-cuda%s}]\n"
    for more, verdict in {
        "": "pass",
        ", fallback: 1": "pass",
        ", fallback: forbid": "fail",
    }.items():
        report = scan(path, str(write_list(tmp_path, rules % more)))
        assert report.verdict.value == verdict
        assert [finding.code for finding in report.findings] == ["OG125"]
    assert "1 of 2 nodes are left" in report.findings[0].message


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        ("targets: x\n", "targets is a list"),
        ("targets: [nothing]\n", 'no target "nothing" in the registry'),
        ("targets: [tract]\n", "knows names of operators alone"),
        ("targets: [{fallback: 1}]\n", "a target needs its 'name'"),
        ("targets: [{name: onnxruntime-cuda, fallback: some}]\n", "fallback is forbid or a whole"),
        (
            "targets: [{name: onnxruntime-cuda, unknown: yes please}]\n",
            "unknown is allow or refuse",
        ),
    ],
)
def test_what_is_no_list_of_targets(targets: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(AllowlistError, match=said):
        scan(MODELS / "saliency_v2.onnx", str(write_list(tmp_path, targets)))


def test_a_path_of_a_target_is_relative_to_the_list_that_names_it(tmp_path: Path) -> None:
    for ending in ("yaml", "tsv"):
        content = (policy.TARGETS / f"{CPU}.{ending}").read_text(encoding="utf-8")
        (tmp_path / f"below/own.{ending}").parent.mkdir(exist_ok=True)
        (tmp_path / f"below/own.{ending}").write_text(content, encoding="utf-8")
    write_list(tmp_path / "below", "targets: [./own.yaml]\n")
    top = tmp_path / "top.yaml"
    top.write_text("schema: 1\nid: top\nextends: below/mine.yaml\n")
    (wanted,) = load_allowlist(top).targets
    assert wanted.target == str(tmp_path.resolve() / "below/own.yaml")


# -- the options -----------------------------------------------------------------------------------


def test_scan_asks_targets_and_says_which_version() -> None:
    model = str(MODELS / "int8.onnx")
    code, out, _ = run("scan", model, "--allowlist", "base", "--target", "onnxruntime-cpu@1.31")
    assert f"decided by --target {CPU} (the registry)" in out
    assert code == 1
    code, out, _ = run("scan", model, "--select", "OG12", "--target", "onnxruntime-cpu@1.31")
    assert code == 0
    code, out, _ = run("scan", model, "--select", "OG12", "--target", "tensorrt")
    assert code == 1
    assert "tensorrt@10.1 has no ConvInteger" in out
    code, out, _ = run(
        "scan", model, "--select", "OG12", "--target", "onnxruntime-cuda", "--fallback", "forbid"
    )
    assert (code, "2 of 8 nodes are left" in out) == (1, True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--fallback", "1"), "name a --target"),
        (("--allow-unknown",), "name a --target"),
        (("--target", "tract"), "names of operators alone"),
        (("--target", CUDA, "--fallback", "-1"), "fallback is forbid or a whole number"),
    ],
)
def test_options_that_make_no_sense(options: tuple[str, ...], said: str) -> None:
    code, _, err = run("scan", str(MODELS / "int8.onnx"), *options)
    assert (code, said in err) == (2, True)


def test_a_manifest_asks_targets_and_its_memory_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ONNXGUARD_CACHE", str(tmp_path / "cache"))
    Path("m.onnx").write_bytes((MODELS / "saliency_v2.onnx").read_bytes())
    manifest = Path("onnxguard.yaml")
    manifest.write_text("schema: 1\nmodels: [{paths: ['*.onnx']}]\n")
    assert run("check")[0] == 0
    manifest.write_text("schema: 1\nmodels: [{paths: ['*.onnx'], targets: [esp-dl]}]\n")
    code, out, _ = run("check")
    assert (code, "esp-dl@2026-07-30" in out) == (2, True)
    manifest.write_text("schema: 1\nmodels: [{paths: ['*.onnx']}]\n")
    assert run("check")[0] == 0
    code, out, _ = run("check", "--target", "onnx-mlir-nnpa", "--fallback", "forbid")
    assert code != 0


def test_a_scan_without_targets_loads_none() -> None:
    import subprocess
    import sys

    program = (
        "import sys; from onnxguard.cli import main; main(sys.argv[1:]); "
        "print(sorted(m for m in sys.modules if 'target' in m))"
    )
    command = [sys.executable, "-c", program, "scan", "-q", str(MODELS / "saliency_v2.onnx")]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    loaded = "['onnxguard.catalogue.targets', 'onnxguard.cli.target_options']"
    assert out.splitlines()[-1] == loaded


def test_onnx_is_the_one_that_the_tables_are_compared_with() -> None:
    assert onnx.defs.onnx_opset_version() >= load_target(CPU).opsets["ai.onnx"]
