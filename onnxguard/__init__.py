"""onnxguard: verify exported ONNX graphs and keep the bad ones out.

>>> import onnxguard
>>> report = onnxguard.scan("model.onnx", "adr-0258")  # doctest: +SKIP
>>> report.passed  # doctest: +SKIP
True
"""

import os
from typing import TYPE_CHECKING, Any

from onnxguard.base.errors import AllowlistError, ModelError, OnnxguardError
from onnxguard.base.findings import Finding, Place, Severity
from onnxguard.model.facts import Facts
from onnxguard.policy.allowlist import Allowlist
from onnxguard.policy.registry import load_allowlist
from onnxguard.scanning.report import Report, Verdict
from onnxguard.scanning.scan import read_facts, scan, scan_bytes
from onnxguard.version import __version__

if TYPE_CHECKING:
    from onnxguard.parity.check import check_parity
    from onnxguard.parity.report import ParityReport

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

_PARITY = {
    "check_parity": "onnxguard.parity.check",
    "ParityReport": "onnxguard.parity.report",
}


def __getattr__(name: str) -> Any:
    """Import what needs PyTorch and ONNX Runtime when it is asked for: a scan needs neither."""
    if name not in _PARITY:
        raise AttributeError(f"module 'onnxguard' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PARITY[name]), name)
