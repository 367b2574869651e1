"""Real Git repositories, made in the working folder."""

from __future__ import annotations

import os
import subprocess

WHO = ("AUTHOR", "COMMITTER")


def git(*words: str) -> str:
    """Run Git in the working folder; what it prints."""
    env = os.environ | {f"GIT_{who}_{what}": "a@b" for who in WHO for what in ("NAME", "EMAIL")}
    command = ["git", "-c", "init.defaultBranch=main", *words]
    done = subprocess.run(command, capture_output=True, check=True, env=env)
    return done.stdout.decode().strip()
