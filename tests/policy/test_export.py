"""``allowlist export``: a C table that compiles and finds, and ONNX Runtime's operator config."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from make_models import FOLDER
from support import protobuf as pb
from support.command import run
from support.lists import write_list
from support.protobuf import function, graph, node, opset_import

from onnxguard import load_allowlist
from onnxguard.policy.registry import allowlist_ids

MAIN = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "list.h"

static int compare(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int main(int argc, char **argv) {
    size_t length = 0;
    while (TABLE[length] != NULL)
        length++;
    if (length != (size_t)COUNT)
        return 3;
    for (size_t i = 1; i < length; i++)
        if (strcmp(TABLE[i - 1], TABLE[i]) >= 0)
            return 4;
    for (int i = 1; i < argc; i++) {
        const char *const name = argv[i];
        puts(bsearch(&name, TABLE, length, sizeof *TABLE, compare) ? "yes" : "no");
    }
    return 0;
}
"""
STRICT = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror"]


def exported(*arguments: str) -> str:
    code, out, err = run("allowlist", "export", *arguments)
    assert (code, err) == (0, "")
    return out


def search(folder: Path, name: str, *operators: str) -> list[str]:
    """Compile the table, and look the operators up in it by binary search."""
    text = exported(name, "--to", "c")
    (folder / "list.h").write_text(text, encoding="utf-8")
    (folder / "main.c").write_text(MAIN)
    match = re.search(r"^static const char \*const (\w+)\[\] = \{$", text, re.MULTILINE)
    assert match, text
    macros = [f"-DTABLE={match[1]}", f"-DCOUNT={match[1]}_count"]
    program = folder / "program"
    compiled = subprocess.run(
        ["gcc", *STRICT, *macros, str(folder / "main.c"), "-o", str(program)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert compiled.returncode == 0, compiled.stderr
    done = subprocess.run([program, *operators], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    return done.stdout.split()


# -- C ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", allowlist_ids())
def test_c_table_finds_what_the_list_allows(name: str, tmp_path: Path) -> None:
    allowed = sorted(op_type for _, op_type in load_allowlist(name).entries)
    others = ["Scan", "relu", "Rel", "Relux", "", "NULL", "Einsum"]
    found = search(tmp_path, name, *allowed, *others)
    assert found == ["yes"] * len(allowed) + ["no"] * len(others)


LISTS = {
    "foreign operator": (
        "operators: [{name: Gelu, domain: com.microsoft}]",
        {"com.microsoft::Gelu": "yes", "Gelu": "no", "Relu": "yes"},
    ),
    "operator that is denied": (
        "deny: [{name: Relu, reason: bad}]",
        {"Relu": "no", "Identity": "yes"},
    ),
    "operator of two ranges": (
        "operators: [{name: Tanh, opset: 7..9}, {name: Tanh, opset: 11..}]",
        {"Tanh": "yes"},
    ),
}


@pytest.mark.parametrize("name", LISTS)
def test_c_table_of_a_list_of_ones_own(name: str, tmp_path: Path) -> None:
    rules, wanted = LISTS[name]
    path = write_list(tmp_path, f"{rules}\n")
    assert search(tmp_path, str(path), *wanted) == list(wanted.values())


def test_c_table_leaves_out_foreign_operators_that_are_denied(tmp_path: Path) -> None:
    write_list(tmp_path, "operators: [{names: [A, B], domain: one}, {name: A, domain: two}]\n")
    top = tmp_path / "top.yaml"
    head = "schema: 1\nid: top\nextends: mine.yaml\n"
    top.write_text(f"{head}deny: [{{name: A, domain: one, reason: bad}}]\n")
    assert search(tmp_path, str(top), "one::A", "one::B", "two::A") == ["no", "yes", "yes"]
    top.write_text(f"{head}deny: [{{name: '*', domain: one, reason: bad}}]\n")
    assert search(tmp_path, str(top), "one::A", "one::B", "two::A") == ["no", "no", "yes"]


@pytest.mark.parametrize(
    "title", ["plain", "ends here */ int x = ;", '"quoted" \\\\', "what??/", "a /* b", "día"]
)
def test_c_table_whatever_the_title(title: str, tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    path.write_text(
        f"schema: 1\nid: 1.a-B_\ntitle: '{title}'\noperators: [{{name: Relu}}]\n", encoding="utf-8"
    )
    assert search(tmp_path, str(path), "Relu", "Tanh") == ["yes", "no"]


def test_c_table_of_nothing(tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    path.write_text("schema: 1\nid: none\n")
    assert search(tmp_path, str(path), "Relu") == ["no"]


# -- ONNX Runtime ----------------------------------------------------------------------------------

LINE = re.compile(r"[A-Za-z0-9._-]+;\d+;[A-Za-z0-9_]+(,[A-Za-z0-9_]+)*", re.ASCII)


def parsed(text: str) -> dict[tuple[str, int], list[str]]:
    """Read the config as ONNX Runtime's reduced build does: comments, then ``domain;opset;ops``."""
    first, *lines = text.splitlines()
    assert first.startswith("# ")
    config = {}
    for line in lines:
        assert LINE.fullmatch(line), line
        domain, opset, operators = line.split(";")
        assert (domain, int(opset)) not in config
        config[domain, int(opset)] = operators.split(",")
    return config


def test_ort_config_of_the_students() -> None:
    paths = [str(FOLDER / f"saliency_v{version}.onnx") for version in (1, 2)]
    config = parsed(exported("adr-0258", *paths, "--to", "ort-config"))
    assert config == {
        ("ai.onnx", 17): [
            "Concat",
            "Constant",
            "Conv",
            "ConvTranspose",
            "MaxPool",
            "Relu",
            "Resize",
            "Sigmoid",
        ]
    }


def test_ort_config_has_a_line_for_each_domain_and_opset(tmp_path: Path) -> None:
    path = write_list(tmp_path, "operators: [{names: [A, B], domain: com.x}]\n")
    made = function("F", node("If"))
    imports = [opset_import("com.x", 3), opset_import("local", 1)]
    models = {
        "a": pb.model(
            graph(node("Relu"), node("A", domain="com.x")), opset=13, opset_import=imports
        ),
        "b": pb.model(graph(node("Identity")), opset=17),
        "c": pb.model(
            graph(node("F", domain="local"), node("Relu")),
            opset=17,
            opset_import=imports,
            functions=made,
        ),
    }
    for name, data in models.items():
        (tmp_path / f"{name}.onnx").write_bytes(data)
    assert parsed(exported(str(path), str(tmp_path), "--to", "ort-config")) == {
        ("ai.onnx", 13): ["Relu"],
        ("ai.onnx", 17): ["Identity", "If", "Relu"],
        ("com.x", 3): ["A"],
    }


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ("", "Tanh is not on the allowlist mine"),
        (
            "operators: [{name: Tanh}]\ndeny: [{name: Relu, reason: bad}]",
            "Relu is not on the allowlist mine",
        ),
    ],
    ids=["unknown", "denied"],
)
def test_ort_config_is_for_allowed_operators_alone(rules: str, words: str, tmp_path: Path) -> None:
    path = write_list(tmp_path, f"{rules}\n")
    model = tmp_path / "model.onnx"
    model.write_bytes(pb.model(graph(node("Relu"), node("Tanh"))))
    arguments = ["allowlist", "export", str(path), str(model), "--to", "ort-config"]
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err == f"onnxguard: error: {model}: {words}\n"


# -- calls -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["c", "ort-config"])
def test_output(target: str, tmp_path: Path) -> None:
    models = [str(FOLDER / "saliency_v1.onnx")] if target == "ort-config" else []
    printed = exported("base", *models, "--to", target)
    assert exported("base", *models, "--to", target, "--output", str(tmp_path / "out")).startswith(
        "wrote "
    )
    assert (tmp_path / "out").read_text() == printed


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["base"], "missing option '--to'"),
        (["base", "--to", "rust"], "'rust' is not one of"),
        (["base", "m.onnx", "--to", "c"], "--to c takes no models: it writes the whole list"),
        (["base", "--to", "ort-config"], "needs the models whose opsets it is for"),
        (["base", "none.onnx", "--to", "ort-config"], "none.onnx: cannot be read"),
        (["base", "--to", "c", "--output", "a.onnx"], '--output "a.onnx" is a model'),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_call_that_cannot_work(arguments: list[str], words: str) -> None:
    code, out, err = run("allowlist", "export", *arguments)
    assert (code, out) == (2, "")
    assert words in err
