"""The pages are true: their examples run, their links lead somewhere, and no option is left out."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from support.checkout import ROOT
from support.examples import PAGES, Folder, blocks, commands, replay, same

from onnxguard import Finding, Place, Report
from onnxguard.cli.commands import commands as onnxguard
from onnxguard.cli.config import KEYS
from onnxguard.model.facts import (
    ConstantNode,
    Cost,
    ExternalData,
    Facts,
    Function,
    Loop,
    OperatorUse,
    OpsetImport,
    Value,
)
from onnxguard.model.messages import DTYPES
from onnxguard.policy import allowlist_file
from onnxguard.policy.allowlist import LIMITS, POLICIES
from onnxguard.reporters import REPORTERS
from onnxguard.repository import manifest_file

TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in PAGES}
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


# -- examples -------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", TEXTS)
def test_page_shows_what_its_commands_print(page: str, tmp_path: Path) -> None:
    now = replay(TEXTS[page], Folder(tmp_path))
    changes = list(unified_diff(TEXTS[page].splitlines(), now.splitlines(), lineterm=""))
    if changes:
        pytest.fail("\n".join(changes), pytrace=False)


def test_times_rounding_and_left_out_lines_are_all_that_may_differ() -> None:
    assert same("a\nPASS, 8 ms\n", "a\nPASS, 1234 ms\n")
    assert same("a\n...\nd\n", "a\nb\nc\nd\n")
    assert not same("a\n...\nd\n", "a\nb\nc\n")
    assert not same("a\nd\n", "a\nb\nd\n")
    assert not same("8 nodes\n", "9 nodes\n")
    assert not same("", "a\n")
    wide = (
        "PASS largest difference 0.01 in 2 trials\n  Largest at mask [0, 1]: 0.5 (noise inputs).\n"
    )
    assert same(
        wide, "PASS largest difference 3.1e-06 in 2\n trials Largest at a [2]: 1 (edges).\n"
    )
    assert not same(wide, wide.replace("2 trials", "3 trials"))
    assert not same(wide, wide.replace("PASS", "FAIL"))


def test_a_wrong_output_is_replaced_and_state_is_kept(tmp_path: Path) -> None:
    page = "```console\n$ false\n$ echo $?\n0\n$ echo b > c\n$ cat c\n```\n"
    assert replay(page, Folder(tmp_path)) == page.replace("\n0\n", "\n1\n").replace(
        "cat c\n", "cat c\nb\n"
    )


SESSION = """\
```pycon
>>> numbers = [
...     1]
>>> numbers
[1]

>>> {}[1]
Traceback (most recent call last):
KeyError: 1
>>> len(numbers)
1

```
"""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("[1]\n\n", "[2]\n\n"),
        ("[1]\n\n", "\n"),
        ("KeyError: 1", "KeyError: 2"),
        ("KeyError: 1", "TypeError: 1"),
        ("Traceback (most recent call last):\nKeyError: 1\n", ""),
        ("Traceback (most recent call last):\nKeyError: 1\n", "1\n"),
    ],
)
def test_a_wrong_session_is_replaced_too(right: str, wrong: str, tmp_path: Path) -> None:
    assert replay(SESSION, Folder(tmp_path / "right")) == SESSION
    assert replay(SESSION.replace(right, wrong), Folder(tmp_path / "wrong")) == SESSION


def test_every_format_is_shown() -> None:
    shown = {
        name
        for block in blocks(TEXTS["docs/read-a-report.md"])
        if block.language == "console"
        for command, _ in commands(block.text)
        for name in re.findall(r"--format (\w+)", command)
    }
    assert shown | {"text"} == REPORTERS.keys()


# -- links and completeness -----------------------------------------------------------------------


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    plain = (re.sub(r"[`*]|\]\([^)]*\)|\[", "", heading) for heading in HEADING.findall(page))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", TEXTS)
def test_links_lead_somewhere(page: str) -> None:
    for target in LINK.findall(FENCED.sub("", TEXTS[page])):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        path = ((ROOT / page).parent / name).resolve() if name else ROOT / page
        assert path.exists(), target
        if anchor:
            assert anchor in anchors(path.read_text(encoding="utf-8")), target


def defined_in(path: Path) -> set[str]:
    """The names of a file's tests."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_the_tests_that_pages_name_are_there() -> None:
    named = {
        match for text in TEXTS.values() for match in re.findall(r"`([\w/]+\.py)::(\w+)`", text)
    }
    assert len(named) > 20
    missing = [
        f"{file}::{test}"
        for file, test in sorted(named)
        if not test.startswith("test_")
        or not (ROOT / "tests" / file).exists()
        or test not in defined_in(ROOT / "tests" / file)
    ]
    assert missing == []


def test_every_sentence_about_pass_names_a_test() -> None:
    section = (
        TEXTS["docs/what-is-checked.md"].partition("## What PASS says")[2].partition("\n## ")[0]
    )
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 10
    assert [row for row in rows if not re.search(r"\| `[^|]+::test_\w+` \|$", row)] == []


def options(
    command: click.Command, path: str, parent: click.Context | None = None
) -> Iterator[tuple[str, str]]:
    """Every option of a command and of those below it."""
    # In the context that the command line has: click keeps the help option made in the first one.
    context = command.make_context(path, [], parent, resilient_parsing=True)
    for parameter in command.get_params(context):
        if isinstance(parameter, click.Option):
            yield from ((path, option) for option in parameter.opts)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from options(below, f"{path} {name}", context)


def test_every_command_and_option_is_documented() -> None:
    text = "\n".join(TEXTS.values())
    found = list(options(onnxguard, "onnxguard"))
    assert len(found) > 20
    missing = [each for each in found if not re.search(rf"(?<![\w-]){each[1]}(?![\w-])", text)]
    assert missing == []
    assert [path for path, _ in found if path.rpartition(" ")[2] not in text] == []


