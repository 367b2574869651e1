"""onnxguard: verify exported ONNX graphs and keep the bad ones out.

>>> import onnxguard
>>> report = onnxguard.scan("model.onnx", "adr-0258")  # doctest: +SKIP
>>> report.passed  # doctest: +SKIP
True
"""

import os
from typing import TYPE_CHECKING, Any

from onnxguard.version import __version__

if TYPE_CHECKING:
    from onnxguard.base.errors import AllowlistError, ModelError, OnnxguardError
    from onnxguard.base.findings import Finding, Place, Severity
    from onnxguard.model.facts import Facts
    from onnxguard.parity.check import check_parity
    from onnxguard.parity.report import ParityReport
    from onnxguard.policy.allowlist import Allowlist
    from onnxguard.policy.registry import load_allowlist
    from onnxguard.scanning.report import Report, Verdict
    from onnxguard.scanning.scan import read_facts, scan, scan_bytes

# ONNX Runtime reads it at its import, and every module and child process that imports it imports
# this package first. Its telemetry writes texts from the user's graph to the home folder.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

__all__ = [
    "Allowlist",
    "AllowlistError",
    "Facts",
    "Finding",
    "ModelError",
    "OnnxguardError",
    "ParityReport",
    "Place",
    "Report",
    "Severity",
    "Verdict",
    "__version__",
    "check_parity",
    "load_allowlist",
    "read_facts",
    "scan",
    "scan_bytes",
]

_PLACES = {
    "Allowlist": "policy.allowlist",
    "AllowlistError": "base.errors",
    "Facts": "model.facts",
    "Finding": "base.findings",
    "ModelError": "base.errors",
    "OnnxguardError": "base.errors",
    "ParityReport": "parity.report",
    "Place": "base.findings",
    "Report": "scanning.report",
    "Severity": "base.findings",
    "Verdict": "scanning.report",
    "check_parity": "parity.check",
    "load_allowlist": "policy.registry",
    "read_facts": "scanning.scan",
    "scan": "scanning.scan",
    "scan_bytes": "scanning.scan",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for: every command imports this package, and few need all of it."""
    if name not in _PLACES:
        raise AttributeError(f"module 'onnxguard' has no attribute {name!r}")
    from importlib import import_module

    found = globals()[name] = getattr(import_module(f"onnxguard.{_PLACES[name]}"), name)
    return found
