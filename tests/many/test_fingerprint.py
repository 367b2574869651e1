"""What makes remembered verdicts void: edits of what reaches them, and of nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import onnxguard
from onnxguard import allowlists, students
from onnxguard.many.fingerprint import files

DIGEST = "from onnxguard.many.fingerprint import tool_digest; print(tool_digest())"
LOADED = """
import sys
from onnxguard.many.fingerprint import files
known = set(files().values())
import onnxguard
before = set(sys.modules)
report = onnxguard.scan(sys.argv[1], "adr-0258")
assert report.facts, report
from onnxguard.running import full_check
loaded = {n for n in set(sys.modules) - before if n.startswith("onnxguard.")}
loaded |= {n for n in sys.modules if n.startswith("onnxguard.rules")}
missing = {n for n in loaded if sys.modules[n].__file__ not in known}
assert len(loaded) > 50 and not missing, missing
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The package as a wheel has it."""
    package = tmp_path / "onnxguard"
    for part, folder in (("", onnxguard), ("allowlists", allowlists), ("students", students)):
        source = Path(str(folder.__file__)).parent
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, package / part, ignore=ignore, dirs_exist_ok=True)
    return package


def digest(package: Path) -> str:
    start = f"import sys; sys.path.insert(0, {str(package.parent)!r}); {DIGEST}"
    done = subprocess.run([sys.executable, "-c", start], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("scanning/scan.py", True),
        ("running/onnx_checker.py", True),
        ("catalogue/files.py", True),
        ("model/reading/nodes.py", True),
        ("rules/collector.py", True),
        ("policy/registry.py", True),
        ("allowlists/adr-0258.yaml", True),
        ("model/wire.py", True),
        ("model/schemas.json", True),
        ("cli/scan.py", False),
        ("reporters/scan/html.py", False),
        ("parity/check.py", False),
        ("students/training.py", False),
    ],
)
def test_an_edit_counts_where_verdicts_depend_on_it(path: str, counts: bool, copy: Path) -> None:
    before = digest(copy)
    assert digest(copy) == before
    (copy / path).write_text((copy / path).read_text() + "# edited\n")
    assert (digest(copy) != before) is counts


def test_a_folder_that_gets_another_name_still_counts(copy: Path) -> None:
    (copy / "rules").rename(copy / "judging")
    for source in copy.rglob("*.py"):
        text = source.read_text(encoding="utf-8")
        source.write_text(text.replace("onnxguard.rules", "onnxguard.judging"), encoding="utf-8")
    before = digest(copy)
    for name in ("judging/tensors.py", "judging/__init__.py"):
        (copy / name).write_text((copy / name).read_text() + "# edited\n")
        assert digest(copy) != before
        before = digest(copy)


def test_a_list_that_is_new_counts(copy: Path) -> None:
    before = digest(copy)
    shutil.copy(copy / "allowlists/adr-0258.yaml", copy / "allowlists/adr-9999.yaml")
    assert digest(copy) != before


def test_all_that_a_scan_loads_is_known() -> None:
    """By Python's own list of what it imported."""
    model = str(Path(__file__).parent.parent / "models" / "saliency_v2.onnx")
    subprocess.run([sys.executable, "-c", LOADED, model], check=True)


def test_what_prints_is_not_what_judges() -> None:
    names = set(files())
    judging = {"/rules/tensors.py", "/model/wire.py", "allowlists/base.yaml"}
    assert judging <= names
    assert not [n for n in names if n.startswith(("/reporters", "/cli")) or "__pycache__" in n]
