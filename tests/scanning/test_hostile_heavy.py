"""The heaviest inputs, each in a process of its own: it answers, and within 200 MB."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile import CASES, Case
from hostile.allowlists import GOOD
from hostile.files import PLAIN
from support import formats
from support import protobuf as pb
from support.measure import Usage, measure, measure_python

MEGABYTES = 200
RENDER_EACH = str(Path(__file__).parent.parent / "support" / "render_each.py")

ALSO = [
    "bounds.function_calls_that_double[1000]",
    "bounds.ifs_nested_too_deep[120]",
    "bounds.product_of_trip_counts[eight of 1024]",
    "bounds.recursive_functions[500 in a ring]",
    "injection.in_every_name[long]",
    "operators.long_op_type[100000]",
    "tensors.bombs[Expand]",
    "tensors.product_of_dims_overflows[initializer]",
    "wire.graphs_nested_2000_deep",
    "wire.groups_nested_5000_deep",
    "wire.types_nested_2000_deep",
]
TALKATIVE = [
    "costly.bad_tensors_of_many_names",
    "costly.external_files_of_many_names",
    "costly.metadata_of_many_entries",
    "costly.operators_of_many_names",
    "costly.unknown_fields_of_many_numbers",
]
HEAVY = [case for case in CASES.values() if case.heavy or case.name in ALSO]


def within_limits(name: str, usage: Usage) -> None:
    print(f"{usage.seconds:6.2f} s {usage.processor:6.2f} s CPU {usage.megabytes:6.1f} MB  {name}")
    assert "Traceback" not in usage.out + usage.err
    assert usage.megabytes < MEGABYTES


def test_it_is_the_processor_time_that_is_limited() -> None:
    """A machine that is busy makes any run as long as it likes."""
    assert measure_python("-c", "import time; time.sleep(1.5)", processor=1).exit == 0
    usage = measure_python("-c", "while True: pass", processor=1)
    assert usage.exit == -signal.SIGXCPU
    assert usage.processor < 2


Built = Callable[[Case], Path]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Where a talkative case lies, built once; no scan changes it."""
    folders: dict[str, Path] = {}

    def build(case: Case) -> Path:
        if case.name not in folders:
            folders[case.name] = case.build(tmp_path_factory.mktemp("case"))
        return folders[case.name]

    return build


@pytest.mark.parametrize("case", HEAVY, ids=lambda case: case.name)
def test_heavy_model(case: Case, built: Built, tmp_path: Path) -> None:
    path = built(case) if case.name in TALKATIVE else case.build(tmp_path)
    usage = measure("scan", str(path), "--allowlist", case.allowlist, "--format", "json")
    within_limits(f"{case.name} json", usage)
    assert usage.exit in case.exits, usage
    formats.check("json", usage.out)
    assert all(code in usage.out for code in case.codes), usage.out[-2000:]


@pytest.mark.parametrize("name", TALKATIVE)
def test_model_with_much_to_say(name: str, built: Built, tmp_path: Path) -> None:
    """One process scans it and reports it in every other format."""
    case, others = CASES[name], sorted(formats.CHECKS.keys() - {"json"})
    usage = measure_python(RENDER_EACH, str(built(case)), case.allowlist, str(tmp_path), *others)
    within_limits(f"{name} {' '.join(others)}", usage)
    assert usage.exit in case.exits, usage
    for output_format in others:
        text = (tmp_path / output_format).read_text(encoding="utf-8")
        formats.check(output_format, text)
        assert all(code in text for code in case.codes), text[-2000:]


def padded(text: str, row: str, size: int = 100_000_000) -> str:
    """The text, then the row repeated up to the size."""
    return text + row * ((size - len(text)) // len(row))


@pytest.mark.parametrize(
    "row",
    ["# a comment\n", "  - name: Relu\n", "  - {name: Relu, reason: [[[[[[[x]]]]]]]}\n", " "],
    ids=["comments", "operators", "nested", "spaces"],
)
def test_allowlist_of_100_megabytes(row: str, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(PLAIN)
    (tmp_path / "list.yaml").write_text(padded(GOOD, row))
    usage = measure(
        "scan", str(tmp_path / "model.onnx"), "--allowlist", str(tmp_path / "list.yaml")
    )
    within_limits(row, usage)
    assert usage.exit == 2
    assert usage.out == ""
    assert usage.err.count("\n") == 1
    assert "list.yaml: " in usage.err


def test_many_models_at_once(tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / f"{number}.onnx").write_bytes(pb.model(pb.graph(*[pb.node("Einsum")] * 2000)))
    usage = measure("scan", str(tmp_path), "--allowlist", "adr-0258", "--format", "json")
    within_limits("300 models of 2,000 nodes", usage)
    assert usage.exit == 1
