"""What stands below a command's help."""

from __future__ import annotations


def examples(*commands: str) -> str:
    """The epilog of a command, as click takes it: a line a command, none wrapped."""
    head = "Examples:" if len(commands) > 1 else "Example:"
    return "\n".join(("\b", head, *(f"  onnxguard {command}" for command in commands)))
