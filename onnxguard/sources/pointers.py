"""Small files that stand where a large one belongs, told by how they begin."""

from __future__ import annotations

import re
from typing import NamedTuple

POINTER_BYTES = 1 << 15
"""A larger file is no pointer: git-annex takes none that is longer."""

HEAD_BYTES = 1 << 10
"""Bytes from a file's beginning that tell what it is."""


class Pointer(NamedTuple):
    """What a file is instead of its content: a noun with its article, and how to fetch that."""

    kind: str
    fetch: str

    def instead_of(self, content: str) -> tuple[str, str]:
        """What stands where the content should, as a noun, and what to do about it."""
        return f"{self.kind}, not the {content} itself", f"fetch the {content}: {self.fetch}"


_LFS = Pointer("a Git LFS pointer", "git lfs pull")
_ANNEX = Pointer("a git-annex pointer", "git annex get")
_DVC = Pointer("a DVC pointer", "dvc pull")
_XET = Pointer("a Xet pointer", "git xet checkout, or download it from its hub")

_FORMS = (
    # Both older addresses are taken by git-lfs to this day.
    (rb"version https?://(git-lfs\.github\.com/|hawser\.github\.com/|git-media\.io/)", _LFS),
    # Unlocked, or a link that leads into a repository, as text where a file system has no links.
    (rb"([^\0-\x1f]{0,512}\.git([/\\][^\0-\x1f]{0,512})?)?[/\\]annex[/\\]objects[/\\]", _ANNEX),
    (rb"# xet version ", _XET),
    # Lines of YAML: an import has others before its outs.
    (rb"([a-z0-9_]+:[^\0-\x08\x0e-\x1f]*\n)?outs:\s*-\s[^\0]*\b(path|md5|etag):", _DVC),
)


def pointer_of(head: bytes) -> Pointer | None:
    """What the first ``HEAD_BYTES`` of a file point to; None where they are no pointer.

    Sources: git-lfs docs/spec.md; git-annex.branchable.com/internals/pointer_file; the files that
    dvc and git-xet write.
    """
    text = head[:HEAD_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    return next((pointer for form, pointer in _FORMS if re.match(form, text)), None)
