"""Write into the pages what their examples print now.

``python tests/update_examples.py [PAGE...]``, then read the diff: an output with ``...`` that no
longer fits is written out in full.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from support.examples import PAGES, Folder, replay


def main(pages: list[Path]) -> None:
    for page in pages:
        with tempfile.TemporaryDirectory() as folder:
            text = replay(page.read_text(encoding="utf-8"), Folder(Path(folder)))
        page.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]] or PAGES)
