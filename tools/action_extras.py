"""Print what extras of onnxguard ask for, a requirement a line, for the Action to install.

python tools/action_extras.py onnx parity-cpu
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


def requirements(extras: list[str]) -> Iterator[str]:
    """The requirements of some extras and of those that these name.

    Raises:
        KeyError: there is no such extra.
    """
    known = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for extra in extras:
        for requirement in known[extra]:
            name, _, inner = requirement.partition("[")
            if name == "onnxguard":
                yield from requirements(inner.rstrip("]").split(","))
            else:
                yield requirement


def main() -> int:
    """Print them; 2 where there is no such extra."""
    try:
        print("\n".join(requirements(sys.argv[1:])))
    except KeyError as error:
        print(f"::error::onnxguard: no extra {error.args[0]!a}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
