"""The command as a process whose streams are terminals."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import termios
from typing import NamedTuple

from support.patience import HANG

MODULE = [sys.executable, "-m", "onnxguard"]


def environment(**more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM")}
    return kept | {"TERM": "xterm"} | more


class Seen(NamedTuple):
    """The exit code, and what each stream wrote."""

    code: int
    out: str
    err: str


def on_terminal(*arguments: str, streams: str = "oe", columns: int = 80, **more: str) -> Seen:
    """Run with a terminal as standard input (i), output (o) or error (e), else a pipe."""
    pairs = {stream: pty.openpty() if stream in streams else os.pipe() for stream in "oe"}
    for stream in streams.replace("i", ""):
        termios.tcsetwinsize(pairs[stream][1], (24, columns))
    terminal, stdin = pty.openpty() if "i" in streams else (-1, subprocess.DEVNULL)
    process = subprocess.Popen(
        [*MODULE, *arguments],
        stdin=stdin,
        stdout=pairs["o"][1],
        stderr=pairs["e"][1],
        env=environment(**more),
    )
    for _, theirs in pairs.values():
        os.close(theirs)
    texts = dict.fromkeys("oe", b"")
    ours = {pairs[stream][0]: stream for stream in "oe"}
    while ours:
        for descriptor in select.select(list(ours), [], [], HANG)[0]:
            try:
                data = os.read(descriptor, 65536)
            except OSError:  # what Linux says of a terminal that nobody writes to any more
                data = b""
            texts[ours[descriptor]] += data
            if not data:
                del ours[descriptor]
                os.close(descriptor)
    code = process.wait(HANG)
    for descriptor in (terminal, stdin) if terminal >= 0 else ():
        os.close(descriptor)
    return Seen(code, *(text.decode().replace("\r\n", "\n") for text in texts.values()))
