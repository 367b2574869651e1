"""How a parity check is run."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import NamedTuple

from onnxguard.base.errors import UsageError
from onnxguard.base.findings import Finding
from onnxguard.base.printable import printable
from onnxguard.base.progress import Step, silent
from onnxguard.base.yaml_tree import near
from onnxguard.catalogue import PARITY_RULES
from onnxguard.parity.budgets import BUDGETS, Budget
from onnxguard.running.profiles import NAMES
from onnxguard.running.providers import LEVELS, PROVIDERS, RUN_SECONDS

ATOL = 1e-5
"""The largest absolute difference that passes unless told otherwise."""

TOLERANCES = ("exact", "rounding", "fp16", "int8")
"""What may differ: no more than the tolerance, what float32's rounding explains as well, or what a
copy of lower precision may cost."""

MUTANTS = 60
"""Damaged graphs of a proof unless told otherwise."""


class Settings(NamedTuple):
    """The options of a check.

    Attributes:
        atol: the largest absolute difference that passes.
        rtol: what passes beyond that, for every 1 of the reference's value.
        atols: ``atol`` of single outputs.
        rtols: ``rtol`` of single outputs.
        tolerance: one of ``TOLERANCES``.
        shapes: ``name=1x3x64x64``, repeatable; none: the signature proposes some.
        values: ``name=0..30521`` or ``name=0,1``: what an input is drawn from.
        profiles: of ``NAMES``: how floating inputs are drawn, and nothing farther out.
        inputs: ``.npz`` files to run instead of generated inputs.
        outputs: those that are compared, ``name`` or ``name=tensor`` of the reference; none: all.
        trials: seeds for each shape and profile.
        seed: the first.
        provider: cpu, cuda or tensorrt.
        optimization_level: none, basic, extended or all.
        local: run the node-local pass; None: on the first 5,000 nodes.
        mutants: how many to run for a proof, 0 for no proof.
        kill_rate: the share of them that must be noticed, 0 to 1.
        opset: the version that was asked of the exporter, None if any will do.
        bindings: the parameter of ``forward`` for an input whose name it does not share.
        ignore: codes of findings, of rules that are ignorable, that the user takes upon themselves.
        run_seconds: time that one run of either side may take.
        save: the folder for evidence, None for none.
        pictures: draw image-like outputs for an HTML report.
        step: told of progress.
    """

    atol: float = ATOL
    rtol: float = 0.0
    atols: Mapping[str, float] = {}
    rtols: Mapping[str, float] = {}
    tolerance: str = "exact"
    shapes: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
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
        for name in ("atol", "rtol"):
            for value in (getattr(self, name), *getattr(self, f"{name}s").values()):
                if not isfinite(value) or value < 0:
                    raise UsageError(f"{name}: a finite number that is not negative, not {value}")
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
            ("tolerance", self.tolerance, TOLERANCES),
            *(("profiles", profile, tuple(NAMES)) for profile in self.profiles),
        ):
            if given not in choices:
                shown = printable(given)
                raise UsageError(f'{name}: no "{shown}"; there are: {", ".join(choices)}')
        for code in (text.partition(":")[0] for text in self.ignore):
            if code not in PARITY_RULES:
                raise UsageError(f'`ignore`: no rule "{printable(code)}"{near(code, PARITY_RULES)}')
            if not PARITY_RULES[code].ignorable:
                raise UsageError(f"`ignore` {code}: it cannot be passed over")

    def ignores(self, finding: Finding) -> bool:
        """Whether the user took a finding upon themselves, at all places or at its own."""
        places = {place.route for place in finding.places}
        named = {text.partition(":")[::2] for text in self.ignore}
        return (finding.code, "") in named or places <= {n for c, n in named if c == finding.code}

    @property
    def budget(self) -> Budget | None:
        """What a copy of lower precision may cost; None where the graph is to be exact."""
        return BUDGETS.get(self.tolerance)

    def allowed(self, output: str) -> tuple[float, float]:
        """The absolute and the relative tolerance of an output."""
        return self.atols.get(output, self.atol), self.rtols.get(output, self.rtol)
