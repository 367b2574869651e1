"""OG0xx: the file could not be verified."""

from __future__ import annotations

from functools import partial

from onnxguard.base.findings import Severity
from onnxguard.catalogue.rule import Rule

_Unverified = partial(
    Rule, unverified=True, waivable=False, ignorable=False, baselinable=False, unsafe=True
)

FILES = (
    _Unverified(
        "OG001",
        "unreadable",
        Severity.ERROR,
        "The path does not lead to a regular file that can be read.",
        "A missing file, a folder named *.onnx, a FIFO, a device or a loop of links holds no model "
        "to judge, and opening some of them blocks for ever. A gate that skipped them would be "
        "green because of what it did not look at.",
        "Check the path and its permissions, and put a regular file there. To scan what another "
        "program writes, pipe it in and name it '-'.",
    ),
    _Unverified(
        "OG002",
        "not-a-model",
        Severity.ERROR,
        "The bytes are no ONNX model.",
        "An empty file, a pointer of Git LFS, git-annex, DVC or Xet, an error message or a web "
        "page saved under the model's name, or a model of another format often stands where a "
        "model should. Nothing in it was verified, so nothing may be concluded from it; the real "
        "model is elsewhere and unseen. A file whose bytes 4 to 8 are ORTM is a model in ORT "
        "format to ONNX Runtime where it loads it from memory, whatever else it is.",
        "For a pointer, fetch what it points to ('git lfs pull', 'git annex get', 'dvc pull'; in "
        "CI: check out with LFS) and scan again. Otherwise fetch or export the model anew, and "
        "unpack it if it came in an archive.",
    ),
    _Unverified(
        "OG003",
        "malformed",
        Severity.ERROR,
        "The protobuf encoding is broken.",
        "A field ends past its parent, a number, a tag or a length is too long, packed values are "
        "cut or a wire type does not exist. "
        "Parsers differ in what they make of such bytes, so what one program verified need not be "
        "what another one runs. A transfer that was cut short looks the same.",
        "Compare the file's size and checksum with the original, and export it again with an "
        "unpatched exporter. The message names the byte where reading stopped.",
    ),
    _Unverified(
        "OG004",
        "no-graph",
        Severity.ERROR,
        "The model holds no graph.",
        "The bytes parse as protobuf, as many files do by accident, but there is nothing that a "
        "runtime could run. To call this clean would be to certify a file that no one can name.",
        "Scan the exported model itself, not a file that goes with it (external data, a "
        "checkpoint, a calibration table, a single tensor).",
    ),
    _Unverified(
        "OG005",
        "too-much-to-read",
        Severity.ERROR,
        "The model takes more work to read or to judge than the list's limits allow.",
        "A file of a few megabytes can be made of millions of tiny fields that cost every reader "
        "seconds and gigabytes, or hold a name of a gigabyte. The work of a read is bounded, and "
        "so is the CPU time for one model; one that exceeds either was not verified to its end.",
        "If a graph of this size is meant, raise limits.nodes in an allowlist of your own (the "
        "work that is allowed grows with it) or limits.seconds, whichever the message names.",
    ),
    _Unverified(
        "OG006",
        "process-died",
        Severity.ERROR,
        "The process that read the model died before it could say anything.",
        "It was killed from outside, ran out of memory or crashed, and was alone with this model "
        "when it was tried again. What the model holds is not known, and a file that takes down "
        "whoever reads it may do the same to the program that it is meant for.",
        "Scan it alone, on a machine or in a container with more memory. If its process still "
        "dies, do not use the file, and report the crash.",
    ),
    _Unverified(
        "OG007",
        "parity-not-run",
        Severity.ERROR,
        "The parity check that the manifest asks for could not be made.",
        "The reference could not be imported, its weights are missing, or the packages are not "
        "installed. Whether the graph computes what it should is not known, and a gate that went "
        "on would be green because of what it did not do.",
        "Follow the message. Where PyTorch cannot be installed, --no-parity leaves the check out "
        "and says so; run it elsewhere.",
    ),
    _Unverified(
        "OG008",
        "sizes-not-possible",
        Severity.ERROR,
        "The sizes that were given for the model's inputs are not possible for it.",
        "Costs are counted for sizes that --shape or a manifest gives. A name that is no input, or "
        "a size that contradicts what the model declares, would count something that never runs.",
        "Name an input of the model, and give as many sizes as it has dimensions; those that the "
        "model fixes must stay.",
    ),
)
