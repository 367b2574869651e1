"""Scan one model and write its report in several formats, each to a file of the format's name.

Run by ``measure`` as a process of its own: ``render_each.py PATH ALLOWLIST FOLDER FORMAT...``. It
exits as ``onnxguard scan`` would.
"""

from __future__ import annotations

import sys
from pathlib import Path

from onnxguard import load_allowlist, scan
from onnxguard.reporters import REPORTERS, RenderOptions
from onnxguard.scanning.report import Run


def main(path: str, allowlist: str, folder: str, *formats: str) -> int:
    run = Run((scan(path, load_allowlist(allowlist)),), 0.0)
    for name in formats:
        text = REPORTERS[name](run, RenderOptions())
        (Path(folder) / name).write_text(text, encoding="utf-8", newline="\n")
    return run.exit_code(exit_zero=False)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
