"""``python -m onnxguard``."""

import sys

from onnxguard.cli import main

if __name__ == "__main__":
    sys.exit(main())
