"""The formats of a kind of result, each a module that is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from onnxguard.reporters.kit.options import RenderOptions

Reporter = Callable[[Any, RenderOptions], str]


def formats(modules: str, *names: str) -> dict[str, Reporter]:
    """The ``render`` of each format by its name.

    Args:
        modules: how the modules' names begin, such as ``onnxguard.reporters.scan.``.
        names: the formats, in the order in which they are offered.
    """
    return {name: _reporter(modules + name) for name in names}


def documents(module: str, *names: str) -> dict[str, Reporter]:
    """The formats of a kind that is a document, which is the ``document`` of a module.

    Args:
        module: its name, such as ``onnxguard.reporters.diff.document``.
        names: of ``text``, ``markdown`` and ``html``.
    """
    return {name: _setter(module, name) for name in names}


def _reporter(module: str) -> Reporter:
    def render(result: Any, options: RenderOptions) -> str:
        reporter: Reporter = import_module(module).render
        return reporter(result, options)

    return render


def _setter(module: str, name: str) -> Reporter:
    def render(result: Any, options: RenderOptions) -> str:
        document = import_module(module).document(result)
        reporter: Reporter = import_module(f"onnxguard.reporters.kit.{name}").render
        return reporter(document, options)

    return render
