"""The table of hostile inputs: what to scan and what the scan has to say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

LIST = "adr-0258"

Exits = frozenset[int]

CLEAN: Exits = frozenset({0})
FINDINGS: Exits = frozenset({1})
NOT_VERIFIED: Exits = frozenset({2})
REFUSED = FINDINGS | NOT_VERIFIED
"""Either answer is right: judged bad, or given up because reading it all would cost too much."""

SURVIVED = CLEAN | REFUSED
"""A legal model, only a strange one: any answer is right that comes in time."""


class Case(NamedTuple):
    """One input.

    Attributes:
        name: ``module.function``.
        build: writes the input below a fresh folder and returns the path to scan.
        exits: the exit codes that are right.
        codes: rule codes that have to be among the findings.
        allowlist: the id or path of the list to scan by.
        heavy: whether it is left to the test that runs a process with a memory limit.
        content: returns the bytes, where the case is a file of bytes and nothing else.
    """

    name: str
    build: Callable[[Path], Path]
    exits: Exits
    codes: frozenset[str]
    allowlist: str
    heavy: bool
    content: Callable[[], bytes] | None = None


CASES: dict[str, Case] = {}

ModelBuilder = Callable[[], bytes]
PathBuilder = Callable[[Path], Path]
TableBuilder = Callable[[], dict[str, bytes]]


def _add(case: Case) -> None:
    assert case.name not in CASES, case.name
    CASES[case.name] = case


def _name(function: Callable[..., object]) -> str:
    return f"{function.__module__.rpartition('.')[2]}.{function.__name__}"


def _written(content: Callable[[], bytes]) -> PathBuilder:
    def build(folder: Path) -> Path:
        target = folder / "model.onnx"
        target.write_bytes(content())
        return target

    return build


def model(exits: Exits, *codes: str, heavy: bool = False) -> Callable[[ModelBuilder], ModelBuilder]:
    """Register a function that returns the bytes of a model."""

    def register(function: ModelBuilder) -> ModelBuilder:
        build = _written(function)
        _add(Case(_name(function), build, exits, frozenset(codes), LIST, heavy, function))
        return function

    return register


def path(exits: Exits, *codes: str) -> Callable[[PathBuilder], PathBuilder]:
    """Register a function that fills a folder and returns the path to scan."""

    def register(function: PathBuilder) -> PathBuilder:
        _add(Case(_name(function), function, exits, frozenset(codes), LIST, heavy=False))
        return function

    return register


def table(exits: Exits, *codes: str) -> Callable[[TableBuilder], TableBuilder]:
    """Register a function that returns models by name: one case each."""

    def register(function: TableBuilder) -> TableBuilder:
        for key, data in function().items():

            def content(data: bytes = data) -> bytes:
                return data

            name = f"{_name(function)}[{key}]"
            build = _written(content)
            _add(Case(name, build, exits, frozenset(codes), LIST, heavy=False, content=content))
        return function

    return register
