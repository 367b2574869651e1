"""What Python calls a parameter, as the command line calls it."""

from __future__ import annotations

import re

FLAGS = {
    "bindings": "--bind",
    "crop": "--crop",
    "format": "--format",
    "full_check": "--full-check",
    "ignore": "--ignore",
    "inputs": "--inputs",
    "jobs": "--jobs",
    "operators": "--operator",
    "opset": "--opset",
    "out": "--out",
    "outputs": "--outputs",
    "profiles": "--profile",
    "resume": "--resume",
    "run_seconds": "--run-seconds",
    "scheduler": "--scheduler",
    "shapes": "--shape",
    "side": "--side",
    "table": "--table",
    "update_baseline": "--update-baseline",
    "values": "--values",
    "weights": "--weights",
}
"""The parameters that messages name, in backquotes."""


def as_flags(message: str) -> str:
    """A message with flags where it names parameters.

    >>> as_flags("give one with `shapes` x=DIMS")
    'give one with --shape x=DIMS'
    """
    return re.sub("`([a-z_]+)`", lambda name: FLAGS.get(name[1], name[0]), message)
