"""What holds for all tests."""

from __future__ import annotations

import os

# As the command line has it, and before anything imports PyTorch.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
