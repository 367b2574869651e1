"""onnxguard: verify exported ONNX graphs and keep the bad ones out.

>>> import onnxguard
>>> report = onnxguard.scan("model.onnx", "adr-0258")  # doctest: +SKIP
>>> report.passed  # doctest: +SKIP
True
"""

from onnxguard.allowlist import Allowlist
from onnxguard.errors import AllowlistError, ModelError, OnnxguardError
from onnxguard.facts import Facts
from onnxguard.findings import Finding, Place, Severity
from onnxguard.registry import load_allowlist
from onnxguard.report import Report, Verdict
from onnxguard.scan import read_facts, scan, scan_bytes
from onnxguard.version import __version__

__all__ = [
    "Allowlist",
    "AllowlistError",
    "Facts",
    "Finding",
    "ModelError",
    "OnnxguardError",
    "Place",
    "Report",
    "Severity",
    "Verdict",
    "__version__",
    "load_allowlist",
    "read_facts",
    "scan",
    "scan_bytes",
]
