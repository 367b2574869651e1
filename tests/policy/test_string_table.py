"""``allowlist sync``: a list beside the table of the program, or the runtime, that it follows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.command import run

from onnxguard.base.errors import UsageError
from onnxguard.policy.export import to_c
from onnxguard.policy.registry import load_allowlist
from onnxguard.policy.string_table import read_table

C = r"""
#include <stddef.h>
/* "Scan" was looked at; { "Loop" } too */
static const char *const kAllowed[] = {
    "Relu", // "Tanh" is not there
    "com.microsoft::Gelu", "Conv", /* "Cast" */
    NULL,
};
static const struct { const char *domain; int version; } other[] = {{"x y", 1}, {"Elu", 2}};
"""
PYTHON = """
# ALLOWED = ["Scan"]
ALLOWED: frozenset[str] = frozenset({
    "Relu",  # 'Tanh'
    'Conv',
    "com.microsoft::Gelu",
})
OTHER = ("Elu",)
"""
WANTED = {("ai.onnx", "Relu"), ("ai.onnx", "Conv"), ("com.microsoft", "Gelu")}


@pytest.mark.parametrize(("source", "name"), [(C, "kAllowed"), (PYTHON, "ALLOWED")])
def test_a_table_is_read_without_its_comments(source: str, name: str) -> None:
    assert read_table(source, name) == WANTED
    with pytest.raises(UsageError, match="which table of strings is meant: there is"):
        read_table(source)
    with pytest.raises(UsageError, match=f"there is .*{name}"):
        read_table(source, "nothing")


def test_what_export_writes_is_read_again() -> None:
    policy = load_allowlist("adr-0258")
    assert read_table(to_c(policy)) == policy.entries.keys()


@pytest.mark.parametrize("source", ["", "x = {", 'x = {"a b"}', "x = {1, 2}", '"Relu"', "{" * 9999])
def test_what_holds_no_table(source: str) -> None:
    with pytest.raises(UsageError, match="there is none"):
        read_table(source)


def test_drift_is_exit_1(tmp_path: Path) -> None:
    path = tmp_path / "op_allowlist.c"
    path.write_text(to_c(load_allowlist("vmafx-2026")))
    code, out, _ = run("allowlist", "sync", "vmafx-2026", "--from", str(path))
    assert (code, out) == (0, f"vmafx-2026 and {path} name the same 73 operators\n")
    code, out, _ = run("allowlist", "sync", "adr-0258", "--from", str(path))
    assert code == 1
    assert out.splitlines() == [
        f"+ {name}: in {path} alone"
        for name in ("ConvInteger", "DynamicQuantizeLinear", "MatMulInteger")
    ]
    path.write_text('const char *a[] = {"Relu"};')
    code, out, _ = run("allowlist", "sync", "base", "--from", str(path), "--table", "a")
    assert (code, "- Add: in base alone" in out) == (1, True)


def test_a_list_follows_a_target() -> None:
    code, out, _ = run("allowlist", "sync", "base", "--from", "onnxruntime-cpu@1.31")
    assert code == 1
    assert "+ com.microsoft::MatMulNBits: in onnxruntime-cpu@1.31 alone" in out
    assert not [line for line in out.splitlines() if line.startswith("-")]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("none.c", '--from "none.c": no such file, and targets: no target "none.c" in'),
        ("./none.c", '--from "./none.c" cannot be read: No such file or directory'),
        ("fifo", '--from "fifo" cannot be read: not a regular file'),
        ("folder", '--from "folder" cannot be read: Is a directory'),
    ],
)
def test_what_is_not_there(
    source: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("fifo")
    os.mkdir("folder")
    code, _, err = run("allowlist", "sync", "base", "--from", source)
    assert (code, said in err) == (2, True)
