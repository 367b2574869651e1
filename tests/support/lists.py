"""Small allowlists, written as the files that a person would write."""

from __future__ import annotations

from pathlib import Path

from onnxguard import Allowlist, load_allowlist

BASE = """\
schema: 1
id: small
title: A small list
adr: ADR-1000
date: 2026-01-02
reason: the reason of the small list
operators:
  - names: [Relu, Constant, Identity, If, Loop]
limits: {op_type_bytes: 127}
opset: {ai.onnx: 7..18}
ir_version: 3..10
policy: {functions: allow, external_data: allow, validity: allow}
"""

MINE = """\
schema: 1
id: mine
title: My list
extends: small.yaml
adr: ADR-2000
date: 2026-02-03
reason: my reason
"""


def write_list(folder: Path, rules: str = "", name: str = "mine.yaml") -> Path:
    """Write the small list, and beside it one that extends it by ``rules``."""
    (folder / "small.yaml").write_text(BASE, encoding="utf-8")
    path = folder / name
    path.write_text(MINE + rules, encoding="utf-8")
    return path


def lenient(name: str) -> Allowlist:
    """A list by its id or path, but for what it says of graphs that are not valid."""
    policy = load_allowlist(name)
    return policy._replace(policies=policy.policies | {"validity": "allow"})


def make_list(folder: Path, rules: str = "") -> Allowlist:
    """Load such a list."""
    return load_allowlist(write_list(folder, rules))
