"""What ONNX Runtime runs once it has inlined a model, against what the scan judged."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import onnx.defs

import onnxguard
from onnxguard import Allowlist
from onnxguard.model.facts import Facts
from onnxguard.policy.allowlist import Decision, Entry, Limit, Range
from onnxguard.scanning.scan import facts_of
from support import function_models

CHILD = Path(__file__).parent / "inlined_by_onnx_runtime.py"
POLICIES = dict.fromkeys(("functions", "runtime_functions", "function_graphs"), "allow")
LIMITS = {"loop_trip_count": 30, "loop_trip_product": 1_000_000, "expanded_nodes": 100_000}

NODES = 1000
"""Models that come to more nodes are left out: ONNX Runtime takes too long to load them."""


class Outcome(NamedTuple):
    """What came of some models: how many load, load and pass, what they hold, what is wrong."""

    loaded: int
    passed: int
    features: Counter[str]
    failures: list[tuple[int, str]]


@cache
def standard_bodies() -> dict[str, frozenset[str]]:
    """The operators of ai.onnx that have a body of their own -> what the body runs, in the end.

    A body that follows from the types of its inputs is empty here: it is not known without them.
    """
    direct: dict[str, set[str]] = {}
    for schema in onnx.defs.get_all_schemas_with_history():
        if schema.domain:
            continue
        if schema.has_function or schema.has_context_dependent_function:
            nodes = schema.function_body.node if schema.has_function else []
            direct.setdefault(schema.name, set()).update(node.op_type for node in nodes)
    whole = {}
    for name in direct:
        found, pending = set[str](), [name]
        while pending:
            for inner in direct.get(pending.pop(), ()):
                if inner not in found:
                    found.add(inner)
                    pending.append(inner)
        whole[name] = frozenset(found)
    return whole


def policy(seed: int) -> Allowlist:
    """A list of all the operators that are drawn, for every fourth model but one."""
    names = sorted(function_models.USED)
    without = names[seed // 4 % len(names)] if seed % 4 == 0 else ""
    entries = {
        ("ai.onnx", name): (Entry("ai.onnx", name, Range(1, None), {}, None, (), Decision(), ""),)
        for name in function_models.USED - {without}
    }
    limits = {name: Limit(value, Decision()) for name, value in LIMITS.items()}
    return Allowlist(
        "drawn", "", Decision(), (), entries, {}, limits, {}, None, POLICIES, "report", None, ()
    )


def compare(seeds: Iterable[int], folder: Path) -> Outcome:
    """Draw a model for each seed, judge it, and compare with what ONNX Runtime makes of it."""
    drawn = {f"{seed:09}.onnx": seed for seed in seeds}
    features: Counter[str] = Counter()
    for name, seed in drawn.items():
        data, held = function_models.draw(seed)
        if facts_of(data).expanded_nodes <= NODES:
            (folder / name).write_bytes(data)
            features.update((+held).keys())
    loaded = passed = 0
    failures: list[tuple[int, str]] = []
    for name, run in run_all(folder):
        path = folder / name
        report = onnxguard.scan_bytes(path.read_bytes(), name, policy(drawn[name]))
        inlined = path.with_suffix(".inlined")
        if run is not None and inlined.exists():
            loaded += 1
            if report.passed and report.facts is not None:
                passed += 1
                made = facts_of(inlined.read_bytes())
                failures += [
                    (drawn[name], wrong)
                    for wrong in differences(run, report.facts, made, policy(drawn[name]))
                ]
        inlined.unlink(missing_ok=True)
        path.unlink()
    return Outcome(loaded, passed, features, failures)


def run_all(folder: Path) -> Iterable[tuple[str, list[list[str]] | None]]:
    """What ONNX Runtime runs of each model; one that ends the child does not load."""
    left = {path.name for path in folder.glob("*.onnx")}
    while left:
        for path in folder.glob("*.onnx"):
            path.rename(path.with_suffix(".waiting"))
        for name in left:
            (folder / name).with_suffix(".waiting").rename(folder / name)
        child = subprocess.run(
            [sys.executable, str(CHILD), str(folder)], capture_output=True, text=True, check=False
        )
        lines = [json.loads(line) for line in child.stdout.splitlines()]
        for path in folder.glob("*.waiting"):
            path.rename(path.with_suffix(".onnx"))
        done = {name for name, _ in lines}
        if child.returncode and left - done:
            lines.append((min(left - done), None))
        left -= {name for name, _ in lines}
        yield from ((name, run) for name, run in lines)


def differences(
    run: list[list[str]], judged: Facts, inlined: Facts, allowed: Allowlist
) -> list[str]:
    """What ONNX Runtime runs that the scan did not judge, or more often than it said."""
    wrong = []
    bodies = {op for _, name in allowed.entries for op in standard_bodies().get(name, ())}
    for domain, op_type in {(domain, op_type) for domain, op_type in run}:
        listed = (domain or "ai.onnx", op_type) in allowed.entries
        if not listed and (domain or op_type not in bodies):
            wrong.append(f"runs {domain}::{op_type}, which is not on the list")
    of_bodies = {use.op_type for use in judged.operators} & standard_bodies().keys()
    if not of_bodies and len(run) > judged.expanded_nodes:
        wrong.append(f"runs {len(run)} nodes, the scan counted {judged.expanded_nodes}")
    loops = [op_type for _, op_type in run].count("Loop")
    if loops > judged.expanded_loops:
        wrong.append(f"runs {loops} Loops, the scan counted {judged.expanded_loops}")
    if inlined.depth > judged.depth:
        wrong.append(f"nests {inlined.depth} deep, the scan said {judged.depth}")
    for what, index in (("trip count", 1), ("product", 3)):
        said = [loop[index] for loop in judged.loops]
        found = [loop[index] for loop in inlined.loops]
        if None in found or max(found, default=0) > max(said, default=0):
            wrong.append(f"Loops of the {what}s {found}, the scan said {said}")
    return wrong
