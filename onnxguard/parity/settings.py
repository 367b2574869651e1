"""How a parity check is run."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import NamedTuple

from onnxguard.base.errors import UsageError
from onnxguard.base.printable import printable
from onnxguard.base.progress import Step, silent
from onnxguard.base.yaml_tree import near
from onnxguard.catalogue import PARITY_RULES
from onnxguard.running.providers import LEVELS, PROVIDERS, RUN_SECONDS

ATOL = 1e-5
"""The largest absolute difference that passes unless told otherwise."""

MUTANTS = 60
"""Damaged graphs of a proof unless told otherwise."""


class Settings(NamedTuple):
    """The options of a check.

    Attributes:
        atol: the largest absolute difference that passes.
        shapes: ``name=1x3x64x64``, repeatable; none: the signature proposes some.
        inputs: ``.npz`` files to run instead of generated inputs.
        trials: seeds for each shape and profile.
        seed: the first.
        provider: cpu, cuda or tensorrt.
        optimization_level: none, basic, extended or all.
        local: run the node-local pass; None: where the graph is small.
        mutants: how many to run for a proof, 0 for no proof.
        kill_rate: the share of them that must be noticed, 0 to 1.
        opset: the version that was asked of the exporter, None if any will do.
        bindings: the parameter of ``forward`` for an input whose name it does not share.
        ignore: codes of findings, of rules that are ignorable, that the user takes upon themselves.
        run_seconds: time that one run of the graph may take.
        save: the folder for evidence, None for none.
        pictures: draw image-like outputs for an HTML report.
        step: told of progress.
    """

    atol: float = ATOL
    shapes: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    trials: int = 1
    seed: int = 0
    provider: str = "cpu"
    optimization_level: str = "all"
    local: bool | None = None
    mutants: int = 0
    kill_rate: float = 0.9
    opset: int | None = None
    bindings: Mapping[str, str] = {}
    ignore: tuple[str, ...] = ()
    run_seconds: float = RUN_SECONDS
    save: str | None = None
    pictures: bool = False
    step: Step = silent

    def check(self) -> None:
        """Look at every value.

        Raises:
            UsageError: one makes no sense.
        """
        if not isfinite(self.atol) or self.atol < 0:
            raise UsageError(f"atol: a finite number that is not negative, not {self.atol}")
        if not self.run_seconds > 0:
            raise UsageError(f"run_seconds: more than 0, not {self.run_seconds}")
        if not 0 <= self.kill_rate <= 1:
            raise UsageError(f"kill_rate: a share from 0 to 1, not {self.kill_rate}")
        for name, value, least in (
            ("trials", self.trials, 1),
            ("seed", self.seed, 0),
            ("mutants", self.mutants, 0),
        ):
            if value < least:
                raise UsageError(f"{name}: at least {least}, not {value}")
        for name, given, choices in (
            ("provider", self.provider, PROVIDERS),
            ("optimization_level", self.optimization_level, LEVELS),
        ):
            if given not in choices:
                shown = printable(given)
                raise UsageError(f'{name}: no "{shown}"; there are: {", ".join(choices)}')
        for code in self.ignore:
            if code not in PARITY_RULES:
                raise UsageError(f'`ignore`: no rule "{printable(code)}"{near(code, PARITY_RULES)}')
            if not PARITY_RULES[code].ignorable:
                raise UsageError(f"`ignore` {code}: it cannot be passed over")
