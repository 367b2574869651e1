"""A verdict is one model's: it depends on no other, nor on how the run was made."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from support import mutations
from support import protobuf as pb
from support.command import run
from support.protobuf import attribute, function, graph, message, node, value
from support.repositories import enter, write_manifest

import onnxguard
from onnxguard import load_allowlist
from onnxguard.model.reading import memo
from onnxguard.repository import cache
from onnxguard.scanning import same_graph as twins

DRAWN, ROUNDS = 90, 4
LIST = "adr-0258"

REFERENCE = node("LeakyRelu", attribute=attribute("alpha", ref_attr_name="alpha", type=1))
PADDED = b"\x0a\x81\0x" + pb.bytes_field(3, b"a" * 60) + pb.bytes_field(3, b"a" * 61)
CHOSEN = {
    "order_a": pb.model(
        graph(
            node("Relu"),
            input=[value("x"), PADDED + pb.bytes_field(3, value("s", 1, [3, 3])[3:])],
        )
    ),
    "order_b": pb.model(graph(node("Relu"), input=value("x", 1, [3, 3]))),
    "ref_inside": pb.model(
        graph(node("Relu")), functions=function("F", REFERENCE, attribute="alpha")
    ),
    "ref_outside": pb.model(graph(REFERENCE)),
    "twin": pb.model(graph(node("Relu"), initializer=pb.ints(3, name="w"))),
    "twin_of_it": pb.model(graph(node("Relu"), initializer=pb.ints(4, name="w"))),
    "twin_read": pb.model(
        graph(
            node("Loop", "w _ x", attribute=attribute("body", g=message("GraphProto"))),
            initializer=pb.ints(3, name="w"),
        )
    ),
    "twin_read_otherwise": pb.model(
        graph(
            node("Loop", "w _ x", attribute=attribute("body", g=message("GraphProto"))),
            initializer=pb.ints(5_000_000, name="w"),
        )
    ),
}


def drawn() -> dict[str, bytes]:
    """Damaged models that can be read, mostly; and pairs of which one spoiled the other."""
    seeds = mutations.seeds()
    damaged = {f"m{number}": mutations.mutate(number, seeds) for number in range(DRAWN)}
    return damaged | CHOSEN


def said(report: dict[str, Any]) -> tuple[object, ...]:
    findings = [(f["code"], f["message"], f["severity"], f["places"]) for f in report["findings"]]
    return report["verdict"], findings


def alone(paths: Sequence[Path]) -> dict[str, tuple[object, ...]]:
    """What is said of each where nothing was read before."""
    answers = {}
    for path in paths:
        memo.forget()
        twins._recent.clear()
        (report,) = json.loads(run("scan", "--format", "json", str(path))[1])["models"]
        answers[path.name] = said(report)
    return answers


def together(*arguments: str) -> dict[str, tuple[object, ...]]:
    out = run(*arguments)[1]
    return {Path(report["path"]).name: said(report) for report in json.loads(out)["models"]}


@pytest.fixture(autouse=True)
def _forgotten(expected: dict[str, tuple[object, ...]]) -> None:
    """Each test begins like a process: twins would hide what memos spoil."""
    assert expected
    memo.forget()
    twins._recent.clear()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("models")
    paths = []
    for name, data in drawn().items():
        paths.append(folder / f"{name}.onnx")
        paths[-1].write_bytes(data)
    return paths


@pytest.fixture(scope="module")
def expected(models: list[Path]) -> dict[str, tuple[object, ...]]:
    found = alone(models)
    assert {verdict for verdict, _ in found.values()} == {"pass", "fail", "error"}
    assert found["order_a.onnx"] != found["order_b.onnx"]
    assert [found[f"{name}.onnx"][0] for name in ("ref_inside", "ref_outside")] == ["pass", "fail"]
    return found


@pytest.mark.parametrize("number", range(ROUNDS))
def test_verdicts_do_not_depend_on_the_order(
    number: int, models: list[Path], expected: dict[str, tuple[object, ...]]
) -> None:
    """In theirs, backwards, and in others."""
    shuffled = models[:: -1 if number == 1 else 1]
    if number > 1:
        Random(number).shuffle(shuffled)
    assert together("scan", "--format", "json", *map(str, shuffled)) == expected


@pytest.mark.parametrize("jobs", ["2", "3"])
def test_verdicts_do_not_depend_on_the_jobs(
    jobs: str, models: list[Path], expected: dict[str, tuple[object, ...]]
) -> None:
    assert together("scan", "--format", "json", "--jobs", jobs, *map(str, models)) == expected


def test_verdicts_do_not_depend_on_where_a_run_was_resumed(
    models: list[Path], expected: dict[str, tuple[object, ...]], tmp_path: Path
) -> None:
    shuffled = models[:]
    Random(7).shuffle(shuffled)
    results = ["--results", str(tmp_path / "results.jsonl"), "--resume", "--format", "json"]
    for cut in (1, 20, 50, len(shuffled), len(shuffled)):
        lines = tmp_path / "results.jsonl"
        if lines.exists():
            kept = lines.read_bytes().splitlines(keepends=True)
            lines.write_bytes(b"".join(kept[: 1 + cut]))
        found = together("scan", *results, *map(str, shuffled))
        assert found == expected


def test_verdicts_do_not_depend_on_the_cache(
    models: list[Path],
    expected: dict[str, tuple[object, ...]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Cold, warm, and with the names of the files exchanged."""
    monkeypatch.setattr(cache, "SETTLED", -(10**12))
    root = enter(tmp_path, monkeypatch)
    write_manifest(f"  - {{paths: ['**/*.onnx'], allowlist: {LIST}}}\n")
    names = [path.name for path in models]
    for number in range(3):
        Random(number).shuffle(names)
        for name, path in zip(names, models, strict=True):
            (root / name).unlink(missing_ok=True)
            (root / name).write_bytes(path.read_bytes())
        now = {name: expected[path.name] for name, path in zip(names, models, strict=True)}
        for jobs in ("1", "2", "1"):
            assert together("check", "--format", "json", "--jobs", jobs) == now


def test_a_twin_is_judged_as_if_alone_whichever_comes_first() -> None:
    policy = load_allowlist(LIST)
    for first, second in (("twin_read", "twin_read_otherwise"), ("twin", "twin_of_it")):
        for names in ((first, second), (second, first)):
            twins._recent.clear()
            reports = {name: onnxguard.scan_bytes(CHOSEN[name], name, policy) for name in names}
            said = [{found.message for found in reports[n].findings} for n in (first, second)]
            assert (said[0] == said[1]) == (first == "twin")
