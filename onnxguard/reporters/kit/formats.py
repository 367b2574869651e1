"""The formats of a kind of result, each a module that is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from onnxguard.reporters.kit.options import RenderOptions


def formats(modules: str, *names: str) -> dict[str, Callable[[Any, RenderOptions], str]]:
    """The ``render`` of each format by its name.

    Args:
        modules: how the modules' names begin, such as ``onnxguard.reporters.scan.``.
        names: the formats, in the order in which they are offered.
    """
    return {name: _reporter(modules + name) for name in names}


def _reporter(module: str) -> Callable[[Any, RenderOptions], str]:
    def render(result: Any, options: RenderOptions) -> str:
        reporter: Callable[[Any, RenderOptions], str] = import_module(module).render
        return reporter(result, options)

    return render
