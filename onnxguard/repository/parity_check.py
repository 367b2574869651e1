"""The parity check of a manifest's entry (OG814, OG007)."""

from __future__ import annotations

import os
from contextlib import chdir

from onnxguard.base.errors import OnnxguardError
from onnxguard.base.extras import how_to_install
from onnxguard.base.findings import Finding, Place, Severity
from onnxguard.repository.manifest import ParitySpec


def check_parity_of(path: str, spec: ParitySpec, root: str, size: int) -> list[Finding]:
    """Compare a model with its reference, which is code of the repository, and is run.

    Args:
        path: the model's, relative to the root.
        spec: how to compare; names in it are relative to the root.
        root: the manifest's folder.
        size: bytes of the model.
    """
    place = (Place("model", 0, size),)
    try:
        from onnxguard.parity.check import check_parity
    except ModuleNotFoundError as error:
        message = f"parity needs {error.name}, which is not installed"
        hint = how_to_install("parity")
        return [Finding("OG007", Severity.ERROR, message, place, hint=hint)]
    try:
        with chdir(root):
            report = check_parity(
                os.path.join(root, path),
                spec.torch,
                reference=spec.reference,
                weights=spec.weights,
                **spec.settings,
            )
    except OnnxguardError as error:
        return [Finding("OG007", Severity.ERROR, f"parity: {error}", place)]
    if report.passed:
        return []
    code = "OG007" if report.verdict.exit_code == 2 else "OG814"
    said = [(f"{f.code} {f.message}", f.hint) for f in report.findings if f.fails]
    said = said or [(f"the parity check ended in {report.verdict.value}", "")]
    return [Finding(code, Severity.ERROR, text, place, hint=hint) for text, hint in said]
