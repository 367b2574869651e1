"""Parity reports as SARIF 2.1.0, for code scanning."""

from __future__ import annotations

from onnxguard.parity.report import ParityReport
from onnxguard.reporters.kit.checks import PARITY
from onnxguard.reporters.kit.json import dumps
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.reporters.parity.phrases import as_run
from onnxguard.reporters.scan import sarif


def render(reports: tuple[ParityReport, ...], options: RenderOptions) -> str:
    """Render every finding, and what the compared files hashed to."""
    log = sarif.log(as_run(reports), options, PARITY)
    (run,) = log["runs"]
    # A category of its own: results uploaded in the same one would replace those of a scan.
    run["automationDetails"] = {"id": "onnxguard-parity/"}
    for artifact, report in zip(run["artifacts"], reports, strict=True):
        if report.identity is not None:
            artifact["hashes"] = {"sha-256": report.identity.model_sha256}
    return dumps(log)
