"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import onnxguard


def test_examples() -> None:
    found = pkgutil.walk_packages(onnxguard.__path__, "onnxguard.")
    names = [module.name for module in found if not module.name.endswith("__main__")]
    results = {name: doctest.testmod(importlib.import_module(name)) for name in names}
    assert [name for name, result in results.items() if result.failed] == []
    assert any(result.attempted for result in results.values())
