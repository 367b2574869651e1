"""OG4xx: the files that values lie in."""

from __future__ import annotations

from functools import partial

from onnxguard.base.findings import Severity
from onnxguard.catalogue.rule import Rule

_Unsafe = partial(Rule, unsafe=True)

EXTERNAL_DATA = (
    Rule(
        "OG401",
        "external-data-forbidden",
        Severity.ERROR,
        "A tensor keeps its values in another file, and the allowlist forbids that.",
        "The model is then two files: a signature, a checksum or a review of the one says nothing "
        "about the other, and one of them gets lost on the way.",
        "Save the model with its weights inside (onnx.save_model without external data).",
    ),
    _Unsafe(
        "OG402",
        "external-path-escapes",
        Severity.ERROR,
        "A tensor's data file is not named by a plain path inside the model's folder.",
        "With '..', an absolute path, a drive letter, a network share or a URL, whoever wrote the "
        "model decides which file of the machine is read into a tensor, and may learn it from "
        "the outputs.",
        "Put the data file beside the model and refer to it by its bare name.",
    ),
    _Unsafe(
        "OG403",
        "external-file-unsafe",
        Severity.ERROR,
        "A tensor's data file is a link out of the model's folder, a hard link or no regular file.",
        "A link leads anywhere, and a device such as /dev/zero never ends; ONNX Runtime refuses "
        "what lies neither below the folder of the path that it is given nor below that of the "
        "file which this path leads to. Where a link is followed by '..', runtimes differ in which "
        "file they read. The file was looked at but not opened.",
        "Replace it by a regular file of its own, copied rather than linked.",
    ),
    _Unsafe(
        "OG404",
        "external-file-missing",
        Severity.ERROR,
        "A tensor's data file is missing, unreadable or nowhere to be looked for.",
        "The model cannot be loaded where it stands. Whoever later puts a file of that name beside "
        "it supplies the weights. A model from standard input has no folder to look in.",
        "Ship the data file with the model and scan the model by its path, or save it with its "
        "weights inside.",
    ),
    _Unsafe(
        "OG405",
        "external-range",
        Severity.ERROR,
        "A tensor's range in its data file does not fit the file or the tensor.",
        "A negative or non-integer offset, or a length past the end, makes a loader that maps the "
        "file read foreign memory or fail half-way.",
        "Write model and data file again in one go; they are not of one export.",
    ),
    _Unsafe(
        "OG406",
        "external-keys",
        Severity.ERROR,
        "A tensor's reference to its data file has unknown, repeated or missing keys.",
        "Of a repeated key some readers take the first and some the last, so the file that was "
        "checked need not be the one that is read. Unknown keys are ignored by some and obeyed by "
        "others.",
        "Keep location, offset, length and checksum, each at most once.",
    ),
    Rule(
        "OG407",
        "external-link",
        Severity.NOTE,
        "A tensor's data file is reached through a symbolic link that stays near the model.",
        "It leads to a file below the model's folder, or beside the file that the model is a link "
        "to, as in the cache of the Hugging Face Hub. ONNX Runtime reads it, onnx refuses every "
        "link, and a copy of the folder may lose it.",
        "Copy the data into a plain file beside the model, or set policy.external_data_links: "
        "allow says nothing, warn and forbid make it a warning and an error.",
    ),
    _Unsafe(
        "OG408",
        "external-pointer",
        Severity.ERROR,
        "A tensor's data file is a pointer to the data: of Git LFS, git-annex, DVC or Xet.",
        "The weights were not fetched. A runtime that finds enough bytes in the pointer's text "
        "takes them for weights without a word; otherwise the model does not load.",
        "Fetch the data as the message says (in CI: check out with LFS), and scan again.",
    ),
)