def documented(page: str, names: Any) -> list[str]:
    """Those of the names that the page does not hold as code."""
    code = set(re.findall(r"[\w.-]+", " ".join(re.findall(r"`([^`\n]+)`", TEXTS[page]))))
    return sorted(set(names) - code)


def test_every_key_of_the_configuration_is_documented() -> None:
    assert documented("docs/gate-a-repository.md", KEYS) == []


def test_every_key_of_an_allowlist_is_documented() -> None:
    keys = {*LIMITS, *POLICIES, *(name for name, _ in DTYPES.values())}
    for name in ("_TOP", "_ENTRY", "_DENY", "_VALUE", "_WAIVER"):
        keys |= set(getattr(allowlist_file, name))
    assert documented("docs/write-an-allowlist.md", keys) == []


def test_every_key_of_a_manifest_is_documented() -> None:
    names = ("_TOP", "_ENTRY", "_CONTRACT", "_REFERENCE", "_SETTINGS", "_CHOICES")
    keys = {key for name in names for key in getattr(manifest_file, name)}
    assert documented("docs/write-a-manifest.md", keys) == []


def test_every_field_of_a_report_is_documented() -> None:
    types = (Report, Finding, Place, Facts, OpsetImport, OperatorUse, ConstantNode, Value)
    types += (Function, ExternalData, Loop, Cost)
    names = {field for each in types for field in each._fields}
    assert documented("docs/python-api.md", names) == []


def test_rules_page_is_up_to_date() -> None:
    tool = ROOT / "tools" / "update_rules_doc.py"
    assert subprocess.run([sys.executable, str(tool), "--check"], check=False).returncode == 0


def test_every_folder_has_its_line() -> None:
    folders = {
        path.relative_to(ROOT).as_posix() + "/"
        for path in [*(ROOT / "onnxguard").iterdir(), ROOT / "allowlists", ROOT / "students"]
        if (path / "__init__.py").exists()
    }
    table = re.findall(
        r"^\| `((?:allow|onnx|stud)[\w/]+/)` \|", TEXTS["CONTRIBUTING.md"], re.MULTILINE
    )
    assert sorted(table) == sorted(folders)


def test_the_root_holds_little() -> None:
    files = {path.name for path in (ROOT / "onnxguard").iterdir() if path.is_file()}
    assert files == {"__init__.py", "__main__.py", "version.py", "py.typed"}


# -- what others have to accept -------------------------------------------------------------------


def snippets() -> list[Any]:
    return [
        yaml.safe_load(block.text)
        for text in TEXTS.values()
        for block in blocks(text)
        if block.language == "yaml"
    ]


def mappings(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in a value, itself included."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, (dict, list)):
            yield from mappings(inner)


def test_hooks_in_pages_exist() -> None:
    hooks = {hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    used = [
        hook["id"]
        for snippet in snippets()
        for mapping in mappings(snippet)
        for hook in mapping.get("hooks", ())
    ]
    assert len(used) >= 2
    assert set(used) <= hooks


def test_inputs_of_the_action_in_pages_exist() -> None:
    inputs = yaml.safe_load((ROOT / "action.yml").read_text())["inputs"]
    steps = [
        mapping
        for snippet in snippets()
        for mapping in mappings(snippet)
        if str(mapping.get("uses", "")).startswith("OWNER/onnxguard@")
    ]
    assert len(steps) >= 3
    assert {name for step in steps for name in step["with"]} <= inputs.keys()
    assert documented("docs/gate-a-repository.md", inputs) == []


def test_workflows_in_pages_keep_strangers_out() -> None:
    """As the page on strangers says; only its own workflow is pinned whole."""
    workflows = [
        snippet for snippet in snippets() if isinstance(snippet, dict) and "jobs" in snippet
    ]
    steps = [step for flow in workflows for job in flow["jobs"].values() for step in job["steps"]]
    assert len(workflows) >= 4
    for flow in workflows:
        assert "pull_request_target" not in flow[True]  # YAML's "on"
        assert set(flow["permissions"].values()) <= {"read", "write"}
        if flow["name"] == "models-of-strangers":
            used = [step["uses"] for job in flow["jobs"].values() for step in job["steps"]]
            assert all(re.search("@[0-9a-f]{40}$", name) for name in used)
    for step in steps:
        name = step.get("uses", "").partition("@")[0]
        if name == "actions/checkout":
            assert step["with"]["persist-credentials"] is False
        assert name != "actions/cache"  # it saves on every branch
        if name == "actions/cache/save":
            assert "github.ref_name == github.event.repository.default_branch" in step["if"]


@pytest.mark.parametrize("page", ["docs/gate-a-repository.md", "docs/in-ci-against-strangers.md"])
def test_no_python_starts_in_a_checkout_unisolated(page: str) -> None:
    """``python -m venv`` would run a ``venv.py`` that lies there."""
    assert re.findall(r"python[\w.\"]* -(?!I\b).*", TEXTS[page]) == []


def test_files_that_decide_have_owners() -> None:
    text = TEXTS["docs/in-ci-against-strangers.md"]
    (owners,) = re.findall(r"# .github/CODEOWNERS\n(.*?)```", text, re.DOTALL)
    for name in ("onnxguard.yaml", "onnxguard.lock", "pyproject.toml", ".pre-commit-config.yaml"):
        assert f"/{name} " in owners
        assert f"`{name}`" in text


def test_the_readme_has_one_command_that_tests() -> None:
    fenced = [line for block in blocks(TEXTS["README.md"]) for line in block.text.splitlines()]
    assert len([line for line in fenced if "pytest" in line]) == 1
