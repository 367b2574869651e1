"""The package as a program imports it."""

from __future__ import annotations

import subprocess
import sys

import pytest

import onnxguard
import onnxguard.parity
from onnxguard.parity import check_parity


def test_the_check_is_imported_from_the_package() -> None:
    assert check_parity is onnxguard.check_parity
    with pytest.raises(AttributeError, match="has no attribute 'nosuch'"):
        onnxguard.parity.nosuch  # noqa: B018


def test_the_package_alone_imports_no_pytorch() -> None:
    code = "import sys, onnxguard.parity.settings; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
